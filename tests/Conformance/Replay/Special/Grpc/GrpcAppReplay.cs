using System.Globalization;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Cases;
using FastSidecar.Conformance.Processes;
using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Replay.Special.Grpc;

/// <summary>A sidecar with a gRPC app from start to stop; the cases run beside each other.</summary>
internal static class GrpcAppReplay
{
    private const string Unimplemented = """[{ "wait": "end" }, { "headers": [[":status", "200"], ["content-type", "application/grpc"], ["grpc-status", "12"]], "end": true }]""";

    private static readonly TimeSpan AppComesLate = TimeSpan.FromSeconds(1.5);
    private static readonly TimeSpan ExitPatience = TimeSpan.FromSeconds(14);
    private static readonly TimeSpan CallIsInFlight = TimeSpan.FromSeconds(0.4);
    private static readonly TimeSpan QueuePatience = TimeSpan.FromSeconds(8.1);

    public static Task RunAsync(ReplaySettings settings, CaseFile file, RunCase runCase) =>
        Task.WhenAll(file.Cases.Select((recorded, index) => runCase(file, recorded, r => ReplayAsync(settings, file, r, index))));

    private static async Task<JsonObject> ReplayAsync(ReplaySettings settings, CaseFile file, JsonObject recorded, int index)
    {
        var name = CaseFile.NameOf(recorded);
        await using var topology = new GrpcTopology(settings, file, name, index, showsBytes: true);
        topology.GrpcApp.Expect(Script(name));
        var start = topology.StartAsync("callee", hasApp: true, recorded["flags"]!.AsArray().Select(f => f!.GetValue<string>()));
        if (name.StartsWith("app-starts", StringComparison.Ordinal))
        {
            await Task.Delay(AppComesLate);
        }

        topology.GrpcApp.Start();
        await start;
        var sidecar = topology["callee"];
        var inFlight = name.StartsWith("stop-while", StringComparison.Ordinal) ? CallAsync(topology, "slow", 0) : null;
        var during = inFlight is null ? await DuringAsync(topology, recorded) : null;
        if (inFlight is not null)
        {
            await Task.Delay(CallIsInFlight);
        }

        var calls = await topology.GrpcApp.SeenAsync(0, TimeSpan.Zero);
        sidecar.Signal(SidecarProcess.SigTerm);
        var hasEnded = await sidecar.EndedWithinAsync(ExitPatience);
        if (inFlight is not null)
        {
            var answer = await inFlight;
            during = new JsonObject
            {
                ["slow_call_status"] = new JsonArray([.. answer["responses"]!.AsArray().Select(r => r!["status"]!.DeepClone())]),
                ["connection"] = answer["connection"]!.DeepClone(),
            };
        }

        var all = await topology.GrpcApp.SeenAsync(0, TimeSpan.Zero);
        var result = new JsonObject
        {
            ["calls"] = new JsonArray([.. all.Select(c => Call(c!.AsObject()))]),
            ["calls_during_shutdown"] = all.Count - calls.Count,
            ["exit_code"] = hasEnded ? sidecar.ExitCode : "runs on",
        };
        if (during is not null)
        {
            result["during"] = during;
        }

        return topology.Seen(result);
    }

    private static JsonObject Call(JsonObject seen) => new()
    {
        ["path"] = seen["headers"]!.AsArray().First(f => f![0]!.GetValue<string>() == ":path")![1]!.DeepClone(),
        ["headers"] = seen["headers"]!.DeepClone(),
        ["messages"] = seen["messages"]!.DeepClone(),
        ["end"] = seen["end"]!.DeepClone(),
    };

    /// <summary>What is asked while the sidecar runs, as the recording's own entries say.</summary>
    private static async Task<JsonNode?> DuringAsync(GrpcTopology topology, JsonObject recorded)
    {
        if (recorded["during"] is not JsonArray wanted)
        {
            return null;
        }

        var begin = Clock.Now;
        var entries = await Task.WhenAll(wanted.Select(w => EntryAsync(topology, w!.AsObject(), begin)));
        return new JsonArray([.. entries]);
    }

