using System.Buffers;
using System.IO.Pipelines;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Http2;
using Xunit;
using static FastSidecar.Transport.Tests.Http2.Wire;

namespace FastSidecar.Transport.Tests.Http2;

/// <summary>What a peer must do to lose its connection, and with which code (RFC 9113 §5.4.1, §6).</summary>
public sealed class ConnectionErrorTests
{
    private const uint Big = 0x7fffffff;

    private static readonly Dictionary<string, (byte[] Bytes, Http2ErrorCode Code)> ServerCases = new()
    {
        ["DATA on stream 0"] = (DataFrame(0, [1]), Http2ErrorCode.ProtocolError),
        ["DATA on an idle stream"] = (DataFrame(1, [1]), Http2ErrorCode.ProtocolError),
        ["DATA on an even stream"] = (DataFrame(2, [1]), Http2ErrorCode.ProtocolError),
        ["DATA longer than the frame limit"] = (Frame(Data, 0, 1, new byte[16385]), Http2ErrorCode.FrameSizeError),
        ["padded DATA without pad length"] = (Join(Request(1, false), Frame(Data, Padded, 1)), Http2ErrorCode.FrameSizeError),
        ["DATA with more padding than payload"] = (Join(Request(1, false), Frame(Data, Padded, 1, 5, 1, 2, 3, 4)), Http2ErrorCode.ProtocolError),
        ["HEADERS on stream 0"] = (Request(0, true), Http2ErrorCode.ProtocolError),
        ["HEADERS on an even stream"] = (Request(2, true), Http2ErrorCode.ProtocolError),
        ["HEADERS on a stream that was passed over"] = (Join(Request(5, true), Request(3, true)), Http2ErrorCode.ProtocolError),
        ["HEADERS with more padding than payload"] = (Frame(Head, EndHeaders | Padded, 1, 200, 1, 2), Http2ErrorCode.ProtocolError),
        ["padded HEADERS without pad length"] = (Frame(Head, EndHeaders | Padded, 1), Http2ErrorCode.FrameSizeError),
        ["HEADERS too short for its priority"] = (Frame(Head, EndHeaders | HasPriority, 1, 1, 2, 3), Http2ErrorCode.FrameSizeError),
        ["HEADERS with a broken block"] = (HeadersFrame(1, [0xff, 0xff, 0xff, 0xff, 0xff], true), Http2ErrorCode.CompressionError),
        ["HEADERS with an index of 0"] = (HeadersFrame(1, [0x80], true), Http2ErrorCode.CompressionError),
        ["header block interrupted by DATA"] = (Join(Frame(Head, 0, 1, Block((":method", "GET"))), DataFrame(1, [])), Http2ErrorCode.ProtocolError),
        ["header block interrupted by PING"] = (Join(Frame(Head, 0, 1, Block((":method", "GET"))), PingFrame(1)), Http2ErrorCode.ProtocolError),
        ["header block interrupted by an unknown frame"] =
            (Join(Frame(Head, 0, 1, Block((":method", "GET"))), Frame(0x77, 0, 1, 1)), Http2ErrorCode.ProtocolError),
        ["header block interrupted by another stream's CONTINUATION"] =
            (Join(Frame(Head, 0, 1, Block((":method", "GET"))), Frame(Continuation, EndHeaders, 3)), Http2ErrorCode.ProtocolError),
        ["CONTINUATION without HEADERS"] = (Frame(Continuation, EndHeaders, 1, 1), Http2ErrorCode.ProtocolError),
        ["CONTINUATION after END_HEADERS"] = (Join(Request(1, false), Frame(Continuation, EndHeaders, 1)), Http2ErrorCode.ProtocolError),
        ["CONTINUATION on stream 0"] = (Frame(Continuation, EndHeaders, 0, 1), Http2ErrorCode.ProtocolError),
        ["PRIORITY on stream 0"] = (Frame(Priority, 0, 0, 0, 0, 0, 0, 1), Http2ErrorCode.ProtocolError),
        ["PRIORITY of 4 bytes on an idle stream"] = (Frame(Priority, 0, 1, 0, 0, 0, 0), Http2ErrorCode.FrameSizeError),
        ["RST_STREAM on stream 0"] = (Reset(0, 8), Http2ErrorCode.ProtocolError),
        ["RST_STREAM on an idle stream"] = (Reset(1, 8), Http2ErrorCode.ProtocolError),
        ["RST_STREAM of 3 bytes"] = (Join(Request(1, false), Frame(RstStream, 0, 1, 0, 0, 8)), Http2ErrorCode.FrameSizeError),
        ["RST_STREAM of 5 bytes"] = (Join(Request(1, false), Frame(RstStream, 0, 1, 0, 0, 0, 8, 0)), Http2ErrorCode.FrameSizeError),
        ["SETTINGS on a stream"] = (Frame(Settings, 0, 1), Http2ErrorCode.ProtocolError),
        ["SETTINGS of 5 bytes"] = (Frame(Settings, 0, 0, 0, 1, 0, 0, 0), Http2ErrorCode.FrameSizeError),
        ["SETTINGS ACK with payload"] = (Frame(Settings, Ack, 0, 0, 1, 0, 0, 0, 0), Http2ErrorCode.FrameSizeError),
        ["ENABLE_PUSH of 2"] = (SettingsFrame((2, 2)), Http2ErrorCode.ProtocolError),
        ["INITIAL_WINDOW_SIZE of 2^31"] = (SettingsFrame((4, 0x80000000)), Http2ErrorCode.FlowControlError),
        ["INITIAL_WINDOW_SIZE that overflows a window"] =
            (Join(Request(1, false), WindowUpdateFrame(1, 1), SettingsFrame((4, Big)), WindowUpdateFrame(0, 1)), Http2ErrorCode.FlowControlError),
        ["MAX_FRAME_SIZE of 16383"] = (SettingsFrame((5, 16383)), Http2ErrorCode.ProtocolError),
        ["MAX_FRAME_SIZE of 2^24"] = (SettingsFrame((5, 1 << 24)), Http2ErrorCode.ProtocolError),
        ["PUSH_PROMISE"] = (Join(Request(1, false), Frame(PushPromise, EndHeaders, 1, 0, 0, 0, 2)), Http2ErrorCode.ProtocolError),
        ["PING on a stream"] = (Frame(Ping, 0, 1, new byte[8]), Http2ErrorCode.ProtocolError),
        ["PING of 7 bytes"] = (Frame(Ping, 0, 0, new byte[7]), Http2ErrorCode.FrameSizeError),
        ["PING of 9 bytes"] = (Frame(Ping, 0, 0, new byte[9]), Http2ErrorCode.FrameSizeError),
        ["GOAWAY on a stream"] = (Frame(GoingAway, 0, 1, new byte[8]), Http2ErrorCode.ProtocolError),
        ["GOAWAY of 7 bytes"] = (Frame(GoingAway, 0, 0, new byte[7]), Http2ErrorCode.FrameSizeError),
        ["WINDOW_UPDATE of 3 bytes"] = (Frame(WindowUpdate, 0, 0, 0, 0, 1), Http2ErrorCode.FrameSizeError),
        ["WINDOW_UPDATE of 0 on stream 0"] = (WindowUpdateFrame(0, 0), Http2ErrorCode.ProtocolError),
        ["WINDOW_UPDATE on an idle stream"] = (WindowUpdateFrame(1, 1), Http2ErrorCode.ProtocolError),
        ["WINDOW_UPDATE that overflows the connection"] = (WindowUpdateFrame(0, Big), Http2ErrorCode.FlowControlError),
        ["an unknown frame over the frame limit"] = (Frame(0x77, 0, 0, new byte[16385]), Http2ErrorCode.FrameSizeError),
        ["SETTINGS over the frame limit"] = (Frame(Settings, 0, 0, new byte[16386]), Http2ErrorCode.FrameSizeError),
    };

