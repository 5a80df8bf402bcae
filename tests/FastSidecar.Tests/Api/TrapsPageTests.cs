using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Xunit;

namespace FastSidecar.Tests.Api;

/// <summary>The page of the HTTP API's traps names cases and tests: each exists, and each case is what the page says of it.</summary>
public sealed partial class TrapsPageTests
{
    private const string Title = "HTTP API: behaviours people trip over";
    private const int Rows = 56;

    private static readonly string Root = ArchitectureTests.FindRoot();

    [Fact]
    public void EveryRow_NamesWhatHoldsIt()
    {
        var rows = PageRows();

        Assert.Equal(Enumerable.Range(1, Rows), rows.Select(static row => row.Number));
        Assert.All(rows, static row => Assert.True(Holds().IsMatch(row.Holds), $"row {row.Number} names nothing: {row.Holds}"));
    }

    [Fact]
    public void RecordedCases_ExistAndMatchOrDifferAsSaid()
    {
        var differences = Differences();
        var wrong = new List<string>();
        foreach (var (number, holds) in PageRows())
        {
            foreach (Match cited in Cases().Matches(holds))
            {
                var file = cited.Groups["file"].Value;
                var known = CaseNames(file);
                foreach (var name in cited.Groups["names"].Value.Split("; ").Select(static name => Remark().Replace(name, "")))
                {
                    var kind = differences.GetValueOrDefault((file, name), "match");
                    var said = cited.Groups["kind"].Value switch
                    {
                        "Recorded" => kind == "match",
                        "Differs:" => kind is "on purpose" or "need not match",
                        _ => kind == "later",
                    };
                    if (!known.Contains(name) || !said)
                    {
                        wrong.Add($"row {number}: {file}, {name}: {(known.Contains(name) ? kind : "no such case")}");
                    }
                }
            }
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    [Fact]
    public void Tests_Exist()
    {
        var sources = string.Concat(
            Directory.EnumerateFiles(Path.Combine(Root, "tests"), "*Tests.cs", SearchOption.AllDirectories).Select(File.ReadAllText));
        var wrong = PageRows()
            .SelectMany(static row => Test().Matches(row.Holds))
            .Where(test =>
                !sources.Contains($"class {test.Groups[1].Value}", StringComparison.Ordinal) ||
                !sources.Contains($" {test.Groups[2].Value}(", StringComparison.Ordinal))
            .Select(static test => test.Value);

        Assert.Empty(wrong);
    }

    private static List<(int Number, string Holds)> PageRows()
    {
        var page = Directory.EnumerateFiles(Path.Combine(Root, "docs"), "traps*.md")
            .Select(File.ReadAllText)
            .Single(static text => text.Contains(Title, StringComparison.Ordinal));
        var section = page[page.IndexOf(Title, StringComparison.Ordinal)..];
        var end = section.IndexOf("\n#", StringComparison.Ordinal);
        return [.. Row().Matches(end < 0 ? section : section[..end]).Select(static row => (Number(row.Groups[1].Value), row.Groups[2].Value))];
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    private static HashSet<string> CaseNames(string file)
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Root, "tests", "Conformance", "fixtures", file + ".json")));
        var cases = json.RootElement.ValueKind == JsonValueKind.Array ? json.RootElement : json.RootElement.GetProperty("cases");
        return [.. cases.EnumerateArray().Select(static recorded => recorded.GetProperty("name").GetString()!)];
    }

    private static Dictionary<(string File, string Name), string> Differences()
    {
        var differences = new Dictionary<(string, string), string>();
        using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Root, "tests", "Conformance", "differences.json")));
        foreach (var entry in json.RootElement.GetProperty("differences").EnumerateArray())
        {
            foreach (var name in entry.GetProperty("cases").EnumerateArray())
            {
                var text = name.ValueKind == JsonValueKind.String ? name.GetString() : name.GetProperty("name").GetString();
                differences[(entry.GetProperty("file").GetString()!, text!)] = entry.GetProperty("class").GetString()!;
            }
        }

        return differences;
    }

    [GeneratedRegex(@"^\| (\d+) \| .* \| ([^|]*) \|$", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex(@"^(Recorded `|Differs: `|Test \w|Later \()")]
    private static partial Regex Holds();

    [GeneratedRegex(@"(?<kind>Recorded|Differs:|Later[^.`]*:) `(?<file>\w+/[\w-]+)`[:,] (?<names>.*?)(?=\. (?:Recorded|Differs|Test|Later|An? |HTTPEndpoint|The )|$)")]
    private static partial Regex Cases();

    [GeneratedRegex(@" \(a sidecar.*\)$")]
    private static partial Regex Remark();

    [GeneratedRegex(@"\b(\w+Tests)\.(\w+)")]
    private static partial Regex Test();
}
