using System.Text;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Http2;
using Xunit;
using static FastSidecar.Transport.Tests.Http2.Wire;

namespace FastSidecar.Transport.Tests.Http2;

public sealed class KeepAliveTests
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Idle = TimeSpan.FromMinutes(3);

    [Fact]
    public void IntervalExceeded_WithActivity_NoPingSent()
    {
        var keepAlive = new KeepAlive(Interval, Limit, TimeSpan.Zero, isClient: false);
        Assert.Equal(KeepAliveAction.None, keepAlive.Tick(At(0), At(0), null, out var next));
        Assert.Equal(At(10), next);
        Assert.Equal(KeepAliveAction.None, keepAlive.Tick(At(10), At(3), null, out next));
        Assert.Equal(At(13), next);
    }

    [Fact]
    public void Silence_PingThenGiveUp()
    {
        var keepAlive = new KeepAlive(Interval, Limit, TimeSpan.Zero, isClient: true);
        Assert.Equal(KeepAliveAction.SendPing, keepAlive.Tick(At(10), At(0), null, out var next));
        Assert.Equal(At(15), next);
        Assert.Equal(KeepAliveAction.None, keepAlive.Tick(At(14.9), At(0), null, out _));
        Assert.Equal(KeepAliveAction.GiveUp, keepAlive.Tick(At(15), At(0), null, out _));
    }

    [Fact]
    public void AnyBytes_AnswerThePing()
    {
        var keepAlive = new KeepAlive(Interval, Limit, TimeSpan.Zero, isClient: true);
        Assert.Equal(KeepAliveAction.SendPing, keepAlive.Tick(At(10), At(0), null, out _));
        Assert.Equal(KeepAliveAction.None, keepAlive.Tick(At(15), At(12), null, out var next));
        Assert.Equal(At(22), next);
        Assert.Equal(KeepAliveAction.SendPing, keepAlive.Tick(At(22), At(12), null, out _));
    }

    [Fact]
    public void ClientInterval_IsAtLeastTenSeconds()
    {
        var keepAlive = new KeepAlive(TimeSpan.FromSeconds(1), Limit, TimeSpan.Zero, isClient: true);
        Assert.Equal(KeepAliveAction.None, keepAlive.Tick(At(9.9), At(0), null, out _));
        Assert.Equal(KeepAliveAction.SendPing, keepAlive.Tick(At(10), At(0), null, out _));
    }

    [Fact]
    public void IdleServer_GoesAwayOnce()
    {
        var keepAlive = new KeepAlive(Interval, Limit, Idle, isClient: false);
        Assert.Equal(KeepAliveAction.None, keepAlive.Tick(At(175), At(174), At(0), out var next));
        Assert.Equal(At(180), next);
        Assert.Equal(KeepAliveAction.GoAway, keepAlive.Tick(At(180), At(174), At(0), out _));
        Assert.Equal(KeepAliveAction.None, keepAlive.Tick(At(181), At(174), At(0), out _));
    }

    [Fact]
    public void BusyServer_DoesNotGoAway()
    {
        var keepAlive = new KeepAlive(TimeSpan.Zero, Limit, Idle, isClient: false);
        Assert.Equal(KeepAliveAction.None, keepAlive.Tick(At(1000), At(0), null, out _));
        Assert.Equal(KeepAliveAction.None, keepAlive.Tick(At(1100), At(0), At(1000), out _));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task SilentPeer_IsPingedAfterTenSecondsAndGivenUpAfterFifteen(bool server)
    {
        var time = new ManualTime();
        await using var peer = server ? ScriptedPeer.AsClient(time: time) : ScriptedPeer.AsServer(time: time);
        await peer.HandshakeAsync();
        time.Advance(TimeSpan.FromSeconds(10));
        var ping = await peer.ExpectAsync(Ping);
        Assert.Equal(new byte[8], ping.Payload);
        await peer.SendAsync(Frame(Ping, Ack, 0, ping.Payload), PingFrame(9));
        await peer.ExpectAsync(Ping, f => f.Has(Ack));
        time.Advance(TimeSpan.FromSeconds(9.9));
        Assert.False(peer.HasUnread());
        time.Advance(TimeSpan.FromSeconds(0.1));
        await peer.ExpectAsync(Ping);
        time.Advance(TimeSpan.FromSeconds(5));
        await peer.Connection.Closed.Within("end");
        Assert.Contains("keepalive", Assert.IsType<Http2ConnectionException>(peer.Connection.Failure).Message, StringComparison.Ordinal);
        await peer.ExpectEndAsync();
    }

    [Fact]
    public async Task PeerThatStopsReading_IsGivenUpWithAFlushUnderWay()
    {
        var time = new ManualTime();
        var pipes = new PipePair(pauseBytes: 10_000);
        var connection = Http2Connection.StartClient(pipes.Client, new Http2Options(), time);
        await pipes.Server.Output.WriteAsync(SettingsFrame());
        await connection.Ready.Within("ready");
        Assert.True(connection.TryOpenStream(out var stream));
        stream.WriteHead(Heads.Request(), endStream: false);
        await stream.Output.WriteAsync(new byte[50_000]).AsTask().Within("what the connection buffers");
        var write = stream.Output.WriteAsync(new byte[10_000]).AsTask();
        Assert.False(write.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(10));
        time.Advance(TimeSpan.FromSeconds(5));
        await Assert.ThrowsAsync<Http2ConnectionException>(() => write.Within("write"));
        await connection.Closed.Within("end");
        stream.Dispose();

        // The transport was closed in both directions.
        while (!(await pipes.Server.Input.ReadAsync().AsTask().Within("the end")).IsCompleted)
        {
            pipes.Server.Input.TryRead(out var read);
            pipes.Server.Input.AdvanceTo(read.Buffer.End);
        }
    }

    [Fact]
    public async Task ServerWithoutStreams_SaysMaxIdleAfterThreeMinutes()
    {
        var time = new ManualTime();
        await using var peer = ScriptedPeer.AsClient(time: time, options: new Http2Options { KeepAliveInterval = TimeSpan.Zero });
        await peer.HandshakeAsync();
        time.Advance(TimeSpan.FromMinutes(2));
        await peer.SendAsync(Request(1, true));
        await peer.ExpectAsync(Head, f => f.Has(EndStream));
        time.Advance(TimeSpan.FromMinutes(2.9));
        await peer.ExpectAliveAsync();
        time.Advance(TimeSpan.FromMinutes(0.2));
        var announced = await peer.ExpectAsync(GoingAway);
        Assert.Equal(0x7fffffffu, announced.Word());
        Assert.Equal("max_idle", Encoding.ASCII.GetString(announced.Payload.AsSpan(8)));
        var ping = await peer.ExpectAsync(Ping);
        await peer.SendAsync(Frame(Ping, Ack, 0, ping.Payload));
        Assert.Equal(1u, (await peer.ExpectAsync(GoingAway)).Word());
        await peer.ExpectEndAsync();
        await peer.EndAsync();
        await peer.Connection.Closed.Within("end");
        Assert.Null(peer.Connection.Failure);
    }

    [Fact]
    public async Task ClientWithoutPreface_IsGivenUp()
    {
        var time = new ManualTime();
        await using var peer = ScriptedPeer.AsClient(time: time, options: new Http2Options { KeepAliveInterval = TimeSpan.Zero });
        await peer.SendAsync("PRI * HT"u8.ToArray());
        time.Advance(TimeSpan.FromSeconds(119));
        Assert.False(peer.Connection.Closed.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(15));
        Assert.Equal(4u, (await peer.ExpectAsync(GoingAway)).Word(4));
        await peer.Connection.Closed.Within("end");
    }

    private static TimeSpan At(double seconds) => TimeSpan.FromSeconds(seconds);
}
