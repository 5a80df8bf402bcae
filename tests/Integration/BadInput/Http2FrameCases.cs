using static FastSidecar.Integration.Shared.Http2Frames;

namespace FastSidecar.Integration.BadInput;

/// <summary>What malformed frames have to lead to.</summary>
internal enum Blast
{
    /// <summary>GOAWAY with the code, and the end of the connection (RFC 9113 §5.4.1).</summary>
    Connection,

    /// <summary>RST_STREAM with the code for stream 1; the connection goes on (RFC 9113 §5.4.2).</summary>
    Stream,

    /// <summary>Nothing: it is to be passed over.</summary>
    None,
}

/// <summary>One malformed thing that a client sends after a proper start.</summary>
internal sealed record FrameCase(string Name, Blast Blast, uint Code, byte[] Bytes)
{
    public override string ToString() => Name;
}

/// <summary>Malformed frames of every type, from a client, each with the error that RFC 9113 prescribes.</summary>
internal static class Http2FrameCases
{
    private const uint Protocol = 1;
    private const uint FlowControl = 3;
    private const uint StreamClosed = 5;
    private const uint FrameSize = 6;
    private const uint Compression = 9;
    private const uint Calm = 11;

    /// <summary>A request that stays open: nothing is answered before its body comes.</summary>
    private static readonly byte[] Open = Headers(1, 0, Request());

    public static IReadOnlyList<FrameCase> All { get; } = [.. Settings(), .. Small(), .. DataAndHeads(), .. Compressed(), .. Messages(), .. Floods()];

    /// <summary>What a PROXY or CONNECT would carry is no request here; this one is for the API port and the gRPC ports alike.</summary>
    public static IEnumerable<(string, string)> Request(params IEnumerable<(string, string)> more) =>
        [(":method", "POST"), (":scheme", "http"), (":path", "/v1.0/invoke/nobody/method/m"), (":authority", "x"), ("content-type", "application/grpc"), .. more];

    private static IEnumerable<FrameCase> Settings() =>
    [
        new("SETTINGS on a stream", Blast.Connection, Protocol, Frame(SettingsType, 0, 1)),
        new("SETTINGS of 5 bytes", Blast.Connection, FrameSize, Frame(SettingsType, 0, 0, 0, 4, 0, 0, 1)),
        new("SETTINGS ACK with a payload", Blast.Connection, FrameSize, Frame(SettingsType, Ack, 0, 0, 4, 0, 0, 1, 0)),
        new("ENABLE_PUSH of 2", Blast.Connection, Protocol, Shared.Http2Frames.Settings(2, 2)),
        new("INITIAL_WINDOW_SIZE beyond 2^31-1", Blast.Connection, FlowControl, Shared.Http2Frames.Settings(4, 0x8000_0000)),
        new("MAX_FRAME_SIZE too small", Blast.Connection, Protocol, Shared.Http2Frames.Settings(5, 16_383)),
        new("MAX_FRAME_SIZE too large", Blast.Connection, Protocol, Shared.Http2Frames.Settings(5, 0x0100_0000)),
        new("unknown setting", Blast.None, 0, Shared.Http2Frames.Settings(0xbeef, 7)),
    ];

