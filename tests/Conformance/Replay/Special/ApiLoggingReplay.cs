using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using FastSidecar.Conformance.Cases;
using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Replay.Special;

/// <summary>Cases that also record the log lines which any process wrote meanwhile: API calls, warnings and errors.</summary>
internal static partial class ApiLoggingReplay
{
    private static readonly TimeSpan LinePatience = TimeSpan.FromSeconds(1);

    [GeneratedRegex("HTTP API Called|level=(warning|error)|\"level\":\"(warning|error)\"")]
    private static partial Regex Noted();

    [GeneratedRegex("""(duration=|"duration":)[\d.eE+-]+""")]
    private static partial Regex Duration();

    [GeneratedRegex("""(?<key>\bver=|"ver":")[^\s"]+""")]
    private static partial Regex Version();

    public static async Task RunAsync(ReplaySettings settings, CaseFile file, RunCase runCase)
    {
        await using var topology = new Topology(settings, file);
        await topology.StartAsync();
        var replay = new CaseReplay(topology);
        foreach (var recorded in file.Cases)
        {
            await runCase(file, recorded, WithLinesAsync);
        }

        async Task<JsonObject> WithLinesAsync(JsonObject recorded)
        {
            var before = topology.Sidecars.ToDictionary(s => s.Key, s => s.Value.Log.Length);
            var actual = await replay.RunAsync(recorded);
            var deadline = Clock.Now + LinePatience.TotalSeconds;
            var wanted = recorded["log_lines"]!.AsObject().Sum(p => p.Value!.AsArray().Count);
            JsonObject lines;
            do
            {
                await Task.Delay(20);
                lines = Lines(topology, before);
            }
            while (lines.Sum(p => p.Value!.AsArray().Count) < wanted && Clock.Now < deadline);
            actual["log_lines"] = lines;
            return actual;
        }
    }

    private static JsonObject Lines(Topology topology, Dictionary<string, int> before)
    {
        var result = new JsonObject();
        foreach (var (key, sidecar) in topology.Sidecars)
        {
            var lines = sidecar.Log[before[key]..]
                .Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Where(l => Noted().IsMatch(l))
                .Select(l => topology.Placeholders.Seen(Version().Replace(Duration().Replace(l, "$1{{MS}}"), "${key}{{VER}}")))
                .Select(l => (JsonNode)l)
                .ToArray();
            if (lines.Length > 0)
            {
                result[key] = new JsonArray(lines);
            }
        }

        return result;
    }
}
