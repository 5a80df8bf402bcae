using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Cases;
using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Replay.Special;

/// <summary>A sidecar whose app does not listen at first, then does.</summary>
internal static class StartupReplay
{
    private static readonly TimeSpan WaitingPatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan AppNoticed = TimeSpan.FromMilliseconds(600);

    public static async Task RunAsync(ReplaySettings settings, CaseFile file, RunCase runCase)
    {
        await using var topology = new Topology(settings, file);
        var probes = new ConcurrentQueue<JsonObject>();
        topology.App.Quiet["/dapr/config"] = request =>
        {
            probes.Enqueue(request);
            return Task.FromResult<string?>("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        };
        await topology.StartSidecarsAsync(waitUntilReady: false);
        await topology.ReadyAsync("other");
        await WaitsForAppAsync(topology);
        var replay = new CaseReplay(topology);
        var started = false;
        foreach (var recorded in file.Cases)
        {
            if (!started && CaseFile.NameOf(recorded).StartsWith("app started", StringComparison.Ordinal))
            {
                started = true;
                topology.App.Start();
                await Task.Delay(AppNoticed);
            }

            await runCase(file, recorded, async r =>
            {
                var actual = await replay.RunAsync(r);
                if (r["config_probe_seen"] is not null)
                {
                    actual["config_probe_seen"] = topology.Placeholders.Seen(new JsonObject { ["x"] = new JsonArray([.. probes.Select(p => p.DeepClone())]) })["x"]!.DeepClone();
                }

                return actual;
            });
        }
    }

    private static async Task WaitsForAppAsync(Topology topology)
    {
        var deadline = Clock.Now + WaitingPatience.TotalSeconds;
        while (!topology.Sidecars["callee"].Log.Contains("This will block until the app is listening", StringComparison.Ordinal) && Clock.Now < deadline)
        {
            await Task.Delay(20);
        }
    }
}
