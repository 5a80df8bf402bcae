using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Http2;
using Xunit;
using static FastSidecar.Transport.Tests.Http2.Wire;

namespace FastSidecar.Transport.Tests.Http2;

/// <summary>Peers that cost without bringing anything forward, and those that only look so.</summary>
public sealed class FloodTests
{
    public static TheoryData<string, byte[]> Floods => new()
    {
        { "PING", PingFrame(1) },
        { "SETTINGS", SettingsFrame() },
        { "empty DATA", DataFrame(1, []) },
        { "PRIORITY", Frame(Priority, 0, 1, 0, 0, 0, 0, 1) },
        { "unknown frames", Frame(0x77, 0, 0) },
    };

    [Theory]
    [MemberData(nameof(Floods))]
    public async Task Flood_EndsTheConnection(string name, byte[] frame)
    {
        _ = name;
        await using var peer = ScriptedPeer.AsClient(stream => stream.Connection.Closed, time: new ManualTime());
        await peer.HandshakeAsync();
        await peer.SendAsync(Request(1, false));
        var flood = Task.Run(async () =>
        {
            for (var i = 0; i < 3_000; i++)
            {
                await peer.SendAsync(frame);
            }
        });
        var goAway = await peer.ExpectAsync(GoingAway);
        Assert.Equal(Http2ErrorCode.EnhanceYourCalm, (Http2ErrorCode)goAway.Word(4));
        await flood.Within("the flood's end");
    }

    [Fact]
    public async Task ResetFlood_EndsTheConnection()
    {
        await using var peer = ScriptedPeer.AsClient(stream => stream.Connection.Closed, new Http2Options { MaxConcurrentStreams = 100 }, new ManualTime());
        await peer.HandshakeAsync();
        var flood = Task.Run(async () =>
        {
            for (var i = 1; i < 2_000; i += 2)
            {
                await peer.SendAsync(Request(i, false), Reset(i, 8));
            }
        });
        var goAway = await peer.ExpectAsync(GoingAway);
        Assert.Equal(Http2ErrorCode.EnhanceYourCalm, (Http2ErrorCode)goAway.Word(4));
        await flood.Within("the flood's end");
    }

    [Fact]
    public async Task ResetStreamsWhoseHandlersStillRun_AreRefusedAtTwiceTheLimit()
    {
        var release = new TaskCompletionSource();
        var running = 0;
        await using var peer = ScriptedPeer.AsClient(
            async _ =>
            {
                Interlocked.Increment(ref running);
                await release.Task;
            },
            new Http2Options { MaxConcurrentStreams = 10 });
        await peer.HandshakeAsync();
        for (var i = 0; i < 20; i++)
        {
            await peer.SendAsync(Request(1 + (2 * i), false), Reset(1 + (2 * i), 8));
        }

        await peer.SendAsync(Request(101, false));
        await peer.ExpectResetAsync(101, Http2ErrorCode.RefusedStream);
        Assert.Equal(20, running);
        release.SetResult();
        await peer.ExpectAliveAsync();
        await peer.SendAsync(Request(103, true));
        await peer.ExpectAliveAsync();
        Assert.Equal(21, running);
    }

    [Fact]
    public async Task PeerThatReadsNothing_IsCutOffBeforeItsAnswersPileUp()
    {
        var pipes = new PipePair(pauseBytes: 1024);
        var time = new ManualTime();
        var connection = Http2Connection.StartServer(pipes.Server, new Http2Options(), new TestHandler(Handlers.EchoAsync), time);
        await pipes.Client.Output.WriteAsync(Join(Preface, SettingsFrame()));
        var sent = 0;
        while (!connection.Closed.IsCompleted && connection.Failure is null)
        {
            // Progress between the PINGs, so that they are allowed; their answers are never read.
            await pipes.Client.Output.WriteAsync(Join(Request(1 + (2 * sent), false), Reset(1 + (2 * sent), 8))).AsTask().Within("write");
            for (var i = 0; i < 90 && connection.Failure is null; i++)
            {
                await pipes.Client.Output.WriteAsync(PingFrame(1)).AsTask().Within("write");
            }

            Assert.True(++sent < 1_000, "100,000 unread answers were queued");
            time.Advance(TimeSpan.FromMilliseconds(10));
        }

        Assert.Equal(Http2ErrorCode.EnhanceYourCalm, Assert.IsType<Http2ConnectionException>(connection.Failure).ErrorCode);
        await pipes.Client.Output.CompleteAsync();
        await pipes.Client.Input.CompleteAsync();
        await connection.DisposeAsync().AsTask().Within("end");
    }

    [Fact]
    public async Task ContinuationFlood_EndsTheConnection()
    {
        await using var peer = ScriptedPeer.AsClient();
        await peer.HandshakeAsync();
        await peer.SendAsync(Frame(Head, EndStream, 1, Block((":method", "GET"))));
        for (var i = 0; i < 300; i++)
        {
            await peer.SendAsync(Frame(Continuation, 0, 1, Block(("a", "b"))));
        }

        await peer.ExpectConnectionErrorAsync(Http2ErrorCode.EnhanceYourCalm);
    }

    [Fact]
    public async Task EndlessHeaderBlock_EndsTheConnectionAtItsLimit()
    {
        await using var peer = ScriptedPeer.AsClient(options: new Http2Options { MaxHeaderListBytes = 4_096 });
        await peer.HandshakeAsync();
        await peer.SendAsync(Frame(Head, EndStream, 1, Block((":method", "GET"))));
        var sending = Task.Run(async () =>
        {
            for (var i = 0; i < 100; i++)
            {
                await peer.SendAsync(Frame(Continuation, 0, 1, new byte[16_000]));
            }
        });
        await peer.ExpectConnectionErrorAsync(Http2ErrorCode.EnhanceYourCalm);
        _ = sending;
    }

