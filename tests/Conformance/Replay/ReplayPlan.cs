using System.Text.Json.Nodes;
using FastSidecar.Conformance.Cases;

namespace FastSidecar.Conformance.Replay;

/// <summary>Which files are replayed and in which order.</summary>
internal static class ReplayPlan
{
    /// <summary>Their cases build on each other.</summary>
    private static readonly HashSet<string> Sequences = ["http/startup", "http/apphealth", "http/metadata", "http/metadata-raw"];

    /// <summary>Recorded files of the other areas that this replayer runs.</summary>
    private static readonly string[] OtherAreas =
    [
        "grpc/wire-http", "grpc/wire-idle", "grpc/wire-slowbody", "grpc/callee", "grpc/caller", "runtime/cli", "runtime/lifecycle-start", "runtime/lifecycle-shutdown",
        "runtime/mdns-server", "runtime/mdns-client", "runtime/mdns-peer-answers", "runtime/mdns-instances", "runtime/mdns-interfaces",
    ];

    public static IReadOnlyList<string> Files { get; } =
        [.. Directory.EnumerateFiles(Path.Combine(CaseFile.Folder, "http"), "*.json").Select(f => "http/" + Path.GetFileNameWithoutExtension(f)).Order(), .. OtherAreas];

    /// <summary>Does next to nothing for minutes: runs beside the others.</summary>
    public static bool OnlyWaits(string file) =>
        file is "grpc/wire-idle" or "grpc/wire-slowbody" or "runtime/lifecycle-shutdown" or "runtime/cli" || NeedsNetwork(file);

    /// <summary>Cannot be replayed on a network that others use: it looks at interfaces and at every packet on them.</summary>
    public static bool NeedsNetwork(string file) => file.StartsWith("runtime/mdns-", StringComparison.Ordinal);

    public static bool RunsInOrder(string file) => Sequences.Contains(file);

    /// <summary>Most cases wait rather than compute: the file that waits longest begins.</summary>
    public static IEnumerable<string> LongestFirst(IEnumerable<string> files) => files.OrderByDescending(f => CaseFile.Load(f).Cases.Sum(Seconds));

    private static double Seconds(JsonObject recorded)
    {
        var waits = recorded["connection"]?.ToString() == "no-answer-yet" ? recorded["timeout"]?.GetValue<double>() ?? 8 : 0.15;
        return Math.Max(waits, recorded["marks"]?["done"]?.GetValue<double>() ?? 0);
    }
}
