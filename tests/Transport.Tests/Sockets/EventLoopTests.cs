using System.Net;
using System.Net.Sockets;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Sockets;
using FastSidecar.Transport.Sockets.Loop;
using Xunit;

namespace FastSidecar.Transport.Tests.Sockets;

/// <summary>What only our event loop promises.</summary>
public sealed class EventLoopTests
{
    [Fact]
    public async Task PeerCloses_IsToldThoughNobodyReads()
    {
        await using var pair = await SocketPair.OpenAsync(onEventLoop: true);
        var told = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        pair.Connection.WatchPeer(told.SetResult);
        await pair.Peer.SendAsync("unread"u8.ToArray());
        pair.Peer.Shutdown(SocketShutdown.Send);
        await told.Task.Within("the peer's end");
        var read = await pair.Connection.Input.ReadAsync().AsTask().Within("the bytes before it");
        Assert.Equal(6, read.Buffer.Length);
    }

    [Fact]
    public async Task PeerClosedBeforeTheWatch_IsToldAtOnce()
    {
        await using var pair = await SocketPair.OpenAsync(onEventLoop: true);
        pair.Peer.Shutdown(SocketShutdown.Send);
        var end = await pair.Connection.Input.ReadAsync().AsTask().Within("the end");
        Assert.True(end.IsCompleted);
        var told = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        pair.Connection.WatchPeer(told.SetResult);
        await told.Task.Within("the peer's end");
    }

    /// <summary>A receive that filled its buffer is followed by another without waiting for news: none would come.</summary>
    [Fact]
    public async Task MoreThanABufferAtOnce_ComesWithoutFurtherNews()
    {
        const int Bytes = 300_000;
        await using var pair = await SocketPair.OpenAsync(onEventLoop: true);
        var sending = pair.Peer.SendAsync(new byte[Bytes]);
        var received = 0L;
        while (received < Bytes)
        {
            var read = await pair.Connection.Input.ReadAsync().AsTask().Within($"more than {received} bytes");
            received += read.Buffer.Length;
            pair.Connection.Input.AdvanceTo(read.Buffer.End);
        }

        Assert.Equal(Bytes, await sending.Within("the sender"));
    }

    /// <summary>Continuations of several sockets, run by one wait, see the same turn, and what they add to it is flushed once.</summary>
    [Fact]
    public async Task SocketsOfOneBatch_ShareATurn()
    {
        await using var first = await SocketPair.OpenAsync(onEventLoop: true);
        await using var second = await SocketPair.OpenAsync(onEventLoop: true);
        var member = new CountingMember();
        var both = new CountdownEvent(2);
        using var held = new ManualResetEventSlim();

        // The loop's thread is held until both sockets have news; they come with its next wait then.
        await using var holder = await SocketPair.OpenAsync(onEventLoop: true);
        var holding = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        OnNextRead(holder.Connection, () =>
        {
            holding.SetResult();
            held.Wait(TimeSpan.FromSeconds(30));
        });
        OnNextRead(first.Connection, Add);
        OnNextRead(second.Connection, Add);
        await holder.Peer.SendAsync("x"u8.ToArray());
        await holding.Task.Within("the loop's thread");
        await first.Peer.SendAsync("x"u8.ToArray());
        await second.Peer.SendAsync("x"u8.ToArray());
        held.Set();

        await member.Flushed.Within("the turn's end");
        Assert.Equal(0, both.CurrentCount);
        Assert.Equal(1, member.Flushes);

        void Add()
        {
            Assert.True(Turn.Current.IsRunning);
            member.Due = true;
            Turn.Current.Add(member);
            both.Signal();
        }
    }

    [Fact]
    public async Task NewSocketOnAFreedPlace_HearsNothingOfTheOldOne()
    {
        for (var i = 0; i < 200; i++)
        {
            await using var pair = await SocketPair.OpenAsync(onEventLoop: true);
            var pending = pair.Connection.Input.ReadAsync();
            await pair.Peer.SendAsync("old"u8.ToArray());
            pair.Connection.Abort();
            try
            {
                await pending.AsTask().Within("the aborted read");
            }
            catch (IOException)
            {
                // Abort was faster than the bytes.
            }
        }
    }

    [Fact]
    public async Task ConnectRefused_SaysSo()
    {
        using var holder = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        holder.Bind(new IPEndPoint(IPAddress.Loopback, 0)); // bound, not listening
        var failure = await Assert.ThrowsAsync<SocketException>(
            () => LoopConnect.ConnectAsync(EventLoop.Shared, holder.LocalEndPoint!, CancellationToken.None).AsTask().Within("the refusal"));
        Assert.Equal(SocketError.ConnectionRefused, failure.SocketErrorCode);
    }

    private static void OnNextRead(SocketConnection connection, Action action)
    {
        var read = connection.Input.ReadAsync();
        Assert.False(read.IsCompleted);
        read.GetAwaiter().UnsafeOnCompleted(() =>
        {
            Assert.Equal(1, read.GetAwaiter().GetResult().Buffer.Length);
            action();
        });
    }

    private sealed class CountingMember : ITurnMember
    {
        private readonly TaskCompletionSource _flushed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool Due { get; set; }

        public int Flushes { get; private set; }

        public Task Flushed => _flushed.Task;

        public bool HasReady => false;

        public bool IsFlushDue => Due;

        public void RunReady()
        {
        }

        public void Flush()
        {
            Due = false;
            Flushes++;
            _flushed.TrySetResult();
        }
    }
}
