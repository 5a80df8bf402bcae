using FastSidecar.Integration.Grpc;
using FastSidecar.Integration.Shared;
using Xunit;

namespace FastSidecar.Integration.BadInput;

/// <summary>A pair whose caller also knows a callee with a gRPC app that does what the test says.</summary>
public sealed class ScriptedGrpcAppPair : SidecarPair
{
    internal ScriptedServer Scripted { get; private set; } = null!;

    internal SidecarProcess ScriptedCallee { get; private set; } = null!;

    internal override IEnumerable<SidecarProcess> Processes => [.. base.Processes, ScriptedCallee];

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        Scripted = new ScriptedServer(static connection => connection.ToEndAsync());
        ScriptedCallee = await SidecarProcess.StartAsync(
            new SidecarSettings { AppId = SidecarSettings.UniqueId("scripted"), AppPort = Scripted.Port, Flags = ["--app-protocol", "grpc"] });
    }

    public override async Task DisposeAsync()
    {
        await ScriptedCallee.DisposeAsync();
        await Scripted.DisposeAsync();
        await base.DisposeAsync();
    }
}

/// <summary>gRPC apps that answer what no proper one would, to a proxied call and to InvokeService: the caller gets a status, and the next call is served.</summary>
public sealed class GrpcAppTests(ScriptedGrpcAppPair pair) : PairTests<ScriptedGrpcAppPair>(pair)
{
    private const int Any = -2;
    private const int ResourceExhausted = 8;
    private const int Internal = 13;
    private const int Unavailable = 14;

    private static readonly (string Name, string Value)[] OkHead = [(":status", "200"), ("content-type", "application/grpc")];

    private static readonly (string Name, int ProxiedCode, byte[] Answer)[] All =
    [
        ("no trailers", Internal, [.. Head(0), .. Data(Http2Frames.EndStream, Http2Frames.Message("hi"u8))]),
        ("a head that ends the stream without a status", Any, Head(Http2Frames.EndStream)),
        ("trailers without a status", Any, [.. Head(0), .. Data(0, Http2Frames.Message("hi"u8)), .. Http2Frames.Headers(1, Http2Frames.EndStream, ("x", "y"))]),
        ("a status that is no number", Any, [.. Head(0), .. Http2Frames.Headers(1, Http2Frames.EndStream, ("grpc-status", "fine"))]),
        ("a page of HTML", Any, [.. Http2Frames.Headers(1, 0, (":status", "200"), ("content-type", "text/html")), .. Data(Http2Frames.EndStream, "<html>"u8)]),
        ("HTTP 503", Unavailable, Http2Frames.Headers(1, Http2Frames.EndStream, (":status", "503"))),
        ("a message over the limit", ResourceExhausted, [.. Head(0), .. Data(0, [0, 0, 0x40, 0, 1, 1, 2, 3])]),
        ("half a message", Internal, [.. Head(0), .. Data(0, [0, 0, 0, 0, 9, 1, 2]), .. Trailers]),
        ("a compressed message without an encoding", Internal, [.. Head(0), .. Data(0, [1, 0, 0, 0, 1, 7]), .. Trailers]),
        ("a reset", Any, [.. Head(0), .. Http2Frames.Reset(1, 2)]),
        ("a head twice", Any, [.. Head(0), .. Head(0)]),
        ("HTTP/1.1", Unavailable, [.. "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"u8]),
        ("nothing but the end", Unavailable, []),
    ];

    public static TheoryData<string> Names { get; } = [.. All.Select(static item => item.Name)];

    private static byte[] Trailers => Http2Frames.Headers(1, Http2Frames.EndStream, ("grpc-status", "0"));

