using System.Text.Json.Nodes;
using FastSidecar.Conformance.Cases;
using FastSidecar.Conformance.Grpc;

namespace FastSidecar.Conformance.Replay.Special.Grpc;

/// <summary>Calls of an app's own service through caller and callee; some go to the callee's ports.</summary>
internal static class ProxyReplay
{
    private const string Resiliency = """
        apiVersion: dapr.io/v1alpha1
        kind: Resiliency
        metadata:
          name: recorded
        spec:
          policies:
            timeouts:
              short: 1s
            retries:
              again:
                policy: constant
                duration: 200ms
                maxRetries: 3
          targets:
            apps:
              callee:
                timeout: short
                retry: again
        """;

    private static readonly TimeSpan AppPatience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Settle = TimeSpan.FromMilliseconds(20);

    public static async Task RunAsync(ReplaySettings settings, CaseFile file, RunCase runCase)
    {
        foreach (var kind in file.Cases.GroupBy(r => r["caller_resiliency"] is not null ? "resiliency" : r["callee_env"]?.GetValue<string>() ?? "plain"))
        {
            await using var topology = new GrpcTopology(settings, file, kind.Key.Replace('=', '-'), showsBytes: true);
            var app = new RecordedApp(topology, isGrpc: true);
            app.Start();
            await topology.StartAsync(
                "callee", hasApp: true, ["--app-protocol", "grpc"],
                environment: kind.Key.Split('=') is [var name, var value] ? [new(name, value)] : []);
            await topology.StartAsync("caller", hasApp: false, resources: kind.Key == "resiliency" ? Resiliency : null);
            foreach (var recorded in kind)
            {
                await runCase(file, recorded, r => ReplayAsync(topology, app, r));
            }
        }
    }

    private static async Task<JsonObject> ReplayAsync(GrpcTopology topology, RecordedApp app, JsonObject recorded)
    {
        app.Expect(recorded["app"]);
        var port = recorded["called_on"]?.GetValue<string>() switch
        {
            null => topology.Caller.Grpc,
            var on when on.Contains("internal", StringComparison.Ordinal) => topology.Callee.Internal,
            _ => topology.Callee.Grpc,
        };
        var result = new JsonObject
        {
            ["answer"] = await GrpcClient.CallAsync(GrpcTopology.Local(port), topology.Fill(recorded["steps"]), CalleeReplay.PatienceFor(recorded["answer"]!), asBytes: true),
        };
        await Task.Delay(Settle);
        result["app_saw"] = await app.SeenAsync(recorded["app_saw"]!.AsArray(), AppPatience);
        if (await topology.CrashesAsync() is { } crashes)
        {
            result["process_ended"] = crashes;
        }

        return topology.Seen(result);
    }
}