    private static readonly Dictionary<string, (byte[] Bytes, Http2ErrorCode Code)> ClientCases = new()
    {
        ["ENABLE_PUSH of 1 from a server"] = (SettingsFrame((2, 1)), Http2ErrorCode.ProtocolError),
        ["PUSH_PROMISE"] = (Frame(PushPromise, EndHeaders, 1, 0, 0, 0, 2), Http2ErrorCode.ProtocolError),
        ["HEADERS on a stream that the server opens"] = (Response(2, true), Http2ErrorCode.ProtocolError),
        ["HEADERS on an idle stream"] = (Response(9, true), Http2ErrorCode.ProtocolError),
        ["DATA on an idle stream"] = (DataFrame(9, [1]), Http2ErrorCode.ProtocolError),
        ["WINDOW_UPDATE on an idle stream"] = (WindowUpdateFrame(9, 1), Http2ErrorCode.ProtocolError),
        ["RST_STREAM on an idle stream"] = (Reset(9, 1), Http2ErrorCode.ProtocolError),
        ["DATA on a closed stream"] = (Join(Response(1, true), DataFrame(1, [1])), Http2ErrorCode.StreamClosed),
        ["HEADERS on a closed stream"] = (Join(Response(1, true), Response(1, true)), Http2ErrorCode.StreamClosed),
        ["GOAWAY of 7 bytes"] = (Frame(GoingAway, 0, 0, new byte[7]), Http2ErrorCode.FrameSizeError),
        ["broken header block"] = (HeadersFrame(1, [0x80], true), Http2ErrorCode.CompressionError),
    };

    public static TheoryData<string> ServerNames => [.. ServerCases.Keys];