    [Theory]
    [MemberData(nameof(Names))]
    public async Task ProxiedCall_GetsAStatus_AndTheNextIsServed(string name)
    {
        var (_, code, _) = All.Single(item => item.Name == name);
        await Pair.Scripted.PlayAsync(Answering(name));
        using var connection = await GrpcConnection.OpenAsync(Pair.Caller.GrpcPort);
        var head = (IEnumerable<(string, string)>)[.. PeerMessages.RequestHead("/x.X/Echo"), ("dapr-app-id", Pair.ScriptedCallee.AppId)];
        await connection.SendAsync(Http2Frames.Headers(1, 0, head), Http2Frames.Frame(Http2Frames.Data, Http2Frames.EndStream, 1, Http2Frames.Message("hello"u8)));
        var outcome = await connection.EndAsync(1);

        Assert.True(outcome.Ended, outcome.ToString());
        Assert.True(outcome.Reset is not null || (code == Any ? outcome.Code > 0 : outcome.Code == code), outcome.ToString());

        await Pair.Scripted.PlayAsync(AnsweringWell);
        await connection.SendAsync(Http2Frames.Headers(3, 0, head), Http2Frames.Frame(Http2Frames.Data, Http2Frames.EndStream, 3, Http2Frames.Message("hello"u8)));
        var next = await connection.EndAsync(3);
        Assert.True(next.Code == 0, $"the next call: {next}");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task InvokeService_GetsAStatus_AndTheNextIsServed(string name)
    {
        await Pair.Scripted.PlayAsync(Answering(name));
        using var connection = await GrpcConnection.OpenAsync(Pair.Caller.GrpcPort);
        await connection.SendAsync(Invoke(1));
        var outcome = await connection.EndAsync(1);

        Assert.True(outcome.Ended && outcome.Code > 0, outcome.ToString());

        await Pair.Scripted.PlayAsync(AnsweringWell);
        await connection.SendAsync(Invoke(3));
        var next = await connection.EndAsync(3);
        Assert.True(next.Code == 0, $"the next call: {next}");
    }

    private byte[] Invoke(int stream) =>
    [
        .. Http2Frames.Headers(stream, 0, PeerMessages.RequestHead(GrpcMessages.InvokeService)),
        .. Http2Frames.Frame(
            Http2Frames.Data, Http2Frames.EndStream, stream, Http2Frames.Message(GrpcMessages.Invoke(Pair.ScriptedCallee.AppId, "m", [1, 2, 3]))),
    ];

    /// <summary>Each connection's first call has that answer; HTTP/1.1, and nothing, come instead of HTTP/2.</summary>
    private static Func<RawConnection, Task> Answering(string name) => async connection =>
    {
        var (_, _, answer) = All.Single(item => item.Name == name);
        var isHttp2 = answer.Length > 0 && answer[0] != (byte)'H';
        if (isHttp2)
        {
            await connection.SendAsync(Http2Frames.ServerStart);
            await CalledAsync(connection, 1);
        }
        else
        {
            await connection.ReceivedAsync(Http2Frames.Preface.Length);
        }

        await connection.SendAsync(answer);
        if (isHttp2)
        {
            await connection.ToEndAsync();
        }
    };

    /// <summary>Every call of a connection gets an empty message: one of OnInvoke's answers too.</summary>
    private static async Task AnsweringWell(RawConnection connection)
    {
        await connection.SendAsync(Http2Frames.ServerStart);
        for (var stream = 1; await CalledAsync(connection, stream); stream += 2)
        {
            await connection.SendAsync(
                (byte[])[
                    .. Http2Frames.Headers(stream, 0, OkHead),
                    .. Http2Frames.Frame(Http2Frames.Data, 0, stream, Http2Frames.Message()),
                    .. Http2Frames.Headers(stream, Http2Frames.EndStream, ("grpc-status", "0")),
                ]);
        }
    }

    /// <summary>Waits for the request's end. False when the connection ends before.</summary>
    private static async Task<bool> CalledAsync(RawConnection connection, int stream)
    {
        while (!Http2Frames.Read(connection.Received.Length > Http2Frames.Preface.Length ? connection.Received[Http2Frames.Preface.Length..] : default).Any(frame =>
            frame.Stream == stream && frame.Type is Http2Frames.Data or Http2Frames.HeadersType && (frame.Flags & Http2Frames.EndStream) != 0))
        {
            if (!await connection.ReceiveAsync())
            {
                return false;
            }
        }

        return true;
    }

    private static byte[] Head(byte flags) => Http2Frames.Headers(1, flags, OkHead);

    private static byte[] Data(byte flags, ReadOnlySpan<byte> bytes) => Http2Frames.Frame(Http2Frames.Data, flags, 1, bytes);
}
