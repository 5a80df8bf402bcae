using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Http2;
using Xunit;
using static FastSidecar.Transport.Tests.Http2.Wire;

namespace FastSidecar.Transport.Tests.Http2;

/// <summary>What ends one stream and leaves its connection alone (RFC 9113 §5.4.2, §8.1.1).</summary>
public sealed class StreamErrorTests
{
    private static readonly Dictionary<string, (byte[] Bytes, Http2ErrorCode Code)> ServerCases = new()
    {
        ["upper-case name"] = (Request(1, true, ("Foo", "1")), Http2ErrorCode.ProtocolError),
        ["name with a blank"] = (Request(1, true, ("a b", "1")), Http2ErrorCode.ProtocolError),
        ["empty name"] = (Request(1, true, ("", "1")), Http2ErrorCode.ProtocolError),
        ["name with a colon"] = (Request(1, true, ("a:b", "1")), Http2ErrorCode.ProtocolError),
        ["value with LF"] = (Request(1, true, ("a", "1\n2")), Http2ErrorCode.ProtocolError),
        ["value with CR"] = (Request(1, true, ("a", "1\r2")), Http2ErrorCode.ProtocolError),
        ["value with NUL"] = (Request(1, true, ("a", "1\02")), Http2ErrorCode.ProtocolError),
        ["value with DEL"] = (Request(1, true, ("a", "1\x7f")), Http2ErrorCode.ProtocolError),
        ["connection"] = (Request(1, true, ("connection", "close")), Http2ErrorCode.ProtocolError),
        ["keep-alive"] = (Request(1, true, ("keep-alive", "1")), Http2ErrorCode.ProtocolError),
        ["proxy-connection"] = (Request(1, true, ("proxy-connection", "x")), Http2ErrorCode.ProtocolError),
        ["transfer-encoding"] = (Request(1, true, ("transfer-encoding", "chunked")), Http2ErrorCode.ProtocolError),
        ["upgrade"] = (Request(1, true, ("upgrade", "h2c")), Http2ErrorCode.ProtocolError),
        ["te other than trailers"] = (Request(1, true, ("te", "gzip")), Http2ErrorCode.ProtocolError),
        ["unknown pseudo-header"] = (HeadersFrame(1, Block((":method", "GET"), (":scheme", "http"), (":path", "/"), (":foo", "1")), true), Http2ErrorCode.ProtocolError),
        [":status in a request"] = (HeadersFrame(1, Block((":method", "GET"), (":scheme", "http"), (":path", "/"), (":status", "200")), true), Http2ErrorCode.ProtocolError),
        ["pseudo-header twice"] = (HeadersFrame(1, Block((":method", "GET"), (":scheme", "http"), (":path", "/"), (":path", "/")), true), Http2ErrorCode.ProtocolError),
        ["pseudo-header behind a field"] = (HeadersFrame(1, Block((":method", "GET"), (":scheme", "http"), ("a", "b"), (":path", "/")), true), Http2ErrorCode.ProtocolError),
        ["no :method"] = (HeadersFrame(1, Block((":scheme", "http"), (":path", "/")), true), Http2ErrorCode.ProtocolError),
        ["no :scheme"] = (HeadersFrame(1, Block((":method", "GET"), (":path", "/")), true), Http2ErrorCode.ProtocolError),
        ["no :path"] = (HeadersFrame(1, Block((":method", "GET"), (":scheme", "http")), true), Http2ErrorCode.ProtocolError),
        ["empty :path"] = (HeadersFrame(1, Block((":method", "GET"), (":scheme", "http"), (":path", "")), true), Http2ErrorCode.ProtocolError),
        [":path without slash"] = (HeadersFrame(1, Block((":method", "GET"), (":scheme", "http"), (":path", "x")), true), Http2ErrorCode.ProtocolError),
        ["CONNECT without authority"] = (HeadersFrame(1, Block((":method", "CONNECT")), true), Http2ErrorCode.ProtocolError),
        ["content-length that is no number"] = (Request(1, true, ("content-length", "1x")), Http2ErrorCode.ProtocolError),
        ["two different content-lengths"] = (Request(1, false, ("content-length", "1"), ("content-length", "2")), Http2ErrorCode.ProtocolError),
        ["content-length without body"] = (Request(1, true, ("content-length", "5")), Http2ErrorCode.ProtocolError),
        ["body shorter than content-length"] = (Join(Request(1, false, ("content-length", "5")), DataFrame(1, [1, 2], end: true)), Http2ErrorCode.ProtocolError),
        ["body longer than content-length"] = (Join(Request(1, false, ("content-length", "1")), DataFrame(1, [1, 2])), Http2ErrorCode.ProtocolError),
        ["trailers after a short body"] =
            (Join(Request(1, false, ("content-length", "5")), DataFrame(1, [1, 2]), HeadersFrame(1, Block(("a", "b")), true)), Http2ErrorCode.ProtocolError),
        ["trailers without END_STREAM"] = (Join(Request(1, false), HeadersFrame(1, Block(("a", "b")), false)), Http2ErrorCode.ProtocolError),
        ["pseudo-header in trailers"] = (Join(Request(1, false), HeadersFrame(1, Block((":path", "/")), true)), Http2ErrorCode.ProtocolError),
        ["upper-case name in trailers"] = (Join(Request(1, false), HeadersFrame(1, Block(("A", "b")), true)), Http2ErrorCode.ProtocolError),
        ["DATA after END_STREAM"] = (Join(Request(1, true), DataFrame(1, [1])), Http2ErrorCode.StreamClosed),
        ["HEADERS after END_STREAM"] = (Join(Request(1, true), HeadersFrame(1, Block(("a", "b")), true)), Http2ErrorCode.StreamClosed),
        ["WINDOW_UPDATE of 0"] = (Join(Request(1, false), WindowUpdateFrame(1, 0)), Http2ErrorCode.ProtocolError),
        ["WINDOW_UPDATE that overflows"] = (Join(Request(1, false), WindowUpdateFrame(1, 0x7fffffff)), Http2ErrorCode.FlowControlError),
        ["PRIORITY of 4 bytes"] = (Join(Request(1, false), Frame(Priority, 0, 1, 0, 0, 0, 0)), Http2ErrorCode.FrameSizeError),
        ["stream window exceeded"] =
            (Join([Request(1, false), .. Enumerable.Repeat(DataFrame(1, new byte[16_384]), 4)]), Http2ErrorCode.FlowControlError),
        ["list over the limit"] = (Request(1, true, ("a", new string('x', 9_000))), Http2ErrorCode.FrameSizeError),
    };

