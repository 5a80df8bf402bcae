using System.Text.Json.Nodes;
using FastSidecar.Conformance.Cases;

namespace FastSidecar.Conformance.Replay;

/// <summary>Which files are replayed and in which order.</summary>
internal static class ReplayPlan
{
    /// <summary>Their cases build on each other.</summary>
    private static readonly HashSet<string> Sequences = ["http/startup", "http/apphealth", "http/metadata", "http/metadata-raw"];

    public static IReadOnlyList<string> Files { get; } =
        [.. Directory.EnumerateFiles(Path.Combine(CaseFile.Folder, "http"), "*.json").Select(f => "http/" + Path.GetFileNameWithoutExtension(f)).Order()];

    public static bool RunsInOrder(string file) => Sequences.Contains(file);

    /// <summary>Most cases wait rather than compute: the file that waits longest begins.</summary>
    public static IEnumerable<string> LongestFirst(IEnumerable<string> files) => files.OrderByDescending(f => CaseFile.Load(f).Cases.Sum(Seconds));

    private static double Seconds(JsonObject recorded)
    {
        var waits = recorded["connection"]?.ToString() == "no-answer-yet" ? recorded["timeout"]?.GetValue<double>() ?? 8 : 0.15;
        return Math.Max(waits, recorded["marks"]?["done"]?.GetValue<double>() ?? 0);
    }
}
