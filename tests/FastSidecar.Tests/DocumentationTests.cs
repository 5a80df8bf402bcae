using System.Text.RegularExpressions;
using Xunit;

namespace FastSidecar.Tests;

/// <summary>What the documentation says about files that are there to be compared.</summary>
public sealed partial class DocumentationTests
{
    private static readonly string Root = ArchitectureTests.FindRoot();

    [Fact]
    public void Dependencies_EveryPinnedPackage_HasItsSentence()
    {
        var pinned = PackageVersion().Matches(File.ReadAllText(Path.Combine(Root, "Directory.Packages.props")))
            .Select(static match => $"{match.Groups[1].Value} {match.Groups[2].Value}");
        var explained = PackageRow().Matches(File.ReadAllText(Path.Combine(Root, "docs", "dependencies.md")))
            .Select(static match => $"{match.Groups[1].Value} {match.Groups[2].Value}");

        Assert.Equal(pinned.Order(StringComparer.Ordinal), explained.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Links_ToFiles_LeadSomewhere()
    {
        string[] pages =
        [
            Path.Combine(Root, "README.md"),
            .. Directory.EnumerateFiles(Path.Combine(Root, "docs"), "*.md", SearchOption.AllDirectories),
            .. Directory.EnumerateFiles(Path.Combine(Root, "samples"), "README.md", SearchOption.AllDirectories),
        ];
        var broken = pages.SelectMany(page => Link().Matches(File.ReadAllText(page)).Select(match => (Page: page, Target: match.Groups[1].Value)))
            .Where(static link => !link.Target.Contains("://", StringComparison.Ordinal))
            .Where(static link => !Path.Exists(Path.Combine(Path.GetDirectoryName(link.Page)!, link.Target)))
            .Select(static link => $"{Path.GetFileName(link.Page)}: {link.Target}")
            .ToArray();

        Assert.True(broken.Length == 0, $"links that lead nowhere:\n{string.Join('\n', broken)}");
    }

    [GeneratedRegex("""<PackageVersion Include="([^"]+)" Version="([^"]+)" />""")]
    private static partial Regex PackageVersion();

    /// <summary>| Package | 1.2.3 | …</summary>
    [GeneratedRegex(@"^\| ([A-Za-z0-9.]+) \| (\d+\.\d+[^ ]*) \| [^|]+\.? \|$", RegexOptions.Multiline)]
    private static partial Regex PackageRow();

    [GeneratedRegex(@"\]\(([^)#]+)(?:#[^)]*)?\)")]
    private static partial Regex Link();
}
