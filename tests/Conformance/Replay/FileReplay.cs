using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using FastSidecar.Conformance.Cases;

namespace FastSidecar.Conformance.Replay;

/// <summary>Replays one recorded file: starts its topology, runs its cases and hands each result to <c>report</c>.</summary>
internal sealed class FileReplay(ReplaySettings settings, Action<JsonObject> report)
{
    /// <summary>The app stops listening once the sidecars are ready.</summary>
    private static readonly HashSet<string> AppStops = ["http/app-down", "http/local-app-down"];

    public async Task RunAsync(string name)
    {
        var file = CaseFile.Load(name);
        var cases = file.Cases.Where(c => Regex.IsMatch(CaseFile.NameOf(c), settings.CasePattern)).ToList();
        await using var topology = new Topology(settings, file);
        await topology.StartAsync();
        if (AppStops.Contains(name))
        {
            topology.App.Stop();
        }

        var replay = new CaseReplay(topology);
        foreach (var recorded in cases)
        {
            await RunAsync(file, recorded, replay.RunAsync);
        }
    }

    private async Task RunAsync(CaseFile file, JsonObject recorded, Func<JsonObject, Task<JsonObject>> run)
    {
        JsonObject actual;
        try
        {
            actual = await run(recorded);
        }
        catch (Exception e)
        {
            // The case fails with this text; the others still run.
            actual = new JsonObject { ["replay_error"] = e.ToString() };
        }

        report(new JsonObject { ["file"] = file.Name, ["name"] = CaseFile.NameOf(recorded), ["actual"] = actual });
    }
}
