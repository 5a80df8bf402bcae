using System.IO.Pipelines;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Http2;
using Xunit;

namespace FastSidecar.Tests.BackPressure;

/// <summary>Both ends of an HTTP/2 connection in memory.</summary>
internal sealed class MemoryConnection : IAsyncDisposable
{
    private readonly Http2Connection _server;
    private readonly TaskCompletionSource<Http2Stream> _accepted = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="handler">Takes the streams; without one the first is <see cref="AcceptedAsync"/>.</param>
    public MemoryConnection(IHttp2StreamHandler? handler = null)
    {
        var up = new Pipe();
        var down = new Pipe();
        _server = Http2Connection.StartServer(new Side(up.Reader, down.Writer), new Http2Options(), handler ?? new First(_accepted), TimeProvider.System);
        Client = Http2Connection.StartClient(new Side(down.Reader, up.Writer), new Http2Options(), TimeProvider.System);
    }

    public Http2Connection Client { get; }

    public Http2Stream Open()
    {
        Assert.True(Client.TryOpenStream(out var stream), "the connection has room");
        return stream;
    }

    public Task<Http2Stream> AcceptedAsync() => _accepted.Task.Within("the stream");

    /// <summary>How many bytes there are to the end.</summary>
    public static async Task<int> ReadToEndAsync(Http2Stream stream)
    {
        var bytes = 0;
        while (true)
        {
            var read = await stream.Input.ReadAsync().AsTask().Within("more, or the end");
            bytes += (int)read.Buffer.Length;
            stream.Input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                return bytes;
            }
        }
    }

    public static HeaderList List(params (string Name, string Value)[] fields) => Protocol.PeerWire.Headers(fields);

    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync().AsTask().Within("the client's end");
        await _server.DisposeAsync().AsTask().Within("the server's end");
    }

    private sealed record Side(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    private sealed class First(TaskCompletionSource<Http2Stream> accepted) : IHttp2StreamHandler
    {
        public void OnStream(Http2Stream stream) => accepted.SetResult(stream);
    }
}
