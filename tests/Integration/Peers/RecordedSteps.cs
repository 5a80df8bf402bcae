using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using static FastSidecar.Integration.Shared.Http2Frames;

namespace FastSidecar.Integration.Peers;

/// <summary>
/// The steps of a recorded script as frames of one stream. A message is written as <c>msg</c>, for reading, and beside it as <c>message</c>: its bytes
/// in hexadecimal, long runs of one letter as <c>repeat</c> and <c>times</c>.
/// </summary>
internal static class RecordedSteps
{
    private const int FrameBytes = 16 * 1024;

    private static readonly string[] ErrorNames =
    [
        "NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED", "FRAME_SIZE_ERROR",
        "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
    ];

    /// <summary>The frames of a step that sends; empty for one that waits, sleeps or closes.</summary>
    public static IEnumerable<byte[]> Frames(JsonObject step, int stream)
    {
        var end = step["end"] is { } flag && flag.GetValue<bool>() ? EndStream : (byte)0;
        if (step["headers"] is JsonArray headers)
        {
            return [Headers(stream, end, Fields(headers))];
        }

        if (step["trailers"] is JsonArray trailers)
        {
            return [Headers(stream, EndStream, Fields(trailers))];
        }

        if (step["message"] is JsonArray parts)
        {
            return DataFrames(Prefixed(step, Bytes(parts)), step["split"] as JsonArray, stream, end);
        }

        if (step["data_hex"] is { } hex)
        {
            return DataFrames(Convert.FromHexString(hex.GetValue<string>()), null, stream, end);
        }

        if (step["rst"] is { } code)
        {
            return [Reset(stream, ErrorCode(code))];
        }

        if (step["goaway"] is JsonObject away)
        {
            var debug = Encoding.UTF8.GetBytes(away["debug"]?.GetValue<string>() ?? "");
            return [Frame(GoAway, 0, 0, [.. Number(away["last"]?.GetValue<uint>() ?? 0x7fff_ffff), .. Number(away["code"] is { } c ? ErrorCode(c) : 0), .. debug])];
        }

        if (step["ping"] is { } ping)
        {
            return [Frame(Ping, 0, 0, Encoding.ASCII.GetBytes(ping.GetValue<string>()))];
        }

        if (step["frame"] is JsonArray raw)
        {
            return [Frame(raw[0]!.GetValue<byte>(), raw[1]!.GetValue<byte>(), raw[2]!.GetValue<int>(), Bytes(raw[3] as JsonArray ?? [raw[3]!.DeepClone()]))];
        }

        return end != 0 ? [Frame(Data, EndStream, stream)] : [];
    }

    public static TimeSpan Seconds(JsonNode seconds) => TimeSpan.FromSeconds(seconds.GetValue<double>());

    private static IEnumerable<(string, string)> Fields(JsonArray fields) =>
        fields.Select(static field => (field![0]!.GetValue<string>(), field[1]!.GetValue<string>()));

    /// <summary>A code as its name or its number.</summary>
    public static uint ErrorCode(JsonNode code) => code.GetValueKind() == System.Text.Json.JsonValueKind.Number
        ? code.GetValue<uint>()
        : Array.IndexOf(ErrorNames, code.GetValue<string>().ToUpperInvariant()) is >= 0 and var known
            ? (uint)known
            : uint.Parse(code.GetValue<string>(), CultureInfo.InvariantCulture);

    private static byte[] Bytes(JsonArray parts)
    {
        var bytes = new MemoryStream();
        foreach (var part in parts)
        {
            bytes.Write(part is JsonObject run
                ? Encoding.UTF8.GetBytes(new string(run["repeat"]!.GetValue<string>()[0], run["times"]!.GetValue<int>()))
                : Convert.FromHexString(part!.GetValue<string>()));
        }

        return bytes.ToArray();
    }

    private static byte[] Prefixed(JsonObject step, byte[] message)
    {
        var flag = step["flag"]?.GetValue<byte>() ?? 0;
        if (step["gzip"]?.GetValue<bool>() == true)
        {
            var packed = new MemoryStream();
            using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
            {
                gzip.Write(message);
            }

            message = packed.ToArray();
            flag = 1;
        }

        return [flag, .. Number(step["length"]?.GetValue<uint>() ?? (uint)message.Length), .. message];
    }

    private static IEnumerable<byte[]> DataFrames(byte[] bytes, JsonArray? split, int stream, byte end)
    {
        var at = 0;
        for (var piece = 0; at < bytes.Length || piece == 0; piece++)
        {
            var wanted = split is not null && piece < split.Count ? split[piece]!.GetValue<int>() : FrameBytes;
            var size = Math.Min(wanted, bytes.Length - at);
            yield return Frame(Data, at + size == bytes.Length ? end : (byte)0, stream, bytes.AsSpan(at, size));
            at += size;
        }
    }
}
