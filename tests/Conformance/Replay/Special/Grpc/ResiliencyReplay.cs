using System.Text.Json.Nodes;
using FastSidecar.Conformance.Cases;
using FastSidecar.Conformance.Grpc;
using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Replay.Special.Grpc;

/// <summary>A caller with a user's Resiliency, by HTTP with a known length, chunked, and by InvokeService.</summary>
internal static class ResiliencyReplay
{
    private const string InvokeService = "/dapr.proto.runtime.v1.Dapr/InvokeService";
    private static readonly TimeSpan AppPatience = TimeSpan.FromSeconds(0.5);

    public static async Task RunAsync(ReplaySettings settings, CaseFile file, RunCase runCase)
    {
        foreach (var kind in file.Cases.GroupBy(r => (Policy: r["policy"]!.GetValue<string>(), IsGrpc: CaseFile.NameOf(r).Contains("-grpcapp-", StringComparison.Ordinal))))
        {
            await using var topology = new GrpcTopology(settings, file, $"{kind.Key.Policy}-{(kind.Key.IsGrpc ? "grpc" : "http")}");
            var app = new RecordedApp(topology, kind.Key.IsGrpc);
            app.Start();
            await topology.StartAsync("callee", hasApp: true, kind.Key.IsGrpc ? ["--app-protocol", "grpc"] : []);
            await topology.StartAsync("caller", hasApp: false, resources: Resource(kind.Key.Policy));

            // What no callee is needed for ends the callee.
            foreach (var recorded in kind.OrderBy(IsCalleeGone))
            {
                await runCase(file, recorded, r => ReplayAsync(topology, app, r, kind.Key.IsGrpc));
            }
        }
    }

    private static bool IsCalleeGone(JsonObject recorded) => CaseFile.NameOf(recorded).Contains("callee-gone", StringComparison.Ordinal);

    private static async Task<JsonObject> ReplayAsync(GrpcTopology topology, RecordedApp app, JsonObject recorded, bool isGrpc)
    {
        app.Expect(recorded["app"]);
        if (IsCalleeGone(recorded) && !topology["callee"].HasEnded)
        {
            topology["callee"].Signal(Processes.SidecarProcess.SigKill);
            await topology["callee"].EndedWithinAsync(TimeSpan.FromSeconds(5));
        }

        var client = await CallAsync(topology, CaseFile.NameOf(recorded));
        var calls = await app.SeenAsync(new JsonArray([.. Enumerable.Range(0, recorded["app_calls"]!.GetValue<int>()).Select(_ => (JsonNode)new JsonObject())]), AppPatience);
        return topology.Seen(new JsonObject
        {
            ["client"] = client,
            ["app_calls"] = calls.Count,
            ["app_bodies"] = new JsonArray([.. calls.Select(c => (isGrpc ? (c!["messages"] as JsonArray)?.FirstOrDefault()?["data"] : c!["body"])?.DeepClone())]),
        });
    }

    private static async Task<JsonObject> CallAsync(GrpcTopology topology, string name)
    {
        const string Head = "POST /v1.0/invoke/callee/method/m HTTP/1.1\r\nHost: localhost:3500\r\nContent-Type: text/plain\r\n";
        if (name.EndsWith("-invokeservice", StringComparison.Ordinal))
        {
            var message = JsonNode.Parse("""{"id": "callee", "message": {"method": "m", "data": {"value": "abc"}, "content_type": "text/plain", "http_extension": {"verb": 3}}}""");
            return await GrpcClient.CallAsync(GrpcTopology.Local(topology.Caller.Grpc), GrpcClient.Unary(InvokeService, message, "InvokeServiceRequest"));
        }

        var text = Head + (name.EndsWith("-chunked", StringComparison.Ordinal) ? "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" : "Content-Length: 3\r\n\r\nabc");
        return await RawClient.CallAsync(
            new RawCall { To = GrpcTopology.Local(topology.Caller.Http), Steps = [new JsonObject { ["text"] = text }] }, topology.Rendezvous);
    }

    private static string Resource(string policy)
    {
        var matching = policy switch
        {
            "match-http-5xx" => "\n        matching:\n          httpStatusCodes: \"500-599\"",
            "match-grpc-14" => "\n        matching:\n          gRPCStatusCodes: \"14\"",
            _ => "",
        };
        var (timeouts, timeout) = policy == "timeout-400ms" ? ("\n    timeouts:\n      short: 400ms", "\n        timeout: short") : ("", "");
        return $"""
            apiVersion: dapr.io/v1alpha1
            kind: Resiliency
            metadata:
              name: recorded
            spec:
              policies:{timeouts}
                retries:
                  again:
                    policy: constant
                    duration: 200ms
                    maxRetries: 2{matching}
              targets:
                apps:
                  callee:
                    retry: again{timeout}
            """;
    }
}