    public static TheoryData<string> ClientNames => [.. ClientCases.Keys];

    [Theory]
    [MemberData(nameof(ServerNames))]
    public async Task BrokenClient_GetsGoAway(string name)
    {
        var (bytes, code) = ServerCases[name];
        await using var peer = ScriptedPeer.AsClient();
        await peer.HandshakeAsync();
        await peer.SendAsync(bytes);
        await peer.ExpectConnectionErrorAsync(code);
    }

    [Theory]
    [MemberData(nameof(ClientNames))]
    public async Task BrokenServer_GetsGoAway(string name)
    {
        var (bytes, code) = ClientCases[name];
        await using var peer = ScriptedPeer.AsServer();
        await peer.HandshakeAsync();
        Assert.True(peer.Connection.TryOpenStream(out var stream));
        stream.WriteHead(Heads.Request(), endStream: true);
        await peer.ExpectAsync(Head);
        await peer.SendAsync(bytes);
        await peer.ExpectConnectionErrorAsync(code);
        stream.Dispose();
    }

    public static TheoryData<string, byte[]> BadStarts => new()
    {
        { "HTTP/1.1", "GET / HTTP/1.1\r\n\r\n"u8.ToArray() },
        { "a preface that differs in its last byte", Join(Preface[..^1], [0x0b]) },
        { "no SETTINGS", Join(Preface, PingFrame(1)) },
        { "SETTINGS ACK first", Join(Preface, SettingsAck) },
        { "HEADERS first", Join(Preface, Request(1, true)) },
        { "DATA first", Join(Preface, DataFrame(1, [1])) },
    };

    [Theory]
    [MemberData(nameof(BadStarts))]
    public async Task WrongStart_GetsGoAway(string name, byte[] bytes)
    {
        _ = name;
        await using var peer = ScriptedPeer.AsClient();
        await peer.SendAsync(bytes);
        await peer.ExpectConnectionErrorAsync(Http2ErrorCode.ProtocolError);
    }

    [Fact]
    public async Task ConnectionWindowExceeded_GetsGoAway()
    {
        // Nobody reads, so the streams' windows hold; the budget keeps the connection's window from being credited.
        var options = new Http2Options { ConnectionWindowBytes = 65_535, StreamWindowBytes = 65_535, ReceiveBudget = new FastSidecar.Transport.Http2.FlowControl.ReceiveBudget(0) };
        await using var peer = ScriptedPeer.AsClient(stream => stream.Connection.Closed, options);
        await peer.HandshakeAsync();
        await peer.SendAsync(Request(1, false), Request(3, false));
        for (var i = 0; i < 4; i++)
        {
            await peer.SendAsync(DataFrame(1 + (i % 2 * 2), new byte[16_000]));
        }

        await peer.ExpectAliveAsync();
        await peer.SendAsync(DataFrame(1, new byte[1_536]));
        await peer.ExpectConnectionErrorAsync(Http2ErrorCode.FlowControlError);
    }

    [Theory]
    [MemberData(nameof(ServerNames))]
    public async Task BrokenClientByteByByte_GetsTheSameGoAway(string name)
    {
        var (bytes, code) = ServerCases[name];
        await using var peer = ScriptedPeer.AsClient();
        await peer.HandshakeAsync();
        await peer.SendByteByByteAsync(bytes.Length > 2000 ? bytes[..2000] : bytes);
        await peer.ExpectConnectionErrorAsync(code);
    }

    /// <summary>The peer's end comes in one batch with its mistake, while the flush of our SETTINGS waits for the peer to read.</summary>
    [Fact]
    public async Task BrokenClientThatEnds_WhileAFlushIsUnderWay_GetsGoAway()
    {
        var pipes = new PipePair(PipeScheduler.Inline, pauseBytes: 2);
        var connection = Http2Connection.StartServer(pipes.Server, new Http2Options(), new TestHandler(Handlers.EchoAsync), TimeProvider.System);

        pipes.Client.Output.Write(Join(Preface, SettingsFrame(), Frame(Ping, 0, 1, new byte[8])));
        await pipes.Client.Output.CompleteAsync();

        var said = new List<byte>();
        while (true)
        {
            var read = await pipes.Client.Input.ReadAsync().AsTask().Within("the server's last words");
            said.AddRange(read.Buffer.ToArray());
            pipes.Client.Input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                break;
            }
        }

        await connection.Closed.Within("the connection's end");
        Assert.Contains(GoingAway, TypesOf([.. said]));
    }

    private static List<byte> TypesOf(ReadOnlySpan<byte> frames)
    {
        var types = new List<byte>();
        while (!frames.IsEmpty)
        {
            types.Add(frames[3]);
            frames = frames[(9 + ((frames[0] << 16) | (frames[1] << 8) | frames[2]))..];
        }

        return types;
    }
}
