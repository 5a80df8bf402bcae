using System.Text;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Http2;
using Xunit;
using static FastSidecar.Transport.Tests.Http2.Wire;

namespace FastSidecar.Transport.Tests.Http2;

/// <summary>The ends of connections and streams, and what they say about requests (RFC 9113 §6.8, §8.1, §8.7).</summary>
public sealed class GoAwayTests
{
    [Fact]
    public async Task GoAway_FailsStreamsAboveItsIdAndLetsTheOthersFinish()
    {
        await using var peer = ScriptedPeer.AsServer();
        await peer.HandshakeAsync();
        var streams = new Http2Stream[3];
        for (var i = 0; i < 3; i++)
        {
            Assert.True(peer.Connection.TryOpenStream(out streams[i]));
            streams[i].WriteHead(Heads.Request(), endStream: true);
            await peer.ExpectAsync(Head);
        }

        Assert.True(peer.Connection.TryOpenStream(out var unsent));
        await peer.SendAsync(GoAwayFrame(3, 0, "bye"));
        var failure = await Assert.ThrowsAsync<Http2StreamException>(() => streams[2].ReadHeadAsync(default).AsTask().Within("stream 5"));
        Assert.True(failure.NeverProcessed);
        Assert.True(failure.FromPeer);
        Assert.False(peer.Connection.CanOpenStream);
        Assert.False(peer.Connection.TryOpenStream(out _));

        // A slot taken before: nothing of it was sent.
        unsent.WriteHead(Heads.Request(), endStream: true);
        Assert.True((await Assert.ThrowsAsync<Http2StreamException>(() => unsent.ReadHeadAsync(default).AsTask().Within("unsent"))).NeverProcessed);

        await peer.SendAsync(Response(1, false), DataFrame(1, [1], end: true), Response(3, true));
        await streams[0].ReadHeadAsync(default).AsTask().Within("stream 1");
        Assert.Equal([1], await streams[0].ReadAllAsync().Within("body 1"));
        await streams[1].ReadHeadAsync(default).AsTask().Within("stream 3");
        Array.ForEach(streams, s => s.Dispose());
        unsent.Dispose();
        Assert.Equal(0u, (await peer.ExpectAsync(GoingAway)).Word(4));
        await peer.ExpectEndAsync();
        await peer.Connection.Closed.Within("end");
        Assert.Null(peer.Connection.Failure);
    }

    [Fact]
    public async Task TwoGoAways_TheSecondNamesTheLastStream()
    {
        await using var peer = ScriptedPeer.AsServer();
        await peer.HandshakeAsync();
        Assert.True(peer.Connection.TryOpenStream(out var first));
        first.WriteHead(Heads.Request(), endStream: true);
        Assert.True(peer.Connection.TryOpenStream(out var second));
        second.WriteHead(Heads.Request(), endStream: true);
        await peer.SendAsync(GoAwayFrame(int.MaxValue, 0, "max_idle"), PingFrame(5));
        await peer.ExpectAsync(Ping);
        Assert.False(peer.Connection.CanOpenStream);
        await peer.SendAsync(GoAwayFrame(1, 0), Response(1, true));
        await first.ReadHeadAsync(default).AsTask().Within("first");
        var failure = await Assert.ThrowsAsync<Http2StreamException>(() => second.ReadHeadAsync(default).AsTask().Within("second"));
        Assert.True(failure.NeverProcessed);
        first.Dispose();
        second.Dispose();
        await peer.Connection.Closed.Within("end");
    }

    [Fact]
    public async Task Drain_BeforePreface_WaitsForNothing()
    {
        await using var peer = ScriptedPeer.AsClient();
        var drained = peer.Connection.DrainAsync();
        Assert.Equal(0u, (await peer.ExpectAsync(GoingAway)).Word());
        await peer.ExpectEndAsync();
        await peer.EndAsync();
        await drained.Within("drained");
    }

