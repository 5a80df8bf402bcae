using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Http2;

namespace FastSidecar.Conformance.Grpc;

/// <summary>Frames and error codes in the words of the recordings.</summary>
internal static class FrameText
{
    private static readonly string[] Codes =
    [
        "NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED", "FRAME_SIZE_ERROR",
        "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
    ];

    private static readonly string[] Types =
        ["DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS", "PUSH_PROMISE", "PING", "GOAWAY", "WINDOW_UPDATE", "CONTINUATION"];

    private static readonly string[] Settings =
        ["", "HEADER_TABLE_SIZE", "ENABLE_PUSH", "MAX_CONCURRENT_STREAMS", "INITIAL_WINDOW_SIZE", "MAX_FRAME_SIZE", "MAX_HEADER_LIST_SIZE"];

    public static string Code(int code) => code >= 0 && code < Codes.Length ? Codes[code] : $"{code}";

    public static int CodeOf(string name) => Array.IndexOf(Codes, name) is >= 0 and var code ? code : throw new InvalidDataException($"no error code {name}");

    public static byte TypeOf(JsonNode type) =>
        type.GetValueKind() == System.Text.Json.JsonValueKind.Number ? (byte)type.GetValue<int>() : (byte)Array.IndexOf(Types, type.GetValue<string>());

    public static JsonObject GoAway(Http2Frame frame)
    {
        var goAway = new JsonObject { ["last"] = (long)BinaryPrimitives.ReadUInt32BigEndian(frame.Payload), ["code"] = Code(frame.ErrorCode) };
        if (frame.Payload.Length > 8)
        {
            goAway["debug"] = Encoding.Latin1.GetString(frame.Payload.AsSpan(8));
        }

        return goAway;
    }

    /// <summary>As the recordings write received frames.</summary>
    public static string Of(Http2Frame frame)
    {
        var type = (int)frame.Type < Types.Length ? Types[(int)frame.Type] : $"type {(int)frame.Type}";
        var what = frame.Type switch
        {
            Http2FrameType.Settings => frame.Has(Http2Frame.Acknowledgement) ? "ACK" : SettingsText(frame.Payload),
            Http2FrameType.Ping => frame.Has(Http2Frame.Acknowledgement) ? "ACK" : "",
            Http2FrameType.GoAway => GoAwayText(GoAway(frame)),
            Http2FrameType.WindowUpdate => $"+{BinaryPrimitives.ReadUInt32BigEndian(frame.Payload)}",
            Http2FrameType.RstStream => Code(frame.ErrorCode),
            _ => $"{frame.Payload.Length}B{(frame.Has(Http2Frame.EndStream) ? " END_STREAM" : "")}",
        };
        return $"< {type} s{frame.Stream}{(what.Length > 0 || frame.Type == Http2FrameType.Settings ? " " : "")}{what}";
    }

    private static string GoAwayText(JsonObject goAway) =>
        $"last={goAway["last"]} {goAway["code"]}{(goAway["debug"] is { } debug ? $" '{debug}'" : "")}";

    private static string SettingsText(byte[] payload) => string.Join(',', Enumerable.Range(0, payload.Length / 6).Select(i =>
    {
        int id = BinaryPrimitives.ReadUInt16BigEndian(payload.AsSpan(i * 6));
        return $"{(id < Settings.Length ? Settings[id] : $"{id}")}={BinaryPrimitives.ReadUInt32BigEndian(payload.AsSpan((i * 6) + 2))}";
    }));
}
