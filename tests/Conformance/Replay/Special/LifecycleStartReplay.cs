using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using FastSidecar.Conformance.Cases;
using FastSidecar.Conformance.Processes;
using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Replay.Special;

/// <summary>A sidecar (<c>callee</c>) whose app comes late or never, beside one with an app (<c>other</c>): what is open and answered when.</summary>
internal static partial class LifecycleStartReplay
{
    /// <summary>Observation goes on for this long after the app began to listen, or from the start when it never does.</summary>
    private static readonly TimeSpan Observed = TimeSpan.FromSeconds(1.8);

    private static readonly TimeSpan ExitPatience = TimeSpan.FromSeconds(12);

    [GeneratedRegex(@"listen at (\d+) ms")]
    private static partial Regex ListensAt();

    public static async Task RunAsync(ReplaySettings settings, CaseFile file, RunCase runCase)
    {
        foreach (var recorded in file.Cases)
        {
            await runCase(file, recorded, r => RunAsync(settings, file, r));
        }
    }

    private static async Task<JsonObject> RunAsync(ReplaySettings settings, CaseFile file, JsonObject recorded)
    {
        await using var topology = new Topology(settings, file, CaseFile.NameOf(recorded));
        topology.Outside.Start();
        var other = topology.StartSidecar(new RecordedProcess("other", new JsonObject { ["app_id"] = "other", ["app"] = true }), appPort: topology.Outside.Port);
        await topology.ReadyAsync("other");
        if (recorded["before"] is not null)
        {
            return await AppDiesAsync(topology);
        }

        // The app reads a request up to its blank line and answers like HTTP/1.1, whatever protocol the sidecar expects.
        var start = Clock.Now;
        var callee = topology.StartSidecar(new RecordedProcess(
            "callee", new JsonObject { ["app_id"] = "callee", ["app"] = true, ["flags"] = recorded["flags"]!.DeepClone() }));
        await using var probe = new LifecycleProbe(start, topology.Placeholders.Seen);
        Watch(probe, callee, other);
        var match = ListensAt().Match(recorded["note"]!.GetValue<string>());
        if (match.Success)
        {
            await Task.Delay(int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture));
            topology.App.AnswersTls = false;
            topology.App.Start();
        }

        await Task.Delay(Observed);
        var timelines = await probe.ComparedAsync(recorded["timelines"]!.AsObject(), (Clock.Now - start) * 1000);
        callee.Signal(SidecarProcess.SigTerm);
        var ended = await callee.EndedWithinAsync(ExitPatience);
        return topology.Placeholders.Seen(new JsonObject
        {
            ["timelines"] = timelines,
            ["exit_code_on_sigterm"] = ended ? callee.ExitCode : null,
            ["log"] = LogLines.Compared(recorded["log"]!.AsArray(), LogLines.Read(topology.Placeholders.Seen(callee.Log))),
        });
    }

    private static void Watch(LifecycleProbe probe, SidecarProcess callee, SidecarProcess other)
    {
        var ports = callee.Ports;
        foreach (var (name, port) in ports.All)
        {
            probe.WatchPort($"{name.ToLowerInvariant()}_port", port);
        }

        probe.WatchPath("outbound", ports.Http, "/v1.0/healthz/outbound");
        probe.WatchPath("healthz", ports.Http, "/v1.0/healthz");
        probe.WatchPath("public_healthz", ports.Public, "/v1.0/healthz");
        probe.WatchPath("metadata", ports.Http, "/v1.0/metadata");
        probe.WatchPath("invoke_self", ports.Http, "/v1.0/invoke/callee/method/x");
        probe.WatchPath("invoke_other", ports.Http, "/v1.0/invoke/other/method/x");
        probe.WatchPath("invoked_by_other", other.Ports.Http, "/v1.0/invoke/callee/method/x");
    }

    /// <summary>The app of a running sidecar stops: health stays good, a call says so.</summary>
    private static async Task<JsonObject> AppDiesAsync(Topology topology)
    {
        topology.App.Start();
        var callee = topology.StartSidecar(new RecordedProcess("callee", new JsonObject { ["app_id"] = "callee", ["app"] = true }));
        await topology.ReadyAsync("callee");
        await using var probe = new LifecycleProbe(Clock.Now, topology.Placeholders.Seen);
        var before = new JsonArray(await StatusAsync("/v1.0/healthz"), await StatusAsync("/v1.0/healthz/outbound"));
        topology.App.Stop();
        await Task.Delay(1500);
        var call = await probe.GetAsync(callee.Ports.Http, "/v1.0/invoke/callee/method/x");
        return topology.Placeholders.Seen(new JsonObject
        {
            ["before"] = before,
            ["after_1500ms"] = new JsonArray(await StatusAsync("/v1.0/healthz"), await StatusAsync("/v1.0/healthz/outbound"), call),
        });

        async Task<JsonNode?> StatusAsync(string path) => (await probe.GetAsync(callee.Ports.Http, path)) is JsonArray answer ? answer[0]!.DeepClone() : null;
    }
}
