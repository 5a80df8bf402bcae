using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace FastSidecar.Conformance.Processes;

/// <summary>Log lines in the form of the runtime fixtures: <c>level scope | message</c>, with the component after it.</summary>
internal static partial class LogLines
{
    /// <summary>Scopes and words of building blocks that a sidecar without them need not print (fixtures README), and of background work.</summary>
    private static readonly string[] Optional =
        ["dapr.runtime.actor", "scheduler", "placement", "wfengine", "MCP", "Refreshing mDNS addresses"];

    [GeneratedRegex("""(\w+)=("(?:[^"\\]|\\.)*"|\S*)""")]
    private static partial Regex Field();

    [GeneratedRegex(@"Init Elapsed \d+ms")]
    private static partial Regex Elapsed();

    public static List<string> Read(string log) => [.. log.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(ReadLine).OfType<string>()];

    /// <summary>
    /// What is to be compared: the recorded lines, as far as the log has them or need not have them, then every error or fatal line that
    /// the recording lacks. The order of neighbouring lines is free.
    /// </summary>
    public static JsonArray Compared(JsonArray recorded, IReadOnlyCollection<string> lines)
    {
        var wanted = recorded.Select(l => l!.GetValue<string>()).ToList();
        var present = wanted.Where(w => lines.Contains(w) || Optional.Any(o => w.Contains(o, StringComparison.Ordinal)));
        var unexpected = lines.Where(l => !wanted.Contains(l) && (l.StartsWith("error ", StringComparison.Ordinal) || l.StartsWith("fatal ", StringComparison.Ordinal)));
        return new JsonArray([.. present.Concat(unexpected).Select(l => (JsonNode)l)]);
    }

    private static string? ReadLine(string line)
    {
        var fields = Field().Matches(line).GroupBy(m => m.Groups[1].Value).ToDictionary(g => g.Key, g => Unquoted(g.First().Groups[2].Value));
        if (!fields.TryGetValue("level", out var level) || !fields.TryGetValue("msg", out var message))
        {
            return null;
        }

        var component = fields.TryGetValue("component", out var name) ? $" component={name}" : "";
        return $"{level} {fields.GetValueOrDefault("scope")} | {Elapsed().Replace(message, "Init Elapsed {{N}}ms")}{component}";
    }

    private static string Unquoted(string value)
    {
        if (value.Length < 2 || value[0] != '"')
        {
            return value;
        }

        var text = new StringBuilder();
        for (var i = 1; i < value.Length - 1; i++)
        {
            text.Append(value[i] != '\\' ? value[i] : value[++i] switch { 'n' => '\n', 't' => '\t', var c => c });
        }

        return text.ToString();
    }
}
