using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using FastSidecar.Conformance.Cases;

namespace FastSidecar.Conformance.Replay.Special;

/// <summary>
/// App health checks. How the app answers its probes and how long is waited before a request comes from the fixture's notes; between
/// some cases the recording let the app recover without saying so (the log lines of the last case show it).
/// </summary>
internal static partial class AppHealthReplay
{
    private static readonly TimeSpan Recovery = TimeSpan.FromSeconds(1.4);

    [GeneratedRegex("level=(\\w+) msg=\"((?:[^\"\\\\]|\\\\.)*)\"")]
    private static partial Regex Line();

    public static async Task RunAsync(ReplaySettings settings, CaseFile file, RunCase runCase)
    {
        await using var topology = new Topology(settings, file);
        var answers = Always(503);
        topology.App.Quiet["/hz"] = _ => answers();
        await topology.StartAsync();
        var replay = new CaseReplay(topology);
        foreach (var recorded in file.Cases)
        {
            var before = topology.Sidecars["callee"].Log.Length;
            await PrepareAsync(CaseFile.NameOf(recorded), async (probes, wait) =>
            {
                answers = probes;
                before = topology.Sidecars["callee"].Log.Length;
                await Task.Delay(wait);
            });
            await runCase(file, recorded, async r =>
            {
                var actual = await replay.RunAsync(r);
                if (r["callee_log"] is not null)
                {
                    var from = CaseFile.NameOf(r) == "log lines so far" ? 0 : before;
                    actual["callee_log"] = Lines(topology, topology.Sidecars["callee"].Log[from..]);
                }

                return actual;
            });
        }
    }

    private static async Task PrepareAsync(string name, Func<Func<Task<string?>>, TimeSpan, Task> probes)
    {
        switch (name)
        {
            case "two bad probes: call refused":
                await probes(Always(204), Recovery);
                await probes(Always(500), TimeSpan.FromSeconds(2.6));
                break;
            case "recovered by one good probe" or "back to good 2" or "back to good 3":
                await probes(Always(204), Recovery);
                break;
            case "not consecutive failures trip":
                await probes(Sequence(500, 200, 500, 200), TimeSpan.FromSeconds(4.6));
                break;
            case "301 is bad":
                await probes(Always(301), TimeSpan.FromSeconds(2.6));
                break;
            case "probe connection closed is bad":
                await probes(Always(204), Recovery);
                await probes(() => Task.FromResult<string?>(null), TimeSpan.FromSeconds(2.6));
                break;
            case "probe slower than timeout is bad":
                await probes(SlowAsync, TimeSpan.FromSeconds(3));
                break;
            default:
                break;
        }
    }

    private static Func<Task<string?>> Always(int status) => () => Task.FromResult<string?>(Answer(status));

    private static Func<Task<string?>> Sequence(params int[] statuses)
    {
        var probe = -1;
        return () => Task.FromResult<string?>(Answer(statuses[Math.Min(Interlocked.Increment(ref probe), statuses.Length - 1)]));
    }

    private static async Task<string?> SlowAsync()
    {
        await Task.Delay(600);
        return Answer(204);
    }

    private static string Answer(int status) => $"HTTP/1.1 {status} X\r\n{(status == 204 ? "" : "Content-Length: 0\r\n")}\r\n";

    private static JsonArray Lines(Topology topology, string log) => new([.. log
        .Split('\n')
        .Where(l => l.Contains("App entered", StringComparison.Ordinal) || l.Contains("App health probes starting", StringComparison.Ordinal))
        .Select(l => Line().Match(l))
        .Where(m => m.Success)
        .Select(m => (JsonNode)topology.Placeholders.Seen(m.Value))]);
}
