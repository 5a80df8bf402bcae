using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Grpc;

/// <summary>A raw gRPC client: every call is stream 1 of a connection of its own.</summary>
internal static class GrpcClient
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(8);

    /// <param name="to">Where the server listens.</param>
    /// <param name="steps">What the client does.</param>
    /// <param name="patience">How long the end is waited for after the last step.</param>
    /// <param name="expectsGoAway">A GOAWAY is waited for as well.</param>
    /// <param name="asBytes">Messages are noted as bytes, whatever the method.</param>
    public static async Task<JsonObject> CallAsync(EndPoint to, JsonArray steps, TimeSpan? patience = null, bool expectsGoAway = false, bool asBytes = false)
    {
        using var peer = new GrpcPeer(new RawConnection(await RawClient.ConnectAsync(to)), isServer: false);
        var stream = peer.Stream(1);
        var path = steps.Select(s => s!["headers"]).FirstOrDefault(h => h is not null)?.AsArray().FirstOrDefault(f => f![0]!.GetValue<string>() == ":path")?[1]!.GetValue<string>();
        try
        {
            await peer.StartAsync();
            if (!await GrpcScript.RunAsync(peer, stream, steps))
            {
                return new JsonObject { ["connection"] = "closed" };
            }
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
        {
            // Refused early: what came is still read.
        }

        await peer.UntilAsync(() => stream.Seen.IsOver && (!expectsGoAway || peer.GoAway is not null), patience ?? Patience);
        return GrpcNotes.Answer(stream, peer, asBytes ? MessageSchema.Raw : MessageSchema.ResponseOf(path ?? ""));
    }

    /// <summary>The steps of a call with one message, as the recordings' client makes it.</summary>
    public static JsonArray Unary(string path, JsonNode? message, string type, JsonArray? metadata = null, string contentType = "application/grpc", bool gzip = false,
        string authority = "localhost:50001")
    {
        var headers = new JsonArray(
            new JsonArray(":method", "POST"), new JsonArray(":scheme", "http"), new JsonArray(":path", path), new JsonArray(":authority", authority),
            new JsonArray("content-type", contentType), new JsonArray("user-agent", "recorder/1"), new JsonArray("te", "trailers"));
        if (gzip)
        {
            headers.Add((JsonNode)new JsonArray("grpc-encoding", "gzip"));
            headers.Add((JsonNode)new JsonArray("grpc-accept-encoding", "gzip"));
        }

        foreach (var field in metadata ?? [])
        {
            headers.Add(field!.DeepClone());
        }

        var step = new JsonObject { ["msg"] = message?.DeepClone(), ["type"] = type, ["end"] = true };
        if (gzip)
        {
            step["gzip"] = true;
        }

        return [new JsonObject { ["headers"] = headers }, step];
    }
}
