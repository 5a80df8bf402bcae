using System.Net.Sockets;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Http1;
using Xunit;
using static FastSidecar.Transport.Tests.Http1.Http1Calls;

namespace FastSidecar.Transport.Tests.Http1;

public sealed class Http1PoolTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    [Fact]
    public async Task Sequential_OneConnectionIsReused()
    {
        await using var server = RawServer.Answering(Ok);
        await using var client = ClientFor(server);
        for (var i = 0; i < 20; i++)
        {
            Assert.Equal("ok", (await client.CallAsync("POST", body: "hello", chunked: i % 2 == 0)).Body);
        }

        Assert.Equal(1, server.Accepted);
        Assert.Equal(1, client.IdleConnections);
    }

    [Fact]
    public async Task Concurrent_LastUsedIsTakenFirst()
    {
        await using var server = RawServer.Answering(Ok);
        await using var client = ClientFor(server);
        var first = await client.StartAsync();
        var second = await client.StartAsync();
        var secondAddress = second.LocalEndPoint;
        await first.AnswerAsync();
        await second.AnswerAsync();
        first.Dispose();
        second.Dispose();
        using var third = await client.OpenAsync();
        Assert.Equal(secondAddress, third.LocalEndPoint);
        Assert.Equal(1, client.IdleConnections);
    }

    [Theory]
    [InlineData("fin")]
    [InlineData("rst")]
    [InlineData("bytes")]
    public async Task ServerEndsAnIdleConnection_ItIsNotReused(string how)
    {
        var end = new SemaphoreSlim(0);
        await using var server = new RawServer(async peer =>
        {
            await peer.ReadRequestAsync();
            await peer.SendAsync(Ok);
            if (peer.Number > 1)
            {
                return;
            }

            await end.WaitAsync();
            switch (how)
            {
                case "fin":
                    peer.CloseWithFin();
                    break;
                case "rst":
                    peer.Reset();
                    break;
                default:
                    await peer.SendAsync("HTTP/1.1 408 Timeout\r\n\r\n");
                    break;
            }
        });
        await using var client = ClientFor(server);
        Assert.Equal("ok", (await client.CallAsync()).Body);
        Assert.Equal(1, client.IdleConnections);
        end.Release();
        await Until(() => client.OpenConnections == 0, "the idle connection goes");
        Assert.Equal("ok", (await client.CallAsync()).Body);
        Assert.Equal(2, server.Accepted);
    }

    [Fact]
    public async Task ServerClosesBetweenOpenAndSend_ExchangeIsStale()
    {
        var close = new TaskCompletionSource();
        await using var server = new RawServer(async peer =>
        {
            await peer.ReadRequestAsync();
            await peer.SendAsync(Ok);
            await close.Task;
            peer.CloseWithFin();
        });
        await using var client = ClientFor(server);
        await client.CallAsync();
        using var exchange = await client.OpenAsync();
        Assert.True(exchange.Reused);
        Assert.False(exchange.IsStale);
        close.SetResult();
        await Until(() => exchange.IsStale, "stale");
        exchange.WriteHead("GET"u8, "/"u8, Fields(), Http1BodyFraming.None, 0);
        await exchange.EndRequestAsync(CancellationToken.None).AsTask().Within("request");
        var failure = await Assert.ThrowsAsync<Http1ResponseException>(() => exchange.ReadHeadAsync(CancellationToken.None).AsTask().Within("head"));
        Assert.Equal("EOF", failure.Message);
        Assert.True(failure.NeverReceived, "the server was gone before the request left");
    }

    /// <summary>The reader learns of the server's end before anything is sent: the exchange need not try.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task StaleExchange_SaysSoWithoutSending(bool byReset)
    {
        var close = new TaskCompletionSource();
        await using var server = new RawServer(async peer =>
        {
            await peer.ReadRequestAsync();
            await peer.SendAsync(Ok);
            await close.Task;
            (byReset ? (Action)peer.Reset : peer.CloseWithFin)();
        });
        await using var client = ClientFor(server);
        await client.CallAsync();
        using var exchange = await client.OpenAsync();
        exchange.ThrowIfStale();
        close.SetResult();
        await Until(() => exchange.IsStale, "stale");
        exchange.WriteHead("GET"u8, "/"u8, Fields(), Http1BodyFraming.None, 0);
        Assert.True(Assert.Throws<Http1ResponseException>(exchange.ThrowIfStale).NeverReceived);
    }

    /// <summary>The server's kernel took the request, or may have: who asks must not be told that it can be sent again.</summary>
    [Theory]
    [InlineData("reads the request and closes")]
    [InlineData("reads the request and resets")]
    [InlineData("reads the head and closes")]
    [InlineData("has closed one way only")]
    [InlineData("closes a new connection")]
    public async Task ServerMayHaveReadTheRequest_FailureDoesNotClaimOtherwise(string server)
    {
        var rented = new TaskCompletionSource();
        await using var raw = new RawServer(async peer =>
        {
            if (server == "closes a new connection")
            {
                peer.CloseWithFin();
                return;
            }

            await peer.ReadRequestAsync();
            await peer.SendAsync(Ok);
            await rented.Task;
            if (server == "has closed one way only")
            {
                peer.HalfClose();
                await peer.ReadRequestAsync();
                return;
            }

            if (server == "reads the head and closes")
            {
                await peer.ReadHeadAsync();
                peer.CloseWithFin();
                return;
            }

            await peer.ReadRequestAsync();
            (server.EndsWith("resets", StringComparison.Ordinal) ? (Action)peer.Reset : peer.CloseWithFin)();
        });
        await using var client = ClientFor(raw);
        if (server != "closes a new connection")
        {
            await client.CallAsync();
        }

        using var exchange = await client.OpenAsync();
        rented.SetResult();
        if (server == "has closed one way only")
        {
            await Until(() => exchange.IsStale, "its FIN");
        }

        exchange.WriteHead("POST"u8, "/"u8, Fields(), Http1BodyFraming.Length, 100_000);
        await exchange.Output.WriteAsync(new byte[100_000]).AsTask().Within("the body");
        await exchange.EndRequestAsync(CancellationToken.None).AsTask().Within("request");
        var failure = await Assert.ThrowsAsync<Http1ResponseException>(() => exchange.ReadHeadAsync(CancellationToken.None).AsTask().Within("head"));
        Assert.False(failure.NeverReceived, $"{failure.Fault}: {failure.Message}");
    }

    [Fact]
    public async Task FreshWanted_IdleConnectionsAreLeft_AndMakeRoomAtTheLimit()
    {
        await using var server = RawServer.Answering(Ok);
        await using var client = ClientFor(server, new Http1ClientOptions { MaxConnections = 2 });
        await client.CallAsync();
        using var first = await client.OpenAsync(fresh: true, CancellationToken.None).AsTask().Within("a second connection");
        Assert.False(first.Reused);
        Assert.Equal(1, client.IdleConnections);
        using var second = await client.OpenAsync(fresh: true, CancellationToken.None).AsTask().Within("a third connection");
        Assert.False(second.Reused);
        Assert.Equal((0, 2), (client.IdleConnections, client.OpenConnections));
    }

    [Fact]
    public async Task ReusedConnectionClosedOnTheRequest_IsEof()
    {
        await using var server = new RawServer(async peer =>
        {
            await peer.ReadRequestAsync();
            await peer.SendAsync(Ok);
            await peer.ReadRequestAsync();
            peer.CloseWithFin();
        });
        await using var client = ClientFor(server);
        await client.CallAsync();
        var failure = await Assert.ThrowsAsync<Http1ResponseException>(() => client.CallAsync());
        Assert.Equal("EOF", failure.Message);
        Assert.Equal(Http1ResponseFault.ClosedBeforeResponse, failure.Fault);
        Assert.False(failure.NeverReceived, "the server has read the request");
        Assert.Equal(1, server.Accepted);
    }

    [Fact]
    public async Task AllInUse_RequestsWaitInOrder()
    {
        await using var server = RawServer.Answering(Ok);
        await using var client = ClientFor(server, new Http1ClientOptions { MaxConnections = 2 });
        var first = await client.StartAsync();
        var second = await client.StartAsync();
        var waiters = Enumerable.Range(0, 4).Select(_ => client.OpenAsync(CancellationToken.None).AsTask()).ToArray();
        Assert.All(waiters, w => Assert.False(w.IsCompleted));
        await first.AnswerAsync();
        first.Dispose();
        var third = await waiters[0].Within("first waiter");
        Assert.True(third.Reused);
        Assert.False(waiters[1].IsCompleted);
        second.Dispose();
        var fourth = await waiters[1].Within("second waiter gets the place of a closed connection");
        Assert.False(fourth.Reused);
        third.Dispose();
        var fifth = await waiters[2].Within("third waiter gets the connection that was not used");
        Assert.Equal(third, fifth);
        fifth.Dispose();
        fourth.Dispose();
        (await waiters[3].Within("fourth waiter")).Dispose();
        Assert.Equal(client.OpenConnections, client.IdleConnections);
    }

    [Fact]
    public async Task CanceledWaiter_LosesItsTurn()
    {
        await using var server = RawServer.Answering(Ok);
        await using var client = ClientFor(server, new Http1ClientOptions { MaxConnections = 1 });
        var first = await client.StartAsync();
        using var cancel = new CancellationTokenSource();
        var canceled = client.OpenAsync(cancel.Token).AsTask();
        var waiting = client.OpenAsync(CancellationToken.None).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => canceled.Within("canceled"));
        await first.AnswerAsync();
        first.Dispose();
        (await waiting.Within("next")).Dispose();
    }

    [Fact]
    public async Task AnswerThenReset_DisposeIsQuietAndThePlaceIsFree()
    {
        await using var server = new RawServer(async peer =>
        {
            await peer.ReadRequestAsync();
            await peer.SendAsync(Ok);
            peer.Reset();
        });
        await using var client = ClientFor(server, new Http1ClientOptions { MaxConnections = 1 });
        for (var i = 0; i < 50; i++)
        {
            // The reset may overtake the answer, or be seen on the idle connection just before the next request leaves on it; whatever the call
            // says, the place must come back.
            try
            {
                await client.CallAsync();
            }
            catch (Http1ResponseException e)
            {
                Assert.True(
                    e.Fault is Http1ResponseFault.Reset || e is { Fault: Http1ResponseFault.ClosedBeforeResponse, NeverReceived: true }, e.ToString());
            }
        }

        await Until(() => client.OpenConnections == 0, "all places are free");
    }

    [Fact]
    public async Task DisposedTwice_SecondDoesNothing()
    {
        await using var server = RawServer.Answering(Ok);
        await using var client = ClientFor(server);
        var exchange = await client.StartAsync();
        exchange.Dispose();
        exchange.Dispose();
        Assert.Equal(0, client.OpenConnections);
        exchange = await client.StartAsync();
        await exchange.AnswerAsync();
        exchange.Dispose();
        exchange.Dispose();
        Assert.Equal(1, client.OpenConnections);
        Assert.Equal(1, client.IdleConnections);
    }

    [Fact]
    public async Task ConnectFails_SocketExceptionAndThePlaceIsFree()
    {
        var server = RawServer.Answering(Ok);
        await server.DisposeAsync();
        await using var client = ClientFor(server, new Http1ClientOptions { MaxConnections = 1 });
        for (var i = 0; i < 3; i++)
        {
            var failure = await Assert.ThrowsAsync<SocketException>(() => client.OpenAsync());
            Assert.Equal(SocketError.ConnectionRefused, failure.SocketErrorCode);
        }

        Assert.Equal(0, client.OpenConnections);
    }

    [Fact]
    public async Task MoreIdleThanAllowed_AreClosed()
    {
        await using var server = RawServer.Answering(Ok);
        await using var client = ClientFor(server, new Http1ClientOptions { MaxIdleConnections = 1, SurplusIdleTimeout = TimeSpan.Zero });
        var exchanges = new[] { await client.StartAsync(), await client.StartAsync(), await client.StartAsync() };
        foreach (var exchange in exchanges)
        {
            await exchange.AnswerAsync();
        }

        Array.ForEach(exchanges, e => e.Dispose());
        Assert.Equal(1, client.IdleConnections);
        Assert.Equal(1, client.OpenConnections);
    }

    [Fact]
    public async Task MoreIdleThanAllowed_AreKeptForTheNextRequestsAndClosedWhenNobodyUsesThem()
    {
        var time = new ManualTime();
        await using var server = RawServer.Answering(Ok);
        await using var client = ClientFor(server, new Http1ClientOptions { MaxIdleConnections = 1 }, time);
        await CallAsync(3);
        time.Advance(TimeSpan.FromSeconds(4));
        Assert.Equal(3, client.IdleConnections);
        await CallAsync(2);
        Assert.Equal(3, client.OpenConnections);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(2, client.IdleConnections);
        time.Advance(TimeSpan.FromSeconds(4));
        Assert.Equal(1, client.IdleConnections);
        time.Advance(TimeSpan.FromSeconds(84));
        Assert.Equal(1, client.IdleConnections);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(0, client.OpenConnections);

        async Task CallAsync(int count)
        {
            var exchanges = new Http1Exchange[count];
            for (var i = 0; i < count; i++)
            {
                exchanges[i] = await client.StartAsync();
                await exchanges[i].AnswerAsync();
            }

            Array.ForEach(exchanges, e => e.Dispose());
        }
    }

    [Fact]
    public async Task IdleTimeout_ClosesTheOldOnes()
    {
        var time = new ManualTime();
        await using var server = RawServer.Answering(Ok);
        await using var client = ClientFor(server, time: time);
        var first = await client.StartAsync();
        var second = await client.StartAsync();
        await first.AnswerAsync();
        await second.AnswerAsync();
        first.Dispose();
        time.Advance(TimeSpan.FromSeconds(60));
        second.Dispose();
        time.Advance(TimeSpan.FromSeconds(29));
        Assert.Equal(2, client.IdleConnections);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(1, client.IdleConnections);
        time.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal(1, client.IdleConnections);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(0, client.OpenConnections);
    }

    [Fact]
    public async Task ClientDisposed_WaitersFailAndTheServerSeesFin()
    {
        var end = new TaskCompletionSource();
        await using var server = new RawServer(async peer =>
        {
            await peer.ReadRequestAsync();
            await peer.SendAsync(Ok);
            Assert.Null(await peer.ReadRequestAsync());
            end.SetResult();
        });
        var client = ClientFor(server, new Http1ClientOptions { MaxConnections = 1 });
        await client.CallAsync();
        await client.DisposeAsync();
        await end.Task.Within("FIN");
        await Assert.ThrowsAsync<ObjectDisposedException>(() => client.OpenAsync());
    }

    [Fact]
    public async Task ManyConcurrentCallers_EachGetsItsOwnAnswer()
    {
        await using var server = new RawServer(async peer =>
        {
            while (await peer.ReadRequestAsync() is { } request)
            {
                await peer.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {request.Body.Length}\r\n\r\n{request.Body}");
            }
        });
        await using var client = ClientFor(server, new Http1ClientOptions { MaxConnections = 8 });
        var callers = Enumerable.Range(0, 32).Select(n => Task.Run(async () =>
        {
            for (var i = 0; i < 50; i++)
            {
                var body = $"caller {n} call {i}";
                Assert.Equal(body, (await client.CallAsync("POST", body: body)).Body);
            }
        }));
        await Task.WhenAll(callers).Within("all callers");
        Assert.InRange(server.Accepted, 1, 8);
        Assert.Equal(client.OpenConnections, client.IdleConnections);
    }

    private static async Task Until(Func<bool> condition, string what)
    {
        using var limit = new CancellationTokenSource(TestTimeouts.Default);
        while (!condition())
        {
            Assert.False(limit.IsCancellationRequested, what);
            await Task.Yield();
        }
    }

    /// <summary>A clock that stands until it is advanced.</summary>
    private sealed class ManualTime : TimeProvider
    {
        private readonly List<ManualTimer> _timers = [];
        private TimeSpan _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now.Ticks;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = new ManualTimer(this, callback, state);
            timer.Change(dueTime, period);
            _timers.Add(timer);
            return timer;
        }

        public void Advance(TimeSpan by)
        {
            _now += by;
            _timers.ForEach(t => t.FireIfDue());
        }

        private sealed class ManualTimer(ManualTime time, TimerCallback callback, object? state) : ITimer
        {
            private TimeSpan? _due;

            public bool Change(TimeSpan dueTime, TimeSpan period)
            {
                _due = dueTime == Timeout.InfiniteTimeSpan ? null : time._now + dueTime;
                return true;
            }

            public void FireIfDue()
            {
                if (_due <= time._now)
                {
                    _due = null;
                    callback(state);
                }
            }

            public void Dispose() => _due = null;

            public ValueTask DisposeAsync()
            {
                Dispose();
                return default;
            }
        }
    }
}