    [Fact]
    public async Task ConnectionDeath_FailsItsStreamsWithoutAPromise()
    {
        await using var peer = ScriptedPeer.AsServer();
        await peer.HandshakeAsync();
        Assert.True(peer.Connection.TryOpenStream(out var stream));
        stream.WriteHead(Heads.Request(), endStream: false);
        stream.Flush();
        await peer.ExpectAsync(Head);
        await peer.SendAsync(Response(1, false), DataFrame(1, [1, 2]));
        await stream.ReadHeadAsync(default).AsTask().Within("head");
        var aborted = new TaskCompletionSource();
        stream.Aborted.Register(aborted.SetResult);
        await peer.EndAsync();
        await aborted.Task.Within("aborted");

        // What came before is still there; then the failure.
        var read = await stream.Input.ReadAsync().AsTask().Within("data");
        Assert.Equal(2, read.Buffer.Length);
        Assert.False(read.IsCompleted);
        stream.Input.AdvanceTo(read.Buffer.End);
        var failure = await Assert.ThrowsAsync<Http2ConnectionException>(() => stream.Input.ReadAsync().AsTask().Within("failure"));
        Assert.Equal("error reading from server: EOF", failure.Message);
        Assert.True(failure.FromPeer);
        await Assert.ThrowsAsync<Http2ConnectionException>(() => stream.Output.FlushAsync().AsTask().Within("flush"));
        stream.Dispose();
        Assert.IsType<Http2ConnectionException>(peer.Connection.Failure);
    }

    [Theory]
    [InlineData(7, true)]
    [InlineData(8, false)]
    [InlineData(2, false)]
    public async Task Reset_SaysWhetherTheRequestWasProcessed(uint code, bool neverProcessed)
    {
        await using var peer = ScriptedPeer.AsServer();
        await peer.HandshakeAsync();
        Assert.True(peer.Connection.TryOpenStream(out var stream));
        stream.WriteHead(Heads.Request(), endStream: false);
        var write = stream.Output.WriteAsync(new byte[100_000]).AsTask();
        await peer.ExpectAsync(Head);
        await peer.SendAsync(Reset(1, code));
        var failure = await Assert.ThrowsAsync<Http2StreamException>(() => stream.ReadHeadAsync(default).AsTask().Within("head"));
        Assert.Equal(code, (uint)failure.ErrorCode);
        Assert.True(failure.FromPeer);
        Assert.Equal(neverProcessed, failure.NeverProcessed);
        Assert.Equal($"stream terminated by RST_STREAM with error code: {((Http2ErrorCode)code).WireName()}", failure.Message);
        await Assert.ThrowsAsync<Http2StreamException>(() => write.Within("write"));
        stream.Dispose();
        await peer.ExpectAliveAsync();
    }

    [Fact]
    public async Task CompleteResponseThenResetNoError_IsASuccess()
    {
        await using var peer = ScriptedPeer.AsServer();
        await peer.HandshakeAsync();
        Assert.True(peer.Connection.TryOpenStream(out var stream));
        stream.WriteHead(Heads.Request(), endStream: false);
        var write = stream.Output.WriteAsync(new byte[100_000]).AsTask();
        await peer.ExpectAsync(Head);
        await peer.SendAsync(
            Response(1, false), DataFrame(1, [1, 2, 3]), HeadersFrame(1, Block(("grpc-status", "0")), true), Reset(1, 0));
        var flushed = await write.Within("write");
        Assert.True(flushed.IsCompleted); // the peer does not want more
        await stream.ReadHeadAsync(default).AsTask().Within("head");
        Assert.Equal([1, 2, 3], await stream.ReadAllAsync().Within("body"));
        Assert.Equal("0", stream.Trailers.Get("grpc-status"));
        Assert.True((await stream.Output.WriteAsync(new byte[10]).AsTask().Within("more")).IsCompleted);
        stream.End(null);
        stream.Dispose();
        await peer.ExpectAliveAsync();
        Assert.Equal(0, peer.Connection.ActiveStreams);
    }

    [Fact]
    public async Task ResetNoErrorInsideAResponse_IsAFailure()
    {
        await using var peer = ScriptedPeer.AsServer();
        await peer.HandshakeAsync();
        Assert.True(peer.Connection.TryOpenStream(out var stream));
        stream.WriteHead(Heads.Request(), endStream: true);
        await peer.ExpectAsync(Head);
        await peer.SendAsync(Response(1, false), DataFrame(1, [1]), Reset(1, 0));
        await stream.ReadHeadAsync(default).AsTask().Within("head");
        await Assert.ThrowsAsync<Http2StreamException>(() => stream.ReadAllAsync().Within("body"));
        stream.Dispose();
    }

