using System.Text.Json.Nodes;
using FastSidecar.Conformance.Cases;
using FastSidecar.Conformance.Grpc;
using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Replay.Special.Grpc;

/// <summary>A raw gRPC client on a caller's public port; what a gRPC app answers is asked for by an HTTP client too.</summary>
internal static class ApiReplay
{
    private const string InvokeService = "/dapr.proto.runtime.v1.Dapr/InvokeService";
    private static readonly TimeSpan AppPatience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Settle = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan ExitPatience = TimeSpan.FromSeconds(5);

    public static async Task RunAsync(ReplaySettings settings, CaseFile file, RunCase runCase)
    {
        foreach (var kind in file.Cases.GroupBy(KindOf))
        {
            await using var topology = new GrpcTopology(settings, file, kind.Key);
            var app = new RecordedApp(topology, isGrpc: kind.Key != "httpapp");
            app.Start();
            await topology.StartAsync("callee", hasApp: true, kind.Key == "httpapp" ? [] : ["--app-protocol", "grpc"]);
            await topology.StartAsync("caller", hasApp: false, environment: kind.Key == "token" ? [new("DAPR_API_TOKEN", "secret")] : []);
            foreach (var recorded in kind)
            {
                await runCase(file, recorded, r => r["exit_code"] is null ? ReplayAsync(topology, app, r) : ShutdownAsync(topology, r));
            }
        }
    }

    private static string KindOf(JsonObject recorded) => CaseFile.NameOf(recorded).Split('-')[0] is ("grpcapp" or "token") and var kind ? kind : "httpapp";

    private static async Task<JsonObject> ReplayAsync(GrpcTopology topology, RecordedApp app, JsonObject recorded)
    {
        app.Expect(recorded["app"]);
        var result = new JsonObject();
        if (recorded["http"] is { } http)
        {
            result["grpc"] = new JsonObject
            {
                ["client"] = await CallAsync(topology, recorded, recorded["grpc"]!["client"]!),
                ["app_saw"] = await SeenAsync(app, recorded["grpc"]!),
            };
            app.Expect(recorded["app"]);
            result["http"] = new JsonObject
            {
                ["client"] = await RawClient.CallAsync(
                    new RawCall { To = GrpcTopology.Local(topology.Caller.Http), Steps = topology.Fill(recorded["request"]) }, topology.Rendezvous),
                ["app_saw"] = await SeenAsync(app, http),
            };
        }
        else
        {
            result["answer"] = await CallAsync(topology, recorded, recorded["answer"]!);
            if (recorded["app_saw"] is not null)
            {
                result["app_saw"] = await SeenAsync(app, recorded);
            }
        }

        if (await topology.CrashesAsync() is { } crashes)
        {
            result["process_ended"] = crashes;
        }

        return topology.Seen(result);
    }

    private static async Task<JsonArray> SeenAsync(RecordedApp app, JsonNode recorded)
    {
        await Task.Delay(Settle);
        return await app.SeenAsync(recorded["app_saw"]!.AsArray(), AppPatience);
    }

    private static Task<JsonObject> CallAsync(GrpcTopology topology, JsonObject recorded, JsonNode answer)
    {
        var port = recorded["called_on"] is null ? topology.Caller.Grpc : topology.Callee.Grpc;
        return GrpcClient.CallAsync(GrpcTopology.Local(port), StepsOf(recorded), CalleeReplay.PatienceFor(answer), expectsGoAway: answer["goaway"] is not null);
    }

    private static JsonArray StepsOf(JsonObject recorded)
    {
        var path = recorded["path"]?.GetValue<string>() ?? InvokeService;
        var type = recorded["request_type"]?.GetValue<string>() ?? (path == InvokeService ? "InvokeServiceRequest" : MessageSchema.Raw);
        var steps = GrpcClient.Unary(
            path, recorded["grpc_request"], type, recorded["metadata"] as JsonArray, recorded["request_ct"]?.GetValue<string>() ?? "application/grpc",
            gzip: recorded["request_gz"] is not null, authority: recorded["called_on"] is null ? "localhost:50001" : "localhost:50002");
        if (recorded["request_abandon"] is not null)
        {
            steps.Add((JsonNode)new JsonObject { ["sleep"] = 0.3 });
            steps.Add((JsonNode)new JsonObject { ["rst"] = "CANCEL" });
        }

        return steps;
    }

    /// <summary>The call ends the sidecar; another connection sees how it says so.</summary>
    private static async Task<JsonObject> ShutdownAsync(GrpcTopology topology, JsonObject recorded)
    {
        using var idle = new GrpcPeer(new RawConnection(await RawClient.ConnectAsync(GrpcTopology.Local(topology.Caller.Grpc))), isServer: false);
        await idle.StartAsync();
        await idle.UntilAsync(() => idle.Frames.Contains("< SETTINGS s0 ACK"), AppPatience);
        var before = idle.Frames.Count;
        var result = new JsonObject { ["answer"] = await CallAsync(topology, recorded, recorded["answer"]!) };
        result["exit_code"] = await topology["caller"].EndedWithinAsync(ExitPatience) ? topology["caller"].ExitCode : "runs on";
        if (recorded["idle_connection_after"] is not null)
        {
            result["idle_connection_after"] = new JsonArray([.. idle.Frames.Skip(before).Select(f => (JsonNode)f)]);
        }

        await topology.CrashesAsync();
        return topology.Seen(result);
    }
}