    private static async Task<JsonObject> EntryAsync(GrpcTopology topology, JsonObject wanted, double begin)
    {
        var result = new JsonObject();
        if (wanted["second"] is { } second)
        {
            await UntilAsync(begin + second.GetValue<int>());
            result["second"] = second.DeepClone();
            result["invoke_status"] = Statuses(await CallAsync(topology, "x", 0), withBody: true);
            result["healthz"] = Statuses(await RawClient.CallAsync(new RawCall { To = To(topology), Steps = Get("/v1.0/healthz") }, topology.Rendezvous), withBody: false);
        }
        else if (wanted["call"] is { } call)
        {
            await UntilAsync(begin + wanted["started"]!.GetValue<double>());
            result["call"] = call.DeepClone();
            var answer = await CallAsync(topology, $"x{call}", 0, QueuePatience);
            result["status"] = answer["responses"]!.AsArray().Count == 0 ? "none" : Statuses(answer, withBody: false);
        }
        else
        {
            // "no body", "request 900 bytes": one after the other, since the app sees them in this order.
            var text = wanted["invoke"]!.GetValue<string>();
            var bytes = text.Split(' ') is [_, var count, "bytes"] ? int.Parse(count, CultureInfo.InvariantCulture) : 0;
            await Task.Delay(TimeSpan.FromMilliseconds(bytes == 0 ? 0 : bytes < 1000 ? 300 : 600));
            result["invoke"] = text;
            result["status"] = Statuses(await CallAsync(topology, "x", bytes), withBody: true);
        }

        return result;
    }

    private static Task UntilAsync(double moment) => Task.Delay(TimeSpan.FromSeconds(Math.Max(0, moment - Clock.Now)));

    private static JsonArray Statuses(JsonObject answer, bool withBody) => new([.. answer["responses"]!.AsArray().Select(r => withBody
        ? new JsonArray(r!["status"]!.DeepClone(), r["body"]!.DeepClone())
        : r!["status"]!.DeepClone())]);

    private static System.Net.IPEndPoint To(GrpcTopology topology) => GrpcTopology.Local(topology.Callee.Http);

    private static JsonArray Get(string path) => [new JsonObject { ["text"] = $"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n" }];

    private static Task<JsonObject> CallAsync(GrpcTopology topology, string method, int bodyBytes, TimeSpan? patience = null)
    {
        var path = $"/v1.0/invoke/callee/method/{method}";
        var steps = bodyBytes == 0
            ? Get(path)
            : [new JsonObject { ["text"] = $"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {bodyBytes}\r\n\r\n{new string('q', bodyBytes)}" }];
        return RawClient.CallAsync(new RawCall { To = To(topology), Steps = steps, Patience = patience ?? TimeSpan.FromSeconds(8) }, topology.Rendezvous);
    }

    private static JsonObject Script(string name)
    {
        var slow = name switch { "max-concurrency-1" => 3.0, "stop-while-oninvoke-runs-2s" => 2.0, _ => 0.0 };
        var value = name == "max-body-size-1Ki" ? """{ "repeat": "r", "times": 1100 }""" : "\"r\"";
        var ok = $$"""
            [{ "wait": "end" }, { "sleep": {{slow.ToString(CultureInfo.InvariantCulture)}} }, { "headers": [[":status", "200"], ["content-type", "application/grpc"]] },
             { "msg": { "data": { "value": {{value}} } }, "type": "InvokeResponse" }, { "trailers": [["grpc-status", "0"]] }]
            """;
        const string Empty = """
            [{ "wait": "end" }, { "headers": [[":status", "200"], ["content-type", "application/grpc"]] }, { "msg": "" }, { "trailers": [["grpc-status", "0"]] }]
            """;
        var health = name switch
        {
            "app-health-check-unimplemented" => Unimplemented,
            "app-health-check-never-answers" => """[{ "wait": "end" }, { "sleep": 0.6 }]""",
            _ => Empty,
        };
        return new JsonObject { ["OnInvoke"] = JsonNode.Parse(ok), ["HealthCheck"] = JsonNode.Parse(health), ["*"] = JsonNode.Parse(Unimplemented) };
    }
}
