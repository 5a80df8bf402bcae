using System.Globalization;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Cases;
using FastSidecar.Conformance.Grpc;
using FastSidecar.Conformance.Processes;
using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Replay.Special.Grpc;

/// <summary>What a caller's connections do: many calls at once, neighbours of a failing call, a loss while idle, a callee that stops.</summary>
internal static class PoolReplay
{
    private const string Sampling = """
        apiVersion: dapr.io/v1alpha1
        kind: Configuration
        metadata:
          name: recorded
        spec:
          tracing:
            samplingRate: "1"
        """;

    private static readonly TimeSpan InFlight = TimeSpan.FromSeconds(0.4);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);
    private static readonly TimeSpan AppPatience = TimeSpan.FromSeconds(1);

    public static async Task RunAsync(ReplaySettings settings, CaseFile file, RunCase runCase)
    {
        await using var fakes = new GrpcTopology(settings, file, "fakes", index: 1);
        await fakes.StartAsync("caller", hasApp: false, configuration: CallerReplay.Configuration);
        var ports = new FreePorts(new Random());
        await Task.WhenAll(file.Cases.Where(r => !IsOfTwo(r)).Select(recorded => runCase(file, recorded, r => FakeAsync(fakes, ports, r))));
        foreach (var recorded in file.Cases.Where(IsOfTwo))
        {
            await runCase(file, recorded, r => TwoAsync(settings, file, r));
        }
    }

    /// <summary>A caller and a real callee.</summary>
    private static bool IsOfTwo(JsonObject recorded) => recorded["client"] is not null;

    private static async Task<JsonObject> FakeAsync(GrpcTopology topology, FreePorts ports, JsonObject recorded)
    {
        var name = CaseFile.NameOf(recorded);
        int port;
        lock (ports)
        {
            port = ports.Next();
        }

        using var callee = new GrpcApp(port) { MostStreams = name.Contains("allows-10", StringComparison.Ordinal) ? 10 : null };
        callee.Expect(Script(name));
        callee.Start();
        var result = name.StartsWith("neighbour", StringComparison.Ordinal) ? await NeighboursAsync(topology, callee)
            : name.StartsWith("idle", StringComparison.Ordinal) ? await IdleAsync(topology, port)
            : await AtOnceAsync(topology, port, int.Parse(name.Split('-')[0], CultureInfo.InvariantCulture));
        if (recorded["streams_per_connection"] is not null)
        {
            result["streams_per_connection"] = callee.StreamsPerConnection();
        }

        return JsonTextOf(topology.Seen(result), port);
    }

    private static JsonObject JsonTextOf(JsonObject result, int port) =>
        Judging.JsonText.Map(result, text => text.Replace($"{port}", "{{FAKE}}", StringComparison.Ordinal))!.AsObject();

    private static async Task<JsonObject> AtOnceAsync(GrpcTopology topology, int port, int count)
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, count).Select(_ => CallAsync(topology, port)));
        return new JsonObject { ["statuses"] = new JsonArray([.. answers.Select(StatusOf).Distinct().Order().Select(s => (JsonNode)s)]) };
    }

    private static async Task<JsonObject> NeighboursAsync(GrpcTopology topology, GrpcApp callee)
    {
        var neighbour = CallAsync(topology, callee.Port);
        await callee.CalledAsync(Patience);
        await Task.Delay(InFlight);
        var unavailable = await CallAsync(topology, callee.Port);
        return new JsonObject { ["neighbour"] = await neighbour, ["unavailable_call"] = unavailable };
    }

    private static async Task<JsonObject> IdleAsync(GrpcTopology topology, int port)
    {
        await CallAsync(topology, port);
        await Task.Delay(InFlight);
        return new JsonObject { ["second_call_status"] = StatusOf(await CallAsync(topology, port)) };
    }

    private static int StatusOf(JsonObject answer) => answer["responses"]!.AsArray().LastOrDefault()?["status"]?.GetValue<int>() ?? 0;

    private static Task<JsonObject> CallAsync(GrpcTopology topology, int port) => GetAsync(topology, $"{port}", "m", []);

    private static Task<JsonObject> GetAsync(GrpcTopology topology, string id, string method, JsonArray headers)
    {
        var fields = string.Concat(headers.Select(h => $"{h![0]}: {h[1]}\r\n"));
        return RawClient.CallAsync(
            new RawCall
            {
                To = GrpcTopology.Local(topology.Caller.Http),
                Steps = [new JsonObject { ["text"] = $"GET /v1.0/invoke/{id}/method/{method} HTTP/1.1\r\nHost: localhost:3500\r\n{fields}\r\n" }],
                Patience = Patience,
            },
            topology.Rendezvous);
    }

    private static async Task<JsonObject> TwoAsync(ReplaySettings settings, CaseFile file, JsonObject recorded)
    {
        var name = CaseFile.NameOf(recorded);
        var isTraced = name.StartsWith("tracing", StringComparison.Ordinal);
        await using var topology = new GrpcTopology(settings, file, name);
        topology.HttpApp.Start();
        await topology.StartAsync("callee", hasApp: true, configuration: isTraced ? Sampling : null);
        await topology.StartAsync("caller", hasApp: false, configuration: isTraced ? Sampling : null);
        if (isTraced)
        {
            var client = await GetAsync(topology, "callee", "t", recorded["request_headers"]!.AsArray());
            return topology.Seen(new JsonObject { ["client"] = client, ["app_saw"] = await topology.HttpApp.SeenAsync(1, AppPatience) });
        }

        var seconds = recorded["callee_seconds"]!.GetValue<int>();
        topology.HttpApp.Expect(
        [
            new JsonObject { ["sleep"] = (double)seconds }, new JsonObject { ["text"] = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone" },
        ]);
        var call = GetAsync(topology, "callee", "slow", []);
        await Task.Delay(InFlight);
        topology["callee"].Signal(SidecarProcess.SigTerm);
        var hasEnded = await topology["callee"].EndedWithinAsync(Patience);
        return topology.Seen(new JsonObject { ["client"] = await call, ["callee_exit_code"] = hasEnded ? topology["callee"].ExitCode : "runs on" });
    }

    private static JsonArray Script(string name)
    {
        const string Head = """{ "headers": [[":status", "200"], ["content-type", "application/grpc"]] }""";
        const string Ended = """{ "trailers": [["grpc-status", "0"], ["grpc-message", ""]] }""";
        const string Unavailable = """[{ "wait": "end" }, { "headers": [[":status", "200"], ["content-type", "application/grpc"], ["grpc-status", "14"], ["grpc-message", "x"]], "end": true }]""";
        var slowBody = $"[{{ \"wait\": \"end\" }}, {Head}, {First("first ")}, {{ \"sleep\": 1.4 }}, {Second("second")}, {Ended}]";
        var slow = $"[{{ \"wait\": \"end\" }}, {{ \"sleep\": 1.4 }}, {Head}, {First("slow")}, {Ended}]";
        var ok = $"[{{ \"wait\": \"end\" }}, {Head}, {First("ok")}, {Ended}]";
        var goAway = $"[{{ \"wait\": \"end\" }}, {Head}, {First("ok")}, {Ended}, {{ \"sleep\": 0.1 }}, {{ \"goaway\": {{}} }}, {{ \"close\": \"fin\" }}]";
        var text = name switch
        {
            _ when name.StartsWith("neighbour", StringComparison.Ordinal) => $"[{(name.EndsWith("body", StringComparison.Ordinal) ? slowBody : slow)}, {Unavailable}, {ok}]",
            _ when name.StartsWith("idle", StringComparison.Ordinal) => $"[{goAway}, {ok}]",
            _ => slowBody,
        };
        return JsonNode.Parse(text)!.AsArray();

        static string First(string body) =>
            $$$"""{ "msg": { "response": { "status": { "code": 200 }, "headers": { "Content-Type": ["text/plain"] }, "message": { "content_type": "text/plain" } }, "payload": { "data": "{{{body}}}" } }, "type": "InternalInvokeResponseStream" }""";

        static string Second(string body) => $$$"""{ "msg": { "payload": { "data": "{{{body}}}", "seq": 1 } }, "type": "InternalInvokeResponseStream" }""";
    }
}
