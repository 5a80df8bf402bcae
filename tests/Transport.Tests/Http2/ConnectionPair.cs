using System.IO.Pipelines;
using System.Net;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Http2;
using FastSidecar.Transport.Sockets;

namespace FastSidecar.Transport.Tests.Http2;

/// <summary>Two ends of a connection in memory.</summary>
internal sealed class PipePair
{
    public PipePair(PipeScheduler? scheduler = null, long pauseBytes = 64 * 1024)
    {
        var options = new PipeOptions(
            readerScheduler: scheduler ?? PipeScheduler.ThreadPool,
            writerScheduler: scheduler ?? PipeScheduler.ThreadPool,
            pauseWriterThreshold: pauseBytes,
            resumeWriterThreshold: pauseBytes / 2,
            useSynchronizationContext: false);
        var up = new Pipe(options);
        var down = new Pipe(options);
        Client = new Side(down.Reader, up.Writer);
        Server = new Side(up.Reader, down.Writer);
    }

    public IDuplexPipe Client { get; }

    public IDuplexPipe Server { get; }

    private sealed record Side(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}

/// <summary>Our client and our server, joined.</summary>
internal sealed class ConnectionPair : IAsyncDisposable
{
    private ConnectionPair(Http2Connection client, Http2Connection server, TestHandler handler)
    {
        Client = client;
        Server = server;
        Handler = handler;
    }

    public Http2Connection Client { get; }

    public Http2Connection Server { get; }

    public TestHandler Handler { get; }

    public static ConnectionPair InMemory(
        Func<Http2Stream, Task> handle,
        Http2Options? client = null,
        Http2Options? server = null,
        TimeProvider? time = null,
        PipeScheduler? scheduler = null)
    {
        var pipes = new PipePair(scheduler);
        return Join(pipes.Client, pipes.Server, handle, client, server, time);
    }

    public static async Task<ConnectionPair> OverSocketsAsync(Func<Http2Stream, Task> handle, Http2Options? client = null, Http2Options? server = null)
    {
        var accepted = new TaskCompletionSource<SocketConnection>();
        await using var listener = new SocketListener(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Start(accepted.SetResult);
        var connected = await SocketConnector.ConnectAsync(listener.LocalEndPoint, TestTimeouts.Default, TimeProvider.System, default);
        return Join(connected, await accepted.Task.Within("accept"), handle, client, server, null);
    }

    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync().AsTask().Within("the client's end");
        await Server.DisposeAsync().AsTask().Within("the server's end");
    }

    private static ConnectionPair Join(
        IDuplexPipe client,
        IDuplexPipe server,
        Func<Http2Stream, Task> handle,
        Http2Options? clientOptions,
        Http2Options? serverOptions,
        TimeProvider? time)
    {
        var handler = new TestHandler(handle);
        var serverSide = Http2Connection.StartServer(server, serverOptions ?? new Http2Options(), handler, time ?? TimeProvider.System);
        var clientSide = Http2Connection.StartClient(client, clientOptions ?? new Http2Options(), time ?? TimeProvider.System);
        return new ConnectionPair(clientSide, serverSide, handler);
    }
}