    [Fact]
    public async Task ServerAnswersEarly_ThenResetsWithNoError()
    {
        await using var peer = ScriptedPeer.AsClient(stream =>
        {
            stream.WriteHead(Heads.Response(), endStream: false);
            stream.End(Heads.List(("grpc-status", "3")));
            return Task.CompletedTask;
        });
        await peer.HandshakeAsync();
        await peer.SendAsync(Request(1, false), DataFrame(1, [1]));
        await peer.ExpectHeadersAsync(1);
        Assert.Equal("3", (await peer.ExpectHeadersAsync(1)).Get("grpc-status"));
        await peer.ExpectResetAsync(1, Http2ErrorCode.NoError);
        await peer.SendAsync(DataFrame(1, new byte[1000], end: true)); // was on its way
        await peer.ExpectAliveAsync();
    }

    [Fact]
    public async Task HandlerThatGivesUp_CancelsTheStream()
    {
        await using var peer = ScriptedPeer.AsClient(_ => Task.CompletedTask);
        await peer.HandshakeAsync();
        await peer.SendAsync(Request(1, true));
        await peer.ExpectResetAsync(1, Http2ErrorCode.Cancel);
        await peer.ExpectAliveAsync();
    }

    [Fact]
    public async Task ClientDisposesEarly_CancelsTheStream()
    {
        await using var peer = ScriptedPeer.AsServer();
        await peer.HandshakeAsync();
        Assert.True(peer.Connection.TryOpenStream(out var stream));
        stream.WriteHead(Heads.Request(), endStream: true);
        await peer.ExpectAsync(Head);
        var read = stream.ReadHeadAsync(default).AsTask();
        stream.Dispose();
        await peer.ExpectResetAsync(1, Http2ErrorCode.Cancel);
        await Assert.ThrowsAsync<Http2StreamException>(() => read.Within("the pending read"));
        await peer.SendAsync(Response(1, false), DataFrame(1, [1], end: true)); // was on its way
        await peer.ExpectAliveAsync();
        Assert.Equal(0, peer.Connection.ActiveStreams);
    }

    [Fact]
    public async Task UnsentStreamDisposed_SendsNothingAndFreesItsSlot()
    {
        await using var peer = ScriptedPeer.AsServer();
        await peer.HandshakeAsync((3, 1));
        Assert.True(peer.Connection.TryOpenStream(out var unsent));
        Assert.False(peer.Connection.TryOpenStream(out _));
        unsent.Dispose();
        Assert.True(peer.Connection.TryOpenStream(out var stream));
        stream.WriteHead(Heads.Request(), endStream: true);
        Assert.Equal(1, (await peer.NextAsync()).StreamId);
        stream.Dispose();
    }

    [Fact]
    public async Task Drain_AnnouncesThenNamesTheLastStreamThenCloses()
    {
        var release = new TaskCompletionSource();
        await using var peer = ScriptedPeer.AsClient(async stream =>
        {
            await release.Task;
            await Handlers.EchoAsync(stream);
        });
        await peer.HandshakeAsync();
        await peer.SendAsync(Request(1, true));
        await peer.ExpectAliveAsync();
        var drained = peer.Connection.DrainAsync();
        var announced = await peer.ExpectAsync(GoingAway);
        Assert.Equal(0x7fffffffu, announced.Word());
        Assert.Equal(0u, announced.Word(4));
        Assert.Equal("graceful_stop", Encoding.ASCII.GetString(announced.Payload.AsSpan(8)));
        var ping = await peer.ExpectAsync(Ping);
        Assert.False(ping.Has(Ack));

        // A stream that the client opened before it heard of the end is still served.
        await peer.SendAsync(Request(3, true), Frame(Ping, Ack, 0, ping.Payload));
        var final = await peer.ExpectAsync(GoingAway);
        Assert.Equal(3u, final.Word());
        await peer.SendAsync(Request(5, true));
        Assert.False(drained.IsCompleted);
        release.SetResult();
        var answered = new HashSet<int>();
        while (await peer.ReadFrameAsync() is { } frame)
        {
            answered.Add(frame.StreamId);
        }

        Assert.Equal([1, 3], answered.Order());
        await peer.EndAsync();
        await drained.Within("drained");
        Assert.Null(peer.Connection.Failure);
    }