    private static readonly Dictionary<string, (byte[] Bytes, Http2ErrorCode Code)> ClientCases = new()
    {
        ["no :status"] = (HeadersFrame(1, Block(("a", "b")), true), Http2ErrorCode.ProtocolError),
        [":status of two digits"] = (HeadersFrame(1, Block((":status", "20")), true), Http2ErrorCode.ProtocolError),
        [":status of letters"] = (HeadersFrame(1, Block((":status", "abc")), true), Http2ErrorCode.ProtocolError),
        [":path in a response"] = (HeadersFrame(1, Block((":status", "200"), (":path", "/")), true), Http2ErrorCode.ProtocolError),
        ["connection"] = (Response(1, true, ("connection", "close")), Http2ErrorCode.ProtocolError),
        ["upper-case name"] = (Response(1, true, ("Aa", "b")), Http2ErrorCode.ProtocolError),
        ["interim response that ends the stream"] = (HeadersFrame(1, Block((":status", "100")), true), Http2ErrorCode.ProtocolError),
        ["101"] = (HeadersFrame(1, Block((":status", "101")), false), Http2ErrorCode.ProtocolError),
        ["DATA before the head"] = (DataFrame(1, [1]), Http2ErrorCode.ProtocolError),
        ["DATA after an interim head only"] = (Join(HeadersFrame(1, Block((":status", "103")), false), DataFrame(1, [1])), Http2ErrorCode.ProtocolError),
        ["body shorter than content-length"] = (Join(Response(1, false, ("content-length", "5")), DataFrame(1, [1], end: true)), Http2ErrorCode.ProtocolError),
        ["body longer than content-length"] = (Join(Response(1, false, ("content-length", "1")), DataFrame(1, [1, 2], end: true)), Http2ErrorCode.ProtocolError),
        ["trailers without END_STREAM"] = (Join(Response(1, false), HeadersFrame(1, Block(("a", "b")), false)), Http2ErrorCode.ProtocolError),
        ["body of a 204"] = (Join(HeadersFrame(1, Block((":status", "204")), false), DataFrame(1, [1], end: true)), Http2ErrorCode.ProtocolError),
    };

    public static TheoryData<string> ServerNames => [.. ServerCases.Keys];

    public static TheoryData<string> ClientNames => [.. ClientCases.Keys];

    [Theory]
    [MemberData(nameof(ServerNames))]
    public async Task BrokenRequest_IsResetAndTheConnectionLives(string name)
    {
        var (bytes, code) = ServerCases[name];
        var gone = new TaskCompletionSource();
        var options = new Http2Options { StreamWindowBytes = 60_000, MaxHeaderListBytes = 8_192 };
        await using var peer = ScriptedPeer.AsClient(
            async stream =>
            {
                if (stream.Id == 1)
                {
                    using var registration = stream.Aborted.Register(gone.SetResult);
                    await gone.Task;
                }
                else
                {
                    await Handlers.EchoAsync(stream);
                }
            },
            options);
        await peer.HandshakeAsync();
        await peer.SendAsync(bytes);
        await peer.ExpectResetAsync(1, code);
        await peer.SendAsync(Request(7, true));
        Assert.Equal("200", (await peer.ExpectHeadersAsync(7)).Get(":status"));
        Assert.Equal(0, peer.Connection.ActiveStreams);
    }

