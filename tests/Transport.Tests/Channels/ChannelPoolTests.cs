using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Text;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Channels;
using FastSidecar.Transport.Http2;
using FastSidecar.Transport.Sockets;
using FastSidecar.Transport.Tests.Http2;
using Xunit;

namespace FastSidecar.Transport.Tests.Channels;

public sealed class ChannelPoolTests
{
    [Fact]
    public async Task ManyRequestsAtOnce_ShareOneDial()
    {
        await using var peer = new Peer(Handlers.EchoAsync);
        await using var scope = new PoolScope(new ChannelPool(new ChannelPoolOptions(), peer.ConnectAsync, TimeProvider.System));
        var pool = scope.Pool;
        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => CallAsync(pool, $"body {i}"))).Within("answers");
        Assert.Equal(Enumerable.Range(0, 50).Select(i => $"body {i}"), answers);
        Assert.Equal(1, peer.Accepted);
    }

    [Fact]
    public async Task LiveChannel_OpensSynchronously()
    {
        await using var peer = new Peer(Handlers.EchoAsync);
        await using var scope = new PoolScope(new ChannelPool(new ChannelPoolOptions(), peer.ConnectAsync, TimeProvider.System));
        var pool = scope.Pool;
        await CallAsync(pool, "first").Within("first call");
        var opened = pool.OpenStreamAsync(Peer.Key, default);
        Assert.True(opened.IsCompletedSuccessfully);
        (await opened).Dispose();
    }

    [Fact]
    public async Task LoadedChannel_OpensTheNextBeforeTheLimit()
    {
        await using var peer = new Peer(Handlers.EchoAsync, new Http2Options { MaxConcurrentStreams = 8 });
        await using var scope = new PoolScope(new ChannelPool(new ChannelPoolOptions { OpenNextAtLoad = 0.75 }, peer.ConnectAsync, TimeProvider.System));
        var pool = scope.Pool;
        var streams = new List<Http2Stream>();
        for (var i = 0; i < 6; i++)
        {
            streams.Add(await pool.OpenStreamAsync(Peer.Key, default).AsTask().Within("stream"));
        }

        await peer.WaitForAsync(2);
        await Eventually(() => pool.ChannelCount(Peer.Key) == 2);
        for (var i = 0; i < 8; i++)
        {
            var opened = pool.OpenStreamAsync(Peer.Key, default);
            Assert.True(opened.IsCompletedSuccessfully, $"stream {i} had to wait");
            streams.Add(await opened);
        }

        streams.ForEach(s => s.Dispose());
    }

    [Fact]
    public async Task AllChannelsFull_WaitsForASlot()
    {
        await using var peer = new Peer(Handlers.EchoAsync, new Http2Options { MaxConcurrentStreams = 2 });
        await using var scope = new PoolScope(new ChannelPool(new ChannelPoolOptions { MaxChannelsPerKey = 1 }, peer.ConnectAsync, TimeProvider.System));
        var pool = scope.Pool;
        var first = await pool.OpenStreamAsync(Peer.Key, default).AsTask().Within("first");
        var second = await pool.OpenStreamAsync(Peer.Key, default).AsTask().Within("second");
        var third = pool.OpenStreamAsync(Peer.Key, default).AsTask();
        var fourth = pool.OpenStreamAsync(Peer.Key, default).AsTask();
        Assert.False(third.IsCompleted);
        first.Dispose();
        var got = await third.Within("third");
        Assert.False(fourth.IsCompleted);
        second.Dispose();
        (await fourth.Within("fourth")).Dispose();
        got.Dispose();
        Assert.Equal(1, peer.Accepted);
    }

    /// <summary>A slot that becomes free between the failing try and the wait: the try is held at the connection's lock to look.</summary>
    [Fact]
    public async Task SlotFreedWhileTheRequestTries_IsNotMissed()
    {
        var options = new ChannelPoolOptions { MaxChannelsPerKey = 1 };
        await using var peer = new Peer(Handlers.EchoAsync, new Http2Options { MaxConcurrentStreams = 1 });
        var group = new ChannelGroup(Peer.Key, options, new ChannelDialer(options, peer.ConnectAsync, TimeProvider.System), TimeProvider.System);
        var first = await group.OpenStreamAsync(default).AsTask().Within("first");
        Assert.NotNull(first);

        Task<Http2Stream?> second;
        Task freeing;
        bool wanted;
        lock (first.Connection.Gate)
        {
            second = Task.Run(() => group.OpenStreamAsync(default).AsTask());
            freeing = Task.Run(first.Dispose);
            wanted = SpinWait.SpinUntil(() => group.WantsSlots, TestTimeouts.Default);
        }

        Assert.True(wanted, "the request tries before it says that it wants a slot");
        await freeing.Within("the first stream's end");
        (await second.Within("second"))!.Dispose();
        Assert.False(group.WantsSlots);
        await group.DisposeAsync().Within("the group's end");
    }

    [Fact]
    public async Task CanceledWaiter_LeavesItsChanceToTheNext()
    {
        await using var peer = new Peer(Handlers.EchoAsync, new Http2Options { MaxConcurrentStreams = 1 });
        await using var scope = new PoolScope(new ChannelPool(new ChannelPoolOptions { MaxChannelsPerKey = 1 }, peer.ConnectAsync, TimeProvider.System));
        var pool = scope.Pool;
        var first = await pool.OpenStreamAsync(Peer.Key, default).AsTask().Within("first");
        using var cancel = new CancellationTokenSource();
        var second = pool.OpenStreamAsync(Peer.Key, cancel.Token).AsTask();
        var third = pool.OpenStreamAsync(Peer.Key, default).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second.Within("cancellation"));
        first.Dispose();
        (await third.Within("third")).Dispose();
    }

    [Fact]
    public async Task GoAway_OtherStreamsFinishAndTheNextRequestGoesElsewhere()
    {
        var release = new TaskCompletionSource();
        await using var peer = new Peer(async stream =>
        {
            await release.Task;
            await Handlers.EchoAsync(stream);
        });
        await using var scope = new PoolScope(new ChannelPool(new ChannelPoolOptions(), peer.ConnectAsync, TimeProvider.System));
        var pool = scope.Pool;
        var slow = CallAsync(pool, "slow");
        await peer.WaitForAsync(1);
        await Eventually(() => peer.Connections[0].ActiveStreams == 1);
        var drained = peer.Connections[0].DrainAsync();
        await peer.WaitForAsync(2); // in use, so replaced at once
        var other = CallAsync(pool, "other");
        await Eventually(() => peer.Connections[1].ActiveStreams == 1);
        release.SetResult();
        Assert.Equal("slow", await slow.Within("the stream on the draining channel"));
        Assert.Equal("other", await other.Within("the stream on the next channel"));
        await drained.Within("drained");
    }

    [Fact]
    public async Task DeadConnection_FailsItsOwnStreamsOnly()
    {
        var release = new TaskCompletionSource();
        await using var peer = new Peer(async stream =>
        {
            await release.Task;
            await Handlers.EchoAsync(stream);
        }, new Http2Options { MaxConcurrentStreams = 1 });
        await using var scope = new PoolScope(new ChannelPool(new ChannelPoolOptions(), peer.ConnectAsync, TimeProvider.System));
        var pool = scope.Pool;
        var doomed = CallAsync(pool, "doomed");
        await Eventually(() => peer.Connections is [{ ActiveStreams: 1 }, ..]);
        var fine = CallAsync(pool, "fine");
        await Eventually(() => peer.Connections.Count(c => c.ActiveStreams == 1) == 2);
        peer.Transports[0].Abort(reset: true);
        var failure = await Assert.ThrowsAsync<Http2ConnectionException>(() => doomed.Within("failure"));
        Assert.True(failure.FromPeer);
        release.SetResult();
        Assert.Equal("fine", await fine.Within("neighbour"));
        Assert.Equal("next", await CallAsync(pool, "next").Within("next call"));
    }

    [Fact]
    public async Task NobodyListens_FailsAsGrpcGoSaysIt()
    {
        using var nobody = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        nobody.Bind(new IPEndPoint(IPAddress.Loopback, 0)); // bound, not listening: nobody else can listen there meanwhile
        var port = ((IPEndPoint)nobody.LocalEndPoint!).Port;
        await using var scope = new PoolScope(new ChannelPool(new ChannelPoolOptions(), TimeProvider.System));
        var pool = scope.Pool;
        var failure = await Assert.ThrowsAsync<ChannelConnectException>(
            () => pool.OpenStreamAsync(new ChannelKey($"127.0.0.1:{port}", "", ""), default).AsTask().Within("failure"));
        Assert.Equal(
            $"connection error: desc = \"transport: Error while dialing: dial tcp 127.0.0.1:{port}: connect: connection refused\"",
            failure.Message);
    }

    [Fact]
    public async Task PeerSpeaksHttp1_FailsWithThePrefaceText()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(1);
        await using var scope = new PoolScope(new ChannelPool(new ChannelPoolOptions(), TimeProvider.System));
        var pool = scope.Pool;
        var opening = pool.OpenStreamAsync(new ChannelKey(listener.LocalEndPoint!.ToString()!, "", ""), default).AsTask();
        using var accepted = await listener.AcceptAsync().Within("accept");
        await accepted.SendAsync("HTTP/1.1 400 Bad Request\r\n\r\n"u8.ToArray());
        var failure = await Assert.ThrowsAsync<ChannelConnectException>(() => opening.Within("failure"));
        Assert.StartsWith("connection error: desc = \"error reading server preface: http2: frame too large", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task PeerClosesAtOnce_FailsWithEof()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(1);
        await using var scope = new PoolScope(new ChannelPool(new ChannelPoolOptions(), TimeProvider.System));
        var pool = scope.Pool;
        var opening = pool.OpenStreamAsync(new ChannelKey(listener.LocalEndPoint!.ToString()!, "", ""), default).AsTask();
        var accepted = await listener.AcceptAsync().Within("accept");
        var scratch = new byte[1024];
        await accepted.ReceiveAsync(scratch);
        accepted.Shutdown(SocketShutdown.Send);
        var failure = await Assert.ThrowsAsync<ChannelConnectException>(() => opening.Within("failure"));
        accepted.Dispose();
        Assert.True(failure.Message == "connection error: desc = \"error reading server preface: EOF\"", failure.ToString());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task SilentPeer_IsGivenUpAfterFiveSeconds(bool acceptsTcp)
    {
        var time = new ManualTime();
        var dialing = new TaskCompletionSource();
        var pipes = new PipePair();
        await using var scope = new PoolScope(new ChannelPool(
            new ChannelPoolOptions(),
            async (_, cancellationToken) =>
            {
                dialing.SetResult();
                if (!acceptsTcp)
                {
                    await Task.Delay(Timeout.Infinite, cancellationToken);
                }

                return pipes.Client;
            },
            time));
        var pool = scope.Pool;
        var opening = pool.OpenStreamAsync(Peer.Key, default).AsTask();
        await dialing.Task.Within("dial");
        if (acceptsTcp)
        {
            await pipes.Server.Input.ReadAsync().AsTask().Within("client preface");
        }

        time.Advance(TimeSpan.FromSeconds(4.9));
        Assert.False(opening.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(0.2));
        var failure = await Assert.ThrowsAsync<ChannelConnectException>(() => opening.Within("failure"));
        Assert.True(failure.Message.Contains("i/o timeout", StringComparison.Ordinal), failure.ToString());
        await pipes.Server.Input.CompleteAsync();
        await pipes.Server.Output.CompleteAsync();
    }

    [Fact]
    public async Task CanceledRequest_DoesNotCancelTheDialOfOthers()
    {
        await using var peer = new Peer(Handlers.EchoAsync);
        var dialing = new TaskCompletionSource();
        var go = new TaskCompletionSource();
        await using var scope = new PoolScope(new ChannelPool(
            new ChannelPoolOptions(),
            async (key, cancellationToken) =>
            {
                dialing.SetResult();
                await go.Task;
                return await peer.ConnectAsync(key, cancellationToken);
            },
            TimeProvider.System));
        var pool = scope.Pool;
        using var cancel = new CancellationTokenSource();
        var first = pool.OpenStreamAsync(Peer.Key, cancel.Token).AsTask();
        var second = pool.OpenStreamAsync(Peer.Key, default).AsTask();
        await dialing.Task.Within("dial");
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first.Within("cancellation"));
        go.SetResult();
        (await second.Within("second")).Dispose();
    }

    [Fact]
    public async Task IdleChannel_IsClosedAfterMaxIdle()
    {
        var time = new ManualTime();
        await using var peer = new Peer(Handlers.EchoAsync);
        await using var scope = new PoolScope(new ChannelPool(
            new ChannelPoolOptions { Http2 = new Http2Options { KeepAliveInterval = TimeSpan.Zero } }, peer.ConnectAsync, time));
        var pool = scope.Pool;
        await CallAsync(pool, "first").Within("first call");
        time.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(1, pool.ChannelCount(Peer.Key));
        time.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(0, pool.ChannelCount(Peer.Key));
        await peer.Connections[0].Closed.Within("the server's end");
        Assert.Null(peer.Connections[0].Failure);
        Assert.Equal("second", await CallAsync(pool, "second").Within("second call"));
        Assert.Equal(2, peer.Accepted);
    }

    [Fact]
    public async Task FirstChannelIsKept_IdlingDoesNotEndIt()
    {
        var time = new ManualTime();
        await using var peer = new Peer(Handlers.EchoAsync, new Http2Options { MaxIdle = TimeSpan.Zero });
        await using var scope = new PoolScope(new ChannelPool(
            new ChannelPoolOptions { KeepsFirst = true, Http2 = new Http2Options { KeepAliveInterval = TimeSpan.Zero } }, peer.ConnectAsync, time));
        await CallAsync(scope.Pool, "first").Within("first call");
        time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(1, scope.Pool.ChannelCount(Peer.Key));
        Assert.Equal("second", await CallAsync(scope.Pool, "second").Within("second call"));
        Assert.Equal(1, peer.Accepted);
    }

    [Fact]
    public async Task ChannelsWereDroppedAsIdle_SourceFindsTheNextOnes()
    {
        var time = new ManualTime();
        await using var peer = new Peer(Handlers.EchoAsync);
        await using var scope = new PoolScope(new ChannelPool(
            new ChannelPoolOptions { Http2 = new Http2Options { KeepAliveInterval = TimeSpan.Zero } }, peer.ConnectAsync, time));
        var source = scope.Pool.For(Peer.Key);
        (await source.OpenStreamAsync(default).AsTask().Within("first stream")).Dispose();
        time.Advance(TimeSpan.FromMinutes(4));
        await peer.Connections[0].Closed.Within("the server's end");
        time.Advance(TimeSpan.FromMinutes(4));

        (await source.OpenStreamAsync(default).AsTask().Within("second stream")).Dispose();
        Assert.Equal(2, peer.Accepted);
        var third = source.OpenStreamAsync(default);
        Assert.True(third.IsCompletedSuccessfully);
        (await third).Dispose();
        await scope.Pool.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => source.OpenStreamAsync(default).AsTask().Within("a disposed pool"));
    }

    [Fact]
    public async Task DisposedPool_FailsWaitersAndNewRequests()
    {
        await using var peer = new Peer(Handlers.EchoAsync, new Http2Options { MaxConcurrentStreams = 1 });
        var pool = new ChannelPool(new ChannelPoolOptions { MaxChannelsPerKey = 1 }, peer.ConnectAsync, TimeProvider.System);
        var held = await pool.OpenStreamAsync(Peer.Key, default).AsTask().Within("first");
        var waiting = pool.OpenStreamAsync(Peer.Key, default).AsTask();
        var disposing = pool.DisposeAsync().AsTask();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting.Within("waiter"));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => pool.OpenStreamAsync(Peer.Key, default).AsTask().Within("new"));
        Assert.False(disposing.IsCompleted);
        held.Dispose();
        await disposing.Within("drained");
    }

    private static async Task<string> CallAsync(ChannelPool pool, string body)
    {
        var stream = await pool.OpenStreamAsync(Peer.Key, default);
        try
        {
            stream.WriteHead(Heads.Request(), endStream: false);
            Encoding.ASCII.GetBytes(body, stream.Output);
            stream.End(null);
            await stream.ReadHeadAsync(default);
            return Encoding.ASCII.GetString(await stream.ReadAllAsync());
        }
        finally
        {
            stream.Dispose();
        }
    }

    private static async Task Eventually(Func<bool> condition)
    {
        using var limit = new CancellationTokenSource(TestTimeouts.Default);
        while (!condition())
        {
            await Task.Delay(5, limit.Token);
        }
    }

    private sealed record PoolScope(ChannelPool Pool) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync() => await Pool.DisposeAsync().AsTask().Within("the pool's end");
    }

    /// <summary>A server that counts its connections.</summary>
    private sealed class Peer : IAsyncDisposable
    {
        public static readonly ChannelKey Key = new("test:1", "", "");

        private readonly SocketListener _listener = new(new IPEndPoint(IPAddress.Loopback, 0));
        private readonly List<Http2Connection> _connections = [];
        private readonly List<SocketConnection> _transports = [];

        public Peer(Func<Http2Stream, Task> handle, Http2Options? options = null)
        {
            _listener.Start(transport =>
            {
                lock (_connections)
                {
                    _transports.Add(transport);
                    _connections.Add(Http2Connection.StartServer(transport, options ?? new Http2Options(), new TestHandler(handle), TimeProvider.System));
                }
            });
        }

        public int Accepted => Connections.Count;

        public IReadOnlyList<Http2Connection> Connections
        {
            get
            {
                lock (_connections)
                {
                    return [.. _connections];
                }
            }
        }

        public IReadOnlyList<SocketConnection> Transports
        {
            get
            {
                lock (_connections)
                {
                    return [.. _transports];
                }
            }
        }

        public async ValueTask<IDuplexPipe> ConnectAsync(ChannelKey key, CancellationToken cancellationToken) =>
            await SocketConnector.ConnectAsync(_listener.LocalEndPoint, TestTimeouts.Default, TimeProvider.System, cancellationToken);

        public Task WaitForAsync(int connections) => Eventually(() => Accepted >= connections);

        public async ValueTask DisposeAsync()
        {
            await _listener.DisposeAsync();
            foreach (var connection in Connections)
            {
                await connection.DisposeAsync().AsTask().Within("server connection's end");
            }
        }
    }
}
