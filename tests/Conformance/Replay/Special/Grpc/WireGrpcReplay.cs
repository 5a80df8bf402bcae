using System.Net;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Cases;
using FastSidecar.Conformance.Grpc;
using FastSidecar.Conformance.Http2;
using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Replay.Special.Grpc;

/// <summary>
/// gRPC and HTTP clients → caller → callee → gRPC app, with a proxy on the callee's internal port that records what the sidecars say to each other.
/// </summary>
internal static class WireGrpcReplay
{
    private const string InvokeService = "/dapr.proto.runtime.v1.Dapr/InvokeService";
    private const string Proxied = "/user.Svc/M";

    /// <summary>A loopback address other than the one that a sidecar would then announce.</summary>
    private const string CalleeListens = "127.0.0.2";

    private static readonly TimeSpan AppPatience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan StreamPatience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Settle = TimeSpan.FromMilliseconds(30);

    /// <summary>The recording shows only what became of the clients' metadata.</summary>
    private static readonly Dictionary<string, string> Metadata = new()
    {
        ["invokeservice-metadata"] =
            """[["x-a", "1"], ["x-a", "2"], ["foo-bin", "AAEC"], ["traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"], ["tracestate", "k=v"]]""",
        ["invokeservice-deadline-20s"] = """[["grpc-timeout", "20S"]]""",
        ["proxied-unary"] = """[["dapr-app-id", "callee"], ["grpc-timeout", "20S"], ["x-a", "1"]]""",
        ["proxied-bidi"] = """[["dapr-app-id", "callee"]]""",
        ["proxied-error"] = """[["dapr-app-id", "callee"]]""",
        ["proxied-cancel"] = """[["dapr-app-id", "callee"]]""",
    };

    public static async Task RunAsync(ReplaySettings settings, CaseFile file, RunCase runCase)
    {
        await using var topology = new GrpcTopology(settings, file, "wire");
        using var proxy = new RecordingProxy(
            new IPEndPoint(IPAddress.Parse(settings.HostIp), topology.Callee.Internal), new IPEndPoint(IPAddress.Parse(CalleeListens), topology.Callee.Internal));
        var app = new RecordedApp(topology, isGrpc: true);
        app.Start();
        await topology.StartAsync("callee", hasApp: true, ["--app-protocol", "grpc", "--dapr-internal-grpc-listen-address", CalleeListens]);
        await topology.StartAsync("caller", hasApp: false);
        foreach (var recorded in file.Cases)
        {
            await runCase(file, recorded, async r =>
            {
                app.Expect(r["app"]);
                var client = await CallAsync(topology, r);
                await Task.Delay(Settle);
                var result = new JsonObject { ["client"] = client, ["app_saw"] = await app.SeenAsync(r["app_saw"]!.AsArray(), AppPatience) };
                var exchanges = await proxy.TakeAsync(StreamPatience);
                result["internal"] = new JsonArray([.. exchanges.Select((e, i) => Exchange(topology, e, (r["internal"] as JsonArray)?.ElementAtOrDefault(i) as JsonObject))]);
                return topology.Seen(result);
            });
        }
    }

    private static Task<JsonObject> CallAsync(GrpcTopology topology, JsonObject recorded)
    {
        var name = CaseFile.NameOf(recorded);
        if (name.StartsWith("http-", StringComparison.Ordinal))
        {
            return RawClient.CallAsync(new RawCall { To = GrpcTopology.Local(topology.Caller.Http), Steps = topology.Fill(recorded["request"]) }, topology.Rendezvous);
        }

        var isProxied = name.StartsWith("proxied", StringComparison.Ordinal);
        var metadata = Metadata.TryGetValue(name, out var fields) ? JsonNode.Parse(fields)!.AsArray() : null;
        var request = recorded["request"];
        var steps = GrpcClient.Unary(
            isProxied ? Proxied : InvokeService, request is JsonArray ? null : request, isProxied ? MessageSchema.Raw : "InvokeServiceRequest", metadata);
        if (request is JsonArray script)
        {
            steps = [steps[0]!.DeepClone(), .. script.Select(s => s!.DeepClone())];
        }

        return GrpcClient.CallAsync(GrpcTopology.Local(topology.Caller.Grpc), steps, CalleeReplay.PatienceFor(recorded["client"]!));
    }

    private static JsonObject Exchange(GrpcTopology topology, RecordedExchange exchange, JsonObject? recorded)
    {
        var path = exchange.Request.Headers?.Find(f => f.Name == ":path").Value ?? "";
        return MessageSchema.RequestOf(path) == MessageSchema.Raw
            ? new JsonObject { ["path"] = path, ["request_wire"] = Side(exchange.Request, exchange.ResetName), ["response_wire"] = Side(exchange.Response, null) }
            : exchange.ToJson(recorded, topology.Seen);
    }

    private static JsonObject Side(Http2StreamSeen seen, string? reset)
    {
        var isOnlyHead = seen.Ended && seen.Trailers is null && seen.Headers?.Exists(f => f.Name == "grpc-status") == true;
        var side = new JsonObject { ["messages"] = GrpcNotes.Messages(seen.Body.ToArray(), MessageSchema.Raw) };
        if (seen.Headers is { } headers)
        {
            side[isOnlyHead ? "trailers_only" : "headers"] = GrpcNotes.Fields(headers);
        }

        if (seen.Trailers is { } trailers)
        {
            side["trailers"] = GrpcNotes.Fields(trailers);
        }

        side["end"] = seen.Ended ? "END_STREAM" : "none";
        if (reset is not null)
        {
            side["reset"] = reset;
        }

        return side;
    }
}