    [Theory]
    [MemberData(nameof(ClientNames))]
    public async Task BrokenResponse_IsResetAndTheConnectionLives(string name)
    {
        var (bytes, code) = ClientCases[name];
        await using var peer = ScriptedPeer.AsServer();
        await peer.HandshakeAsync();
        Assert.True(peer.Connection.TryOpenStream(out var stream));
        stream.WriteHead(Heads.Request(), endStream: true);
        await peer.ExpectAsync(Head);
        await peer.SendAsync(bytes);
        await peer.ExpectResetAsync(1, code);
        var failure = await Assert.ThrowsAsync<Http2StreamException>(async () =>
        {
            await stream.ReadHeadAsync(default).AsTask().Within("head");
            await stream.ReadAllAsync().Within("body");
        });
        Assert.Equal(code, failure.ErrorCode);
        Assert.False(failure.FromPeer);
        Assert.False(failure.NeverProcessed);
        stream.Dispose();

        Assert.True(peer.Connection.TryOpenStream(out var next));
        next.WriteHead(Heads.Request(), endStream: true);
        await peer.ExpectAsync(Head);
        await peer.SendAsync(Response(3, true));
        await next.ReadHeadAsync(default).AsTask().Within("next head");
        next.Dispose();
    }

    [Fact]
    public async Task MalformedRequest_CanBeLeftToTheHandler()
    {
        var seen = new TaskCompletionSource<MalformedReason>();
        await using var peer = ScriptedPeer.AsClient(
            stream =>
            {
                seen.SetResult(stream.MalformedReason);
                stream.WriteHead(Heads.Response(400), endStream: true);
                return Task.CompletedTask;
            },
            new Http2Options { MalformedRequests = MalformedRequestHandling.Expose });
        await peer.HandshakeAsync();
        await peer.SendAsync(Request(1, true, ("connection", "close")));
        Assert.Equal(MalformedReason.ConnectionSpecificField, await seen.Task.Within("request"));
        Assert.Equal("400", (await peer.ExpectHeadersAsync(1)).Get(":status"));
    }

    [Fact]
    public async Task FramesForAStreamThatWeReset_AreIgnored()
    {
        await using var peer = ScriptedPeer.AsClient(stream =>
        {
            stream.Reset(Http2ErrorCode.EnhanceYourCalm);
            return Task.CompletedTask;
        });
        await peer.HandshakeAsync();
        await peer.SendAsync(Request(1, false));
        await peer.ExpectResetAsync(1, Http2ErrorCode.EnhanceYourCalm);
        await peer.SendAsync(
            DataFrame(1, [1, 2, 3]), WindowUpdateFrame(1, 5), HeadersFrame(1, Block(("a", "b")), true), Reset(1, 8), Frame(Priority, 0, 1, 0, 0, 0, 0, 1));
        await peer.ExpectAliveAsync();
    }

    [Fact]
    public async Task UnknownFramesFlagsAndSettings_AreIgnored()
    {
        await using var peer = ScriptedPeer.AsClient();
        await peer.HandshakeAsync((0x99, 7));
        await peer.SendAsync(Frame(0x77, 0xff, 0), Frame(0x78, 0, 1, 1, 2, 3), Frame(Ping, 0xfe, 0, new byte[8]), SettingsFrame((0xf000, 1)));
        Assert.True((await peer.ExpectAsync(Ping)).Has(Ack));
        await peer.SendAsync(Request(1, false), Frame(Data, 0xf6 & ~Padded, 1, 1, 2, 3), DataFrame(1, [4], end: true));
        await peer.ExpectHeadersAsync(1);
        Assert.Equal([1, 2, 3], (await peer.ExpectAsync(Data)).Payload[..3]);
    }

    [Fact]
    public async Task PaddingAndPriority_AreTakenOff()
    {
        await using var peer = ScriptedPeer.AsClient();
        await peer.HandshakeAsync();
        var block = Block((":method", "POST"), (":scheme", "http"), (":path", "/p"), ("x", "y"));
        await peer.SendAsync(
            Frame(Head, EndHeaders | Padded | HasPriority, 1, [3, 0, 0, 0, 0, 9, .. block, 0, 0, 0]),
            Frame(Data, Padded, 1, 2, 10, 11, 0, 0),
            Frame(Data, Padded | EndStream, 1, 0, 12));
        await peer.ExpectHeadersAsync(1);
        var body = new List<byte>();
        while (await peer.NextAsync() is { Type: Data } data)
        {
            body.AddRange(data.Payload);
        }

        Assert.Equal([10, 11, 12], body);
    }
}