    private static IEnumerable<FrameCase> Small() =>
    [
        new("PING on a stream", Blast.Connection, Protocol, Frame(Ping, 0, 1, new byte[8])),
        new("PING of 7 bytes", Blast.Connection, FrameSize, Frame(Ping, 0, 0, new byte[7])),
        new("PING ACK nobody asked for", Blast.None, 0, Frame(Ping, Ack, 0, new byte[8])),
        new("WINDOW_UPDATE of 0 on the connection", Blast.Connection, Protocol, WindowUpdate(0, 0)),
        new("WINDOW_UPDATE of 3 bytes", Blast.Connection, FrameSize, Frame(WindowUpdateType, 0, 0, 0, 0, 1)),
        new("WINDOW_UPDATE beyond 2^31-1 on the connection", Blast.Connection, FlowControl, WindowUpdate(0, 0x7fff_ffff)),
        new("WINDOW_UPDATE on an idle stream", Blast.Connection, Protocol, WindowUpdate(1, 1)),
        new("WINDOW_UPDATE of 0 on a stream", Blast.Stream, Protocol, [.. Open, .. WindowUpdate(1, 0)]),
        new("WINDOW_UPDATE beyond 2^31-1 on a stream", Blast.Stream, FlowControl, [.. Open, .. WindowUpdate(1, 0x7fff_ffff)]),
        new("RST_STREAM on stream 0", Blast.Connection, Protocol, Reset(0, 8)),
        new("RST_STREAM on an idle stream", Blast.Connection, Protocol, Reset(1, 8)),
        new("RST_STREAM of 3 bytes", Blast.Connection, FrameSize, [.. Open, .. Frame(RstStream, 0, 1, 0, 0, 8)]),
        new("PRIORITY on stream 0", Blast.Connection, Protocol, Frame(Priority, 0, 0, 0, 0, 0, 1, 1)),
        new("PRIORITY of 4 bytes", Blast.Stream, FrameSize, [.. Open, .. Frame(Priority, 0, 1, 0, 0, 0, 1)]),
        new("PUSH_PROMISE from a client", Blast.Connection, Protocol, [.. Open, .. Frame(PushPromise, EndHeaders, 1, 0, 0, 0, 2)]),
        new("GOAWAY on a stream", Blast.Connection, Protocol, Frame(GoAway, 0, 1, new byte[8])),
        new("GOAWAY of 7 bytes", Blast.Connection, FrameSize, Frame(GoAway, 0, 0, new byte[7])),
        new("unknown frame type", Blast.None, 0, Frame(0xee, 0xff, 0, 1, 2, 3)),
        new("unknown flags", Blast.None, 0, Frame(Ping, 0xfe & ~Ack, 0, new byte[8])),
        new("CONTINUATION out of nowhere", Blast.Connection, Protocol, Frame(Continuation, EndHeaders, 1, Block())),
        new("CONTINUATION of another stream", Blast.Connection, Protocol, [.. Frame(HeadersType, 0, 1, Block(Request())), .. Frame(Continuation, EndHeaders, 3)]),
        new("PING within a header block", Blast.Connection, Protocol, [.. Frame(HeadersType, 0, 1, Block(Request())), .. Frame(Ping, 0, 0, new byte[8])]),
        new("frame beyond MAX_FRAME_SIZE", Blast.Connection, FrameSize, Frame(0xee, 0, 0, new byte[(1 << 20) + 1])),
    ];

    private static IEnumerable<FrameCase> DataAndHeads() =>
    [
        new("DATA on stream 0", Blast.Connection, Protocol, Frame(Data, 0, 0, 1)),
        new("DATA on an idle stream", Blast.Connection, Protocol, Frame(Data, 0, 1, 1)),
        new("DATA padded beyond its end", Blast.Connection, Protocol, [.. Open, .. Frame(Data, Padded, 1, 5, 1, 2)]),
        new("DATA padded and empty", Blast.Connection, FrameSize, [.. Open, .. Frame(Data, Padded, 1)]),
        new("DATA after the end of the stream", Blast.Stream, StreamClosed, [.. Open, .. Frame(Data, EndStream, 1), .. Frame(Data, 0, 1, 1)]),
        new("HEADERS on stream 0", Blast.Connection, Protocol, Headers(0, EndStream, Request())),
        new("HEADERS on an even stream", Blast.Connection, Protocol, Headers(2, EndStream, Request())),
        new("HEADERS padded beyond their end", Blast.Connection, Protocol, Frame(HeadersType, Padded | EndHeaders, 1, 200, 0)),
        new("HEADERS with half a priority", Blast.Connection, FrameSize, Frame(HeadersType, HasPriority | EndHeaders, 1, 0, 0)),
        new("HEADERS of a stream that is behind", Blast.Connection, Protocol, [.. Headers(5, EndStream, Request()), .. Headers(3, EndStream, Request())]),
    ];

    /// <summary>Header blocks that no encoder makes (RFC 7541).</summary>
    private static IEnumerable<FrameCase> Compressed() =>
    [
        new("index 0", Blast.Connection, Compression, Frame(HeadersType, EndHeaders, 1, 0x80)),
        new("index beyond both tables", Blast.Connection, Compression, Frame(HeadersType, EndHeaders, 1, 0xff, 0x20)),
        new("integer without end", Blast.Connection, Compression, Frame(HeadersType, EndHeaders, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)),
        new("literal that is cut", Blast.Connection, Compression, Frame(HeadersType, EndHeaders, 1, 0x00, 0x05, (byte)'a')),
        new("Huffman padding of zeros", Blast.Connection, Compression, Frame(HeadersType, EndHeaders, 1, 0x00, 0x81, 0x00, 0x00)),
        new("Huffman end of string", Blast.Connection, Compression, Frame(HeadersType, EndHeaders, 1, 0x00, 0x84, 0xff, 0xff, 0xff, 0xff, 0x00)),
        new("table larger than agreed", Blast.Connection, Compression, Frame(HeadersType, EndHeaders, 1, 0x3f, 0xe2, 0x1f)),
        new("table changed within a block", Blast.Connection, Compression, Frame(HeadersType, EndHeaders, 1, [.. Block(Request()), 0x20])),
    ];

