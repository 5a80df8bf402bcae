using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Http2;
using FastSidecar.Transport.Sockets;
using Xunit;

namespace FastSidecar.Transport.Tests.Http2;

/// <summary>What a request costs in managed memory once everything is warm: nothing, in both roles.</summary>
[Collection(nameof(AllocationTests))]
[CollectionDefinition(nameof(AllocationTests), DisableParallelization = true)]
public sealed class AllocationTests
{
    private const int WarmUp = 3000;
    private const int Requests = 2000;

    /// <summary>Room for the odd timer tick and the test runner's own threads, far below one object for each request.</summary>
    private const int AllowedBytesPerRequest = 8;

    /// <summary>A busy machine moves threads about, and pools kept per core then miss; a leak of ours shows however often it is measured.</summary>
    private const int MostAttempts = 10;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task UnaryRequests_AllocateNothing(bool sockets)
    {
        var (client, server) = await ConnectAsync(sockets);
        await using var serverSide = Http2Connection.StartServer(server, new Http2Options(), new AtOnceHandler(), TimeProvider.System);
        await using var clientSide = Http2Connection.StartClient(client, new Http2Options(), TimeProvider.System);
        var perRequest = await Task.Run(() => MeasureAsync(clientSide, new byte[1024], AllowedBytesPerRequest)).Within("requests");
        Assert.True(perRequest < AllowedBytesPerRequest, $"{perRequest:F1} bytes per request");
    }

    [Fact]
    public async Task StreamedBodies_AllocateNothing()
    {
        var (client, server) = await ConnectAsync(sockets: true);
        await using var serverSide = Http2Connection.StartServer(server, new Http2Options(), new StreamingHandler(), TimeProvider.System);
        await using var clientSide = Http2Connection.StartClient(client, new Http2Options(), TimeProvider.System);
        var perRequest = await Task.Run(() => MeasureAsync(clientSide, new byte[40_000], 1024)).Within("requests");
        // The handler's pooled state machine misses its pool now and then; one block of a body that is not reused would cost 4,096.
        Assert.True(perRequest < 1024, $"{perRequest:F1} bytes per request");
    }

    private static async Task<double> MeasureAsync(Http2Connection client, byte[] body, double enough)
    {
        await RunAsync(client, body, WarmUp);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var best = double.MaxValue;
        for (var attempt = 0; attempt < MostAttempts && best >= enough; attempt++)
        {
            // The runtime's own work (tiered compilation) may fall into one attempt; a leak of ours shows in all.
            var before = GC.GetTotalAllocatedBytes(precise: true);
            await RunAsync(client, body, Requests);
            best = Math.Min(best, (GC.GetTotalAllocatedBytes(precise: true) - before) / (double)Requests);
        }

        return best;
    }

    private static async Task RunAsync(Http2Connection client, byte[] body, int requests)
    {
        var head = Heads.Request(more: [("content-type", "application/grpc"), ("te", "trailers")]);
        for (var i = 0; i < requests; i++)
        {
            if (!client.TryOpenStream(out var stream))
            {
                throw new InvalidOperationException("no stream", client.Failure);
            }

            stream.WriteHead(head, endStream: false);
            if (body.Length <= 4096)
            {
                stream.Output.Write(body); // leaves with the end, in one piece
            }
            else
            {
                await stream.Output.WriteAsync(body);
            }

            stream.End(null);
            await stream.ReadHeadAsync(default);
            long received = 0;
            while (true)
            {
                var read = await stream.Input.ReadAsync();
                received += read.Buffer.Length;
                stream.Input.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                {
                    break;
                }
            }

            stream.Dispose();
            if (received != body.Length)
            {
                throw new InvalidOperationException($"received {received} bytes");
            }
        }
    }

    private static async Task<(IDuplexPipe Client, IDuplexPipe Server)> ConnectAsync(bool sockets)
    {
        if (!sockets)
        {
            var pipes = new PipePair();
            return (pipes.Client, pipes.Server);
        }

        var accepted = new TaskCompletionSource<SocketConnection>();
        await using var listener = new SocketListener(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Start(accepted.SetResult);
        var connected = await SocketConnector.ConnectAsync(listener.LocalEndPoint, TestTimeouts.Default, TimeProvider.System, default);
        return (connected, await accepted.Task.Within("accept"));
    }

    /// <summary>Answers within the call when the whole request is there.</summary>
    private sealed class AtOnceHandler : IHttp2StreamHandler
    {
        private readonly HeaderList _head = Heads.Response(more: ("content-type", "application/grpc"));
        private readonly HeaderList _trailers = Heads.List(("grpc-status", "0"));

        public void OnStream(Http2Stream stream)
        {
            if (!stream.Input.TryRead(out var read) || !read.IsCompleted)
            {
                throw new InvalidOperationException("the request is not complete");
            }

            stream.WriteHead(_head, endStream: false);
            foreach (var segment in read.Buffer)
            {
                stream.Output.Write(segment.Span);
            }

            stream.Input.AdvanceTo(read.Buffer.End);
            stream.End(_trailers);
            stream.Dispose();
        }
    }

    private sealed class StreamingHandler : IHttp2StreamHandler
    {
        private readonly HeaderList _head = Heads.Response();

        private readonly Stack<Observer> _free = new();

        public void OnStream(Http2Stream stream)
        {
            Observer? observer;
            lock (_free)
            {
                if (!_free.TryPop(out observer))
                {
                    observer = new Observer(_free);
                }
            }

            observer.Observe(EchoAsync(stream));
        }

        [System.Runtime.CompilerServices.AsyncMethodBuilder(typeof(System.Runtime.CompilerServices.PoolingAsyncValueTaskMethodBuilder))]
        private async ValueTask EchoAsync(Http2Stream stream)
        {
            stream.WriteHead(_head, endStream: false);
            while (true)
            {
                var read = await stream.Input.ReadAsync();
                foreach (var segment in read.Buffer)
                {
                    await stream.Output.WriteAsync(segment);
                }

                stream.Input.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                {
                    break;
                }
            }

            stream.End(null);
            stream.Dispose();
        }

        /// <summary>Fetches the result of a pooled task nobody waits for: only then its box goes back to its pool.</summary>
        private sealed class Observer
        {
            private readonly Stack<Observer> _home;
            private readonly Action _onCompleted;
            private System.Runtime.CompilerServices.ConfiguredValueTaskAwaitable.ConfiguredValueTaskAwaiter _awaiter;

            public Observer(Stack<Observer> home)
            {
                _home = home;
                _onCompleted = Finish;
            }

            public void Observe(ValueTask task)
            {
                _awaiter = task.ConfigureAwait(false).GetAwaiter();
                if (_awaiter.IsCompleted)
                {
                    Finish();
                }
                else
                {
                    _awaiter.UnsafeOnCompleted(_onCompleted);
                }
            }

            private void Finish()
            {
                _awaiter.GetResult();
                lock (_home)
                {
                    _home.Push(this);
                }
            }
        }
    }
}
