using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Http2;
using FastSidecar.Transport.Sockets;
using Xunit;

namespace FastSidecar.Transport.Tests.Http2;

/// <summary>
/// Our two roles over a link that delivers pieces of random size with random delays, under calls that read slowly, give up early, are
/// canceled or reset. Whatever the interleaving: bodies arrive whole and in order or the call fails, nothing hangs, no slot is lost.
/// </summary>
public sealed class SoakTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public async Task RandomCallsOverARandomLink_AllEnd(int seed)
    {
        await using var link = new RandomLink(seed);
        await RunAsync(seed, link.Client, link.Server);
    }

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(13)]
    public async Task RandomCallsOverSockets_AllEnd(int seed)
    {
        var accepted = new TaskCompletionSource<SocketConnection>();
        await using var listener = new SocketListener(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Start(accepted.SetResult);
        var connected = await SocketConnector.ConnectAsync(listener.LocalEndPoint, TestTimeouts.Default, TimeProvider.System, default);
        await RunAsync(seed, connected, await accepted.Task.Within("accept"));
    }

    private static async Task RunAsync(int seed, IDuplexPipe clientSide, IDuplexPipe serverSide)
    {
        var random = new Random(seed);
        var options = new Http2Options
        {
            StreamWindowBytes = random.Next(1_000, 40_000),
            ConnectionWindowBytes = random.Next(65_535, 100_000),
            MaxConcurrentStreams = 50,
        };
        var handler = new TestHandler(stream => ServeAsync(stream, new Random(seed + stream.Id)));
        var server = Http2Connection.StartServer(serverSide, options, handler, TimeProvider.System);
        var client = Http2Connection.StartClient(clientSide, options, TimeProvider.System);
        await client.Ready.Within("settings");
        var outcomes = new int[2];
        var workers = Enumerable.Range(0, 20).Select(async worker =>
        {
            var choices = new Random((seed * 1000) + worker);
            for (var i = 0; i < 40; i++)
            {
                var complete = await CallAsync(client, choices);
                Interlocked.Increment(ref outcomes[complete ? 1 : 0]);
            }
        });
        await Task.WhenAll(workers).Within($"the calls of seed {seed}: {outcomes[1]} complete, {outcomes[0]} not");
        Assert.True(outcomes[1] > 200, $"only {outcomes[1]} calls were complete");
        using (var limit = new CancellationTokenSource(TestTimeouts.Default))
        {
            while (client.ActiveStreams + server.ActiveStreams > 0)
            {
                await Task.Delay(1, limit.Token);
            }
        }

        Assert.Null(client.Failure);
        Assert.Null(server.Failure);
        Assert.DoesNotContain(handler.Failures, f => f is not (IOException or OperationCanceledException));
        await client.DisposeAsync().AsTask().Within("the client's end");
        await server.DisposeAsync().AsTask().Within("the server's end");
    }

    /// <summary>Echoes, unless it feels otherwise.</summary>
    private static async Task ServeAsync(Http2Stream stream, Random random)
    {
        switch (random.Next(10))
        {
            case 0:
                stream.Reset(Http2ErrorCode.Cancel);
                return;
            case 1:
                await Task.Yield();
                stream.WriteHead(Heads.Response(), endStream: false);
                stream.Output.Write(new byte[random.Next(20_000)]);
                stream.End(Heads.List(("early", "1")));
                return;
            case 2:
                return;
            default:
                break;
        }

        stream.WriteHead(Heads.Response(), endStream: false);
        while (true)
        {
            var read = await stream.Input.ReadAsync();
            var take = random.Next(2) == 0 ? read.Buffer : read.Buffer.Slice(0, random.Next((int)Math.Min(read.Buffer.Length, 3_000) + 1));
            foreach (var segment in take)
            {
                if (random.Next(2) == 0)
                {
                    await stream.Output.WriteAsync(segment);
                }
                else
                {
                    stream.Output.Write(segment.Span);
                }
            }

            var done = read.IsCompleted && take.Length == read.Buffer.Length;
            stream.Input.AdvanceTo(take.End);
            if (done)
            {
                break;
            }

            if (random.Next(3) == 0)
            {
                await Task.Yield();
            }

            await stream.Output.FlushAsync();
        }

        stream.End(Heads.List(("echo", "complete")));
    }

    /// <summary>True when the echo was complete; then it is checked.</summary>
    private static async Task<bool> CallAsync(Http2Connection client, Random random)
    {
        Assert.True(client.TryOpenStream(out var stream));
        var upload = Task.CompletedTask;
        try
        {
            var body = new byte[random.Next(3) == 0 ? random.Next(100_000) : random.Next(2_000)];
            random.NextBytes(body);
            stream.WriteHead(Heads.Request(), endStream: false);
            var giveUpAfter = random.Next(8) == 0 ? random.Next(3_000) : int.MaxValue;
            upload = UploadAsync(stream, body, new Random(random.Next()));
            var received = new ArrayBufferWriter<byte>();
            await stream.ReadHeadAsync(default);
            while (received.WrittenCount < giveUpAfter)
            {
                var read = await stream.Input.ReadAsync();
                var take = read.Buffer.Slice(0, Math.Min(read.Buffer.Length, random.Next(1, 8_000)));
                received.Write(take.ToArray());
                var done = read.IsCompleted && take.Length == read.Buffer.Length;
                stream.Input.AdvanceTo(take.End);
                if (!done)
                {
                    continue;
                }

                if (stream.Trailers.Get("echo") is null)
                {
                    break;
                }

                await upload;
                Assert.Equal(body, received.WrittenSpan.ToArray());
                return true;
            }

            return false;
        }
        catch (IOException)
        {
            return false;
        }
        finally
        {
            // The stream may be another call's once it is disposed: the uploading flow must have let go of it.
            stream.Reset(Http2ErrorCode.Cancel);
            await upload;
            stream.Dispose();
        }
    }

    private static async Task UploadAsync(Http2Stream stream, byte[] body, Random random)
    {
        try
        {
            for (var at = 0; at < body.Length;)
            {
                var length = Math.Min(random.Next(1, 20_000), body.Length - at);
                if (random.Next(2) == 0)
                {
                    if ((await stream.Output.WriteAsync(body.AsMemory(at, length))).IsCompleted)
                    {
                        return;
                    }
                }
                else
                {
                    stream.Output.Write(body.AsSpan(at, length));
                    if (random.Next(2) == 0 && (await stream.Output.FlushAsync()).IsCompleted)
                    {
                        return;
                    }
                }

                at += length;
            }

            stream.End(null);
        }
        catch (IOException)
        {
            // The reading side says why.
        }
    }

    /// <summary>A link whose two directions carry bytes in pieces of random size, now and then late.</summary>
    private sealed class RandomLink : IAsyncDisposable
    {
        private readonly Task[] _carriers;

        public RandomLink(int seed)
        {
            var near = new PipePair();
            var far = new PipePair();
            Client = near.Client;
            Server = far.Server;
            _carriers =
            [
                CarryAsync(near.Server.Input, far.Client.Output, new Random(seed)),
                CarryAsync(far.Client.Input, near.Server.Output, new Random(seed + 1)),
            ];
        }

        public IDuplexPipe Client { get; }

        public IDuplexPipe Server { get; }

        public async ValueTask DisposeAsync() => await Task.WhenAll(_carriers).Within("the link's end");

        private static async Task CarryAsync(PipeReader from, PipeWriter to, Random random)
        {
            while (true)
            {
                var read = await from.ReadAsync();
                var piece = read.Buffer.Slice(0, Math.Min(read.Buffer.Length, random.Next(1, random.Next(2) == 0 ? 50 : 20_000)));
                foreach (var segment in piece)
                {
                    to.Write(segment.Span);
                }

                var end = read.IsCompleted && piece.Length == read.Buffer.Length;
                from.AdvanceTo(piece.End);
                var flushed = await to.FlushAsync();
                if (end || flushed.IsCompleted)
                {
                    break;
                }

                if (random.Next(20) == 0)
                {
                    await Task.Yield();
                }
            }

            await to.CompleteAsync();
            await from.CompleteAsync();
        }
    }
}
