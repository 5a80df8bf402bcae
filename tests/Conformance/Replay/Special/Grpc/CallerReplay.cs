using System.Text.Json.Nodes;
using FastSidecar.Conformance.Cases;
using FastSidecar.Conformance.Grpc;
using FastSidecar.Conformance.Judging;
using FastSidecar.Conformance.Processes;
using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Replay.Special.Grpc;

/// <summary>
/// A caller whose callee is scripted: the app id is the callee's port. An HTTP client and an InvokeService client each have a callee of their own, so
/// cases run beside each other on one caller.
/// </summary>
internal static class CallerReplay
{
    private const int AtATime = 10;
    private const string Fake = "{{FAKE}}";
    private const string InvokeService = "/dapr.proto.runtime.v1.Dapr/InvokeService";

    public const string Configuration = """
        apiVersion: dapr.io/v1alpha1
        kind: Configuration
        metadata:
          name: recorded
        spec:
          nameResolution:
            component: nameformat
            configuration:
              format: "127.0.0.1:{appid}"
        """;

    private static readonly TimeSpan AttemptPatience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ClientPatience = TimeSpan.FromSeconds(9);

    /// <summary>Longer than four attempts to connect that a silent callee lets run out.</summary>
    private static readonly TimeSpan SilencePatience = TimeSpan.FromSeconds(27);

    public static async Task RunAsync(ReplaySettings settings, CaseFile file, RunCase runCase)
    {
        await using var topology = new GrpcTopology(settings, file, "caller");
        await topology.StartAsync("caller", hasApp: false, configuration: Configuration);
        var ports = new FreePorts(new Random());
        await Parallel.ForEachAsync(
            file.Cases.OrderByDescending(SecondsOf), new ParallelOptions { MaxDegreeOfParallelism = AtATime },
            async (recorded, _) => await runCase(file, recorded, r => ReplayAsync(topology, ports, r)));
    }

    private static async Task<JsonObject> ReplayAsync(GrpcTopology topology, FreePorts ports, JsonObject recorded)
    {
        var http = HalfAsync(topology, ports, recorded, "http", (port, patience) => HttpAsync(topology, recorded, port, patience));
        var grpc = recorded["grpc"] is null
            ? Task.FromResult<JsonObject?>(null)
            : HalfAsync(topology, ports, recorded, "grpc", (port, patience) => GrpcAsync(topology, recorded, port, patience));
        var result = new JsonObject { ["http"] = await http, ["grpc"] = await grpc };
        if (result["grpc"] is null)
        {
            result.Remove("grpc");
        }

        if (await topology.CrashesAsync() is { } crashes)
        {
            result["process_ended"] = crashes;
        }

        return result;
    }

    private static async Task<JsonObject?> HalfAsync(
        GrpcTopology topology, FreePorts ports, JsonObject recorded, string half, Func<int, TimeSpan, Task<JsonObject>> call)
    {
        int port;
        lock (ports)
        {
            port = ports.Next();
        }

        using var callee = new GrpcApp(port);
        if (recorded["callee"]!.ToString() != "refused")
        {
            callee.Expect(recorded["callee"]);
            callee.Start();
        }

        var wanted = recorded[half]!.AsObject();
        var client = await call(port, PatienceFor(wanted["client"]!));
        var result = new JsonObject { ["client"] = client };
        if (wanted["attempts"] is JsonArray attempts)
        {
            var wantsReset = attempts.Any(a => a!["reset"] is not null);
            result["attempts"] = await callee.SeenAsync(attempts.Count, AttemptPatience, wantsReset ? seen => seen.Any(a => a!["reset"] is not null) : null);
        }

        if (wanted["connected_at_second"] is not null)
        {
            result["connected_at_second"] = callee.ConnectedAt();
        }

        return JsonText.Map(topology.Seen(result), text => text.Replace($"{port}", Fake, StringComparison.Ordinal))!.AsObject();
    }

    /// <summary>Where the recorded client left without an answer, ours leaves then as well.</summary>
    private static TimeSpan PatienceFor(JsonNode client)
    {
        var seconds = client["marks"]?["done"]?.GetValue<double>() ?? 0;
        var isLeft = client["no_end"] is not null || client["connection"]?.ToString() == "no-answer-yet";
        return !isLeft ? ClientPatience : seconds >= SilencePatience.TotalSeconds ? SilencePatience : TimeSpan.FromSeconds(Math.Min(seconds, 1.2));
    }

    private static async Task<JsonObject> HttpAsync(GrpcTopology topology, JsonObject recorded, int port, TimeSpan patience) => await RawClient.CallAsync(
        new RawCall { To = GrpcTopology.Local(topology.Caller.Http), Steps = ForPort(recorded["request"]!, port).AsArray(), Patience = patience }, topology.Rendezvous);

    private static Task<JsonObject> GrpcAsync(GrpcTopology topology, JsonObject recorded, int port, TimeSpan patience) => GrpcClient.CallAsync(
        GrpcTopology.Local(topology.Caller.Grpc), GrpcClient.Unary(InvokeService, ForPort(recorded["grpc_request"]!, port), "InvokeServiceRequest"), patience);

    private static JsonNode ForPort(JsonNode request, int port) => JsonText.Map(request, t => t.Replace(Fake, $"{port}", StringComparison.Ordinal))!;

    private static double SecondsOf(JsonObject recorded) => recorded["http"]!["client"]!["marks"]!["done"]!.GetValue<double>();
}