    [Fact]
    public async Task ClientThatDoesNotAnswerTheDrain_IsToldTheLastStreamAfterASecond()
    {
        var time = new ManualTime();
        await using var peer = ScriptedPeer.AsClient(time: time, options: new Http2Options { KeepAliveInterval = TimeSpan.Zero });
        await peer.HandshakeAsync();
        _ = peer.Connection.DrainAsync();
        await peer.ExpectAsync(GoingAway);
        await peer.ExpectAsync(Ping);
        time.Advance(TimeSpan.FromSeconds(0.9));
        await peer.ExpectAliveAsync();
        time.Advance(TimeSpan.FromSeconds(0.2));
        Assert.Equal(0u, (await peer.ExpectAsync(GoingAway)).Word());
        await peer.ExpectEndAsync();
        await peer.EndAsync();
        await peer.Connection.Closed.Within("end");
    }

    [Fact]
    public async Task DrainedClient_SaysGoodbyeAndCloses()
    {
        await using var peer = ScriptedPeer.AsServer();
        await peer.HandshakeAsync();
        Assert.True(peer.Connection.TryOpenStream(out var stream));
        stream.WriteHead(Heads.Request(), endStream: true);
        await peer.ExpectAsync(Head);
        var drained = peer.Connection.DrainAsync();
        Assert.False(peer.Connection.CanOpenStream);
        await peer.SendAsync(Response(1, true));
        await stream.ReadHeadAsync(default).AsTask().Within("head");
        stream.Dispose();
        Assert.Equal(0u, (await peer.ExpectAsync(GoingAway)).Word(4));
        await peer.ExpectEndAsync();
        await drained.Within("drained");
        Assert.Null(peer.Connection.Failure);
    }

    [Fact]
    public async Task Abort_TellsThePeerAndFailsTheStreams()
    {
        var failed = new TaskCompletionSource<Exception>();
        await using var peer = ScriptedPeer.AsClient(async stream =>
        {
            try
            {
                await stream.ReadAllAsync();
            }
            catch (IOException e)
            {
                failed.SetResult(e);
            }
        });
        await peer.HandshakeAsync();
        await peer.SendAsync(Request(1, false));
        await peer.ExpectAliveAsync();
        peer.Connection.Abort(Http2ErrorCode.InternalError, "on purpose");
        var goAway = await peer.ExpectAsync(GoingAway);
        Assert.Equal(2u, goAway.Word(4));
        Assert.Equal("on purpose", Encoding.ASCII.GetString(goAway.Payload.AsSpan(8)));
        Assert.False(Assert.IsType<Http2ConnectionException>(await failed.Task.Within("failure")).FromPeer);
    }

    [Fact]
    public async Task IdleConnectionClosedByThePeer_IsNoFailure()
    {
        await using var peer = ScriptedPeer.AsServer();
        await peer.HandshakeAsync();
        await peer.Connection.Ready.Within("ready");
        await peer.EndAsync();
        await peer.Connection.Closed.Within("end");
        Assert.Null(peer.Connection.Failure);
    }

    [Fact]
    public async Task CancelledRequest_FiresAbortedOnTheServer()
    {
        var aborted = new TaskCompletionSource();
        await using var peer = ScriptedPeer.AsClient(async stream =>
        {
            using var registration = stream.Aborted.Register(aborted.SetResult);
            await aborted.Task;
            Assert.True(stream.Aborted.IsCancellationRequested);
        });
        await peer.HandshakeAsync();
        await peer.SendAsync(Request(1, true));
        await peer.ExpectAliveAsync();
        await peer.SendAsync(Reset(1, 8));
        await aborted.Task.Within("aborted");
        await peer.ExpectAliveAsync();
        Assert.Empty(peer.Handler.Failures);
    }
}
