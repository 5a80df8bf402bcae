using System.Text;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Cases;
using FastSidecar.Conformance.Grpc;
using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Replay.Special.Grpc;

/// <summary>A raw HTTP/2 client on a callee's internal port, for each kind of app; the kinds run beside each other.</summary>
internal static class CalleeReplay
{
    private const string Deny = """
        apiVersion: dapr.io/v1alpha1
        kind: Configuration
        metadata:
          name: recorded
        spec:
          accessControl:
            defaultAction: deny
            trustDomain: public
        """;

    private const string Bytes = "bytes";

    private static readonly TimeSpan Settle = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan AppPatience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan NothingMore = TimeSpan.FromMilliseconds(500);

    public static Task RunAsync(ReplaySettings settings, CaseFile file, RunCase runCase) => Task.WhenAll(
        file.Cases.GroupBy(KindOf).Select((kind, index) => RunKindAsync(settings, file, kind.Key, index, [.. kind], runCase)));

    /// <summary>The app's kind; bytes and frames need no app.</summary>
    private static string KindOf(JsonObject recorded) => recorded["app_kind"]?.GetValue<string>() ?? Bytes;

    private static async Task RunKindAsync(ReplaySettings settings, CaseFile file, string kind, int index, List<JsonObject> cases, RunCase runCase)
    {
        await using var topology = new GrpcTopology(settings, file, kind, index);
        var app = new RecordedApp(topology, kind == "grpc");
        app.Start();
        await topology.StartAsync(
            "callee", hasApp: kind != "none", kind == "grpc" ? ["--app-protocol", "grpc"] : [], configuration: kind == "acl-deny" ? Deny : null);
        foreach (var recorded in cases)
        {
            await runCase(file, recorded, r => kind == Bytes && r["steps"] is null ? BytesAsync(topology, r) : ReplayAsync(topology, app, r));
        }
    }

    private static async Task<JsonObject> ReplayAsync(GrpcTopology topology, RecordedApp app, JsonObject recorded)
    {
        app.Expect(recorded["app"]);
        var to = GrpcTopology.Local(topology.Callee.Internal);
        var result = new JsonObject();
        if (recorded["answer"]!["frames_received"] is not null)
        {
            result["answer"] = await FramesAsync(topology, recorded["steps"]!.AsArray());
        }
        else
        {
            result["answer"] = await GrpcClient.CallAsync(to, topology.Fill(recorded["steps"]), PatienceFor(recorded["answer"]!));
            if (recorded["app_saw"] is JsonArray saw)
            {
                await Task.Delay(Settle);
                result["app_saw"] = await app.SeenAsync(saw, AppPatience);
            }
        }

        if (await topology.CrashesAsync() is { } crashes)
        {
            result["process_ended"] = crashes;
        }

        return topology.Seen(result);
    }

    /// <summary>Nothing is waited for long where the recording waited in vain.</summary>
    public static TimeSpan? PatienceFor(JsonNode answer) => answer["no_end"] is null ? null : NothingMore;

    /// <summary>Frames of a client that opens no stream.</summary>
    private static async Task<JsonObject> FramesAsync(GrpcTopology topology, JsonArray steps)
    {
        using var peer = new GrpcPeer(new RawConnection(await RawClient.ConnectAsync(GrpcTopology.Local(topology.Callee.Internal))), isServer: false);
        await peer.StartAsync();
        await peer.UntilAsync(() => peer.Frames.Contains("< SETTINGS s0 ACK"), AppPatience);
        await GrpcScript.RunAsync(peer, peer.Stream(1), steps);
        return new JsonObject { ["frames_received"] = new JsonArray([.. peer.Frames.Select(f => (JsonNode)f)]), ["connection"] = EndOf(peer.Connection) };
    }

    private static async Task<JsonObject> BytesAsync(GrpcTopology topology, JsonObject recorded)
    {
        using var peer = new GrpcPeer(new RawConnection(await RawClient.ConnectAsync(GrpcTopology.Local(topology.Callee.Internal))), isServer: false);
        peer.Listen();
        var sent = recorded["sent"]!.GetValue<string>();
        await peer.Connection.SendAsync(sent.StartsWith("hex:", StringComparison.Ordinal) ? Convert.FromHexString(sent.AsSpan(4)) : Encoding.Latin1.GetBytes(sent));
        var waits = recorded["answer"]!["connection"]!.GetValue<string>() == "open" ? NothingMore : TimeSpan.FromSeconds(3);
        await peer.Connection.UntilAsync(() => peer.Connection.PeerEnd is not null, waits);
        await Task.Delay(Settle);
        return new JsonObject
        {
            ["answer"] = new JsonObject { ["frames"] = new JsonArray([.. peer.Frames.Select(f => (JsonNode)f)]), ["connection"] = EndOf(peer.Connection) },
        };
    }

    private static string EndOf(RawConnection connection) => connection.PeerEnd switch { null => "open", "rst" => "reset", _ => "closed" };
}
