using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Http2;

namespace FastSidecar.Conformance.Grpc;

/// <summary>Runs the steps of a client's call or of an app's answer on one stream (fixtures README, "Steps").</summary>
internal static class GrpcScript
{
    private const int PrefixBytes = 5;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan BetweenPieces = TimeSpan.FromMilliseconds(10);

    /// <returns>False when a step closed the connection.</returns>
    public static async Task<bool> RunAsync(GrpcPeer peer, GrpcStream stream, JsonArray steps)
    {
        foreach (var step in steps)
        {
            if (!await RunAsync(peer, stream, step!.AsObject()))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>A gRPC message with its prefix, as a step describes it.</summary>
    public static byte[] Message(JsonObject step)
    {
        var payload = MessageWriter.Write(step["msg"], step["type"]?.GetValue<string>() ?? MessageSchema.Raw);
        var isGzip = step["gzip"]?.GetValue<bool>() == true;
        if (isGzip)
        {
            payload = Zipped(payload);
        }

        var message = new byte[PrefixBytes + payload.Length];
        message[0] = (byte)(step["flag"]?.GetValue<int>() ?? (isGzip ? 1 : 0));
        BinaryPrimitives.WriteUInt32BigEndian(message.AsSpan(1), step["length"]?.GetValue<uint>() ?? (uint)payload.Length);
        payload.CopyTo(message.AsSpan(PrefixBytes));
        return message;
    }

    private static async Task<bool> RunAsync(GrpcPeer peer, GrpcStream stream, JsonObject step)
    {
        var ends = step["end"]?.GetValue<bool>() == true;
        if (step["headers"] is { } headers)
        {
            await HeadersAsync(peer, stream, headers, ends);
        }
        else if (step["trailers"] is { } trailers)
        {
            await HeadersAsync(peer, stream, trailers, ends: true);
        }
        else if (step.ContainsKey("msg"))
        {
            await PiecesAsync(peer, stream, Message(step), step["split"] as JsonArray, ends);
        }
        else if (step["data_hex"] is { } hex)
        {
            stream.IsDoneHere |= ends;
            await peer.SendDataAsync(stream, Convert.FromHexString(hex.GetValue<string>()), ends);
        }
        else if (ends)
        {
            stream.IsDoneHere = true;
            await peer.SendDataAsync(stream, default, endStream: true);
        }
        else if (step["sleep"] is { } seconds)
        {
            await Task.Delay(TimeSpan.FromSeconds(seconds.GetValue<double>()));
        }
        else if (step["wait"] is { } awaited)
        {
            await WaitAsync(peer, stream, awaited.GetValue<string>(), step["timeout"] is { } t ? TimeSpan.FromSeconds(t.GetValue<double>()) : Patience);
        }
        else if (step["close"] is { } how)
        {
            if (how.GetValue<string>() == "rst")
            {
                peer.Connection.Reset();
            }
            else
            {
                peer.Connection.Close();
            }

            return false;
        }
        else
        {
            stream.IsDoneHere |= step.ContainsKey("rst");
            await peer.SendAsync([Frame(stream.Id, step)]);
        }

        return true;
    }

    private static Http2Frame Frame(int stream, JsonObject step)
    {
        if (step["rst"] is { } code)
        {
            return new Http2Frame(Http2FrameType.RstStream, 0, stream, Number(FrameText.CodeOf(code.GetValue<string>())));
        }

        if (step["goaway"] is JsonObject goAway)
        {
            return new Http2Frame(Http2FrameType.GoAway, 0, 0,
            [
                .. Number(goAway["last"]?.GetValue<int>() ?? stream), .. Number(FrameText.CodeOf(goAway["code"]?.GetValue<string>() ?? "NO_ERROR")),
                .. Encoding.Latin1.GetBytes(goAway["debug"]?.GetValue<string>() ?? ""),
            ]);
        }

        if (step["ping"] is { } text)
        {
            return new Http2Frame(Http2FrameType.Ping, 0, 0, Encoding.Latin1.GetBytes(text.GetValue<string>()));
        }

        return step["frame"] is JsonArray frame
            ? new Http2Frame((Http2FrameType)FrameText.TypeOf(frame[0]!), frame[1]!.GetValue<byte>(), frame[2]!.GetValue<int>(), Payload(frame[3]!.GetValue<string>()))
            : throw new InvalidDataException($"unknown step: {step.ToJsonString()}");
    }

    /// <summary>Hex digits; the recordings write a long run of zeros as its beginning and its length.</summary>
    private static byte[] Payload(string hex) => hex.IndexOf('…') is >= 0 and var cut
        ? new byte[int.Parse(hex.AsSpan(hex.IndexOf('(', cut) + 1).TrimEnd(" characters)"), CultureInfo.InvariantCulture) / 2]
        : Convert.FromHexString(hex);

    private static byte[] Number(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return bytes;
    }

    private static Task HeadersAsync(GrpcPeer peer, GrpcStream stream, JsonNode fields, bool ends)
    {
        stream.IsDoneHere |= ends;
        return peer.SendAsync(Http2Frame.Headers(stream.Id, fields.AsArray().Select(f => (Bytes(f![0]!), Bytes(f[1]!))), ends));
    }

    /// <summary>The frame writer takes one character for one byte.</summary>
    private static string Bytes(JsonNode text) => Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text.GetValue<string>()));

    private static async Task PiecesAsync(GrpcPeer peer, GrpcStream stream, byte[] message, JsonArray? split, bool ends)
    {
        var at = 0;
        foreach (var size in split?.Select(s => s!.GetValue<int>()) ?? [])
        {
            await peer.SendDataAsync(stream, message.AsMemory(at, Math.Min(size, message.Length - at)), endStream: false);
            at = Math.Min(at + size, message.Length);
            await Task.Delay(BetweenPieces);
        }

        stream.IsDoneHere |= ends;
        await peer.SendDataAsync(stream, message.AsMemory(at), ends);
    }

    private static Task WaitAsync(GrpcPeer peer, GrpcStream stream, string awaited, TimeSpan patience)
    {
        var count = awaited == "message" ? 1 : awaited.StartsWith("messages:", StringComparison.Ordinal) ? int.Parse(awaited.AsSpan(9), CultureInfo.InvariantCulture) : 0;
        return peer.UntilAsync(
            () => stream.Seen.IsOver || (count > 0 ? stream.MessageCount >= count : awaited == "headers" && stream.Seen.Headers is not null), patience);
    }

    private static byte[] Zipped(byte[] plain)
    {
        var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(plain);
        }

        return packed.ToArray();
    }
}