    [Fact]
    public async Task HeaderBlockInManyContinuations_IsJoined()
    {
        await using var peer = ScriptedPeer.AsClient(stream =>
        {
            stream.WriteHead(Heads.Response(more: ("echo", stream.Headers.Get("x-last")!)), endStream: true);
            return Task.CompletedTask;
        });
        await peer.HandshakeAsync();
        var block = Block((":method", "POST"), (":scheme", "http"), (":path", "/echo"), ("x-long", new string('l', 60)), ("x-last", "seen"));
        var frames = new List<byte[]> { Frame(Head, EndStream, 1, block[0]) };
        for (var i = 1; i < block.Length; i++)
        {
            frames.Add(Frame(Continuation, i == block.Length - 1 ? EndHeaders : (byte)0, 1, block[i]));
        }

        await peer.SendAsync([.. frames]);
        Assert.Equal("seen", (await peer.ExpectHeadersAsync(1)).Get("echo"));
    }

    [Fact]
    public async Task MegabyteOfHeaders_GoesBothWays()
    {
        var large = new string('v', 100_000);
        await using var pair = await ConnectionPair.OverSocketsAsync(stream =>
        {
            stream.WriteHead(Heads.Response(more: [.. Enumerable.Range(0, 10).Select(i => ($"y{i}", stream.Headers.Get($"x{i}")!))]), endStream: true);
            return Task.CompletedTask;
        });
        for (var round = 0; round < 3; round++)
        {
            Assert.True(pair.Client.TryOpenStream(out var stream));
            stream.WriteHead(Heads.Request(more: [.. Enumerable.Range(0, 10).Select(i => ($"x{i}", large + i))]), endStream: true);
            await stream.ReadHeadAsync(default).AsTask().Within("head");
            Assert.Equal(large + 7, stream.Headers.Get("y7"));
            stream.Dispose();
        }
    }

    [Fact]
    public async Task BandwidthPingsWithEachCall_AreWelcome()
    {
        // What grpc-go does: a PING answers nearly every burst of DATA, and keepalive PINGs come between (daprd: 10 s).
        var time = new ManualTime();
        await using var peer = ScriptedPeer.AsClient(time: time, options: new Http2Options { KeepAliveInterval = TimeSpan.Zero, MaxIdle = TimeSpan.Zero });
        await peer.HandshakeAsync();
        for (var i = 0; i < 500; i++)
        {
            var id = 1 + (2 * i);
            await peer.SendAsync(Request(id, false), DataFrame(id, [1, 2, 3], end: true), PingFrame(0x02041010090e0707), WindowUpdateFrame(0, 3));
            Assert.True((await peer.ExpectAsync(Ping)).Has(Ack));
        }

        for (var i = 0; i < 500; i++)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await peer.ExpectAliveAsync();
        }
    }

    [Fact]
    public async Task StreamsBeyondTheLimit_AreRefused()
    {
        var release = new TaskCompletionSource();
        await using var peer = ScriptedPeer.AsClient(
            async stream =>
            {
                await release.Task;
                await Handlers.EchoAsync(stream);
            },
            new Http2Options { MaxConcurrentStreams = 2 });
        await peer.HandshakeAsync();
        await peer.SendAsync(Request(1, true), Request(3, true), Request(5, false), DataFrame(5, [1, 2, 3]));
        await peer.ExpectResetAsync(5, Http2ErrorCode.RefusedStream);
        release.SetResult();
        Assert.Equal([1, 3], new[] { (await peer.ExpectAsync(Head)).StreamId, (await peer.ExpectAsync(Head, f => !f.Has(EndStream))).StreamId }.Order());
        await peer.SendAsync(Request(7, true));
        await peer.ExpectAsync(Head, f => f.StreamId == 7);
    }

    /// <summary>A server that answers before it has read the request says so at each call (RFC 9113 §8.1): that is no flood.</summary>
    [Fact]
    public async Task ServerThatResetsEveryAnsweredStream_KeepsItsConnection()
    {
        const int Calls = 3_000;
        await using var peer = ScriptedPeer.AsServer(time: new ManualTime());
        await peer.HandshakeAsync();
        for (var i = 0; i < Calls; i++)
        {
            Assert.True(peer.Connection.TryOpenStream(out var stream));
            stream.WriteHead(Heads.Request(), endStream: true);
            await peer.ExpectAsync(Head);
            await peer.SendAsync(Response((2 * i) + 1, true), Reset((2 * i) + 1, 0));
            await stream.ReadHeadAsync(CancellationToken.None).AsTask().Within("the answer");
            stream.Dispose();
        }

        await peer.ExpectAliveAsync();
    }

    [Fact]
    public async Task ServerThatResetsOneStreamAgainAndAgain_LosesItsConnection()
    {
        await using var peer = ScriptedPeer.AsServer(time: new ManualTime());
        await peer.HandshakeAsync();
        Assert.True(peer.Connection.TryOpenStream(out var stream));
        stream.WriteHead(Heads.Request(), endStream: true);
        await peer.ExpectAsync(Head);
        await peer.SendAsync(Response(1, true));
        var flood = Task.Run(async () =>
        {
            for (var i = 0; i < 3_000; i++)
            {
                await peer.SendAsync(Reset(1, 0));
            }
        });
        var goAway = await peer.ExpectAsync(GoingAway);
        Assert.Equal(Http2ErrorCode.EnhanceYourCalm, (Http2ErrorCode)goAway.Word(4));
        await flood.Within("the flood's end");
        stream.Dispose();
    }
}