    /// <summary>Requests that are no HTTP message (RFC 9113 §8): the connection is not to blame.</summary>
    private static IEnumerable<FrameCase> Messages() =>
    [
        Malformed("no path", (":method", "POST"), (":scheme", "http")),
        Malformed("empty path", (":method", "POST"), (":scheme", "http"), (":path", "")),
        Malformed("two methods", Request((":method", "GET"))),
        Malformed("unknown pseudo-header", [(":what", "x"), .. Request()]),
        Malformed("pseudo-header behind a field", [("a", "b"), .. Request()]),
        Malformed("status in a request", [(":status", "200"), .. Request()]),
        Malformed("capital in a name", Request(("X-A", "b"))),
        Malformed("blank in a name", Request(("x a", "b"))),
        Malformed("colon in a name", Request(("x:a", "b"))),
        Malformed("empty name", Request(("", "b"))),
        Malformed("CR and LF in a name", Request(("x\r\ny", "b"))),
        Malformed("CR and LF in a value", Request(("x-a", "b\r\nx-evil: 1"))),
        Malformed("LF in a value", Request(("x-a", "b\nx-evil: 1"))),
        Malformed("NUL in a value", Request(("x-a", "b\0c"))),
        Malformed("LF in the path", (":method", "POST"), (":scheme", "http"), (":path", "/a HTTP/1.1\r\nx-evil: 1")),
        Malformed("connection field", Request(("connection", "close"))),
        Malformed("transfer-encoding", Request(("transfer-encoding", "chunked"))),
        Malformed("te other than trailers", Request(("te", "gzip"))),
        Malformed("two lengths", Request(("content-length", "1"), ("content-length", "2"))),
        Malformed("length with sign", Request(("content-length", "+1"))),
        new("body longer than said", Blast.Stream, Protocol, [.. Headers(1, 0, Request(("content-length", "1"))), .. Frame(Data, 0, 1, 1, 2)]),
        new("body shorter than said", Blast.Stream, Protocol, [.. Headers(1, 0, Request(("content-length", "3"))), .. Frame(Data, EndStream, 1, 1, 2)]),
        new("trailers without end", Blast.Stream, Protocol, [.. Open, .. Headers(1, 0, [("a", "b")])]),
        new("pseudo-header in trailers", Blast.Stream, Protocol, [.. Open, .. Headers(1, EndStream, [(":path", "/")])]),
    ];

    /// <summary>What costs the receiver more than the sender.</summary>
    private static IEnumerable<FrameCase> Floods() =>
    [
        new("flood of PING", Blast.Connection, Calm, Times(20_000, Frame(Ping, 0, 0, new byte[8]))),
        new("flood of SETTINGS", Blast.Connection, Calm, Times(20_000, Frame(SettingsType, 0, 0))),
        new("flood of empty DATA", Blast.Connection, Calm, [.. Open, .. Times(20_000, Frame(Data, 0, 1))]),
        new("flood of PRIORITY", Blast.Connection, Calm, Times(20_000, Frame(Priority, 0, 1, 0, 0, 0, 0, 1))),
        new("flood of CONTINUATION", Blast.Connection, Calm, [.. Frame(HeadersType, 0, 1, Block(Request())), .. Times(20_000, Frame(Continuation, 0, 1, Block([("a", "b")])))]),
        new("flood of empty CONTINUATION", Blast.Connection, Calm, [.. Frame(HeadersType, 0, 1, Block(Request())), .. Times(20_000, Frame(Continuation, 0, 1))]),
        new("rapid reset", Blast.Connection, Calm, Concat(Enumerable.Range(0, 20_000).Select(static i => (byte[])[.. Headers((2 * i) + 1, 0, Request()), .. Reset((2 * i) + 1, 8)]))),
    ];

    private static FrameCase Malformed(string name, params IEnumerable<(string, string)> fields) => new(name, Blast.Stream, Protocol, Headers(1, EndStream, fields));

    private static byte[] Times(int count, byte[] bytes) => Concat(Enumerable.Repeat(bytes, count));

    private static byte[] Concat(IEnumerable<byte[]> parts)
    {
        var all = new MemoryStream();
        foreach (var part in parts)
        {
            all.Write(part);
        }

        return all.ToArray();
    }
}
