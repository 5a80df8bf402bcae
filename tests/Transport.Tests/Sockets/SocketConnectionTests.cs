using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Transport.Tests.Sockets;

public sealed class SocketConnectionTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task PeerSendsThenCloses_BytesThenCompleted(bool onEventLoop)
    {
        await using var pair = await SocketPair.OpenAsync(onEventLoop);
        var pending = pair.Connection.Input.ReadAsync();
        Assert.False(pending.IsCompleted);
        await pair.Peer.SendAsync("hello"u8.ToArray());
        var first = await pending.AsTask().Within("first bytes");
        Assert.Equal("hello", Text(first.Buffer));
        Assert.False(first.IsCompleted);
        pair.Connection.Input.AdvanceTo(first.Buffer.Start, first.Buffer.End);

        pending = pair.Connection.Input.ReadAsync();
        await pair.Peer.SendAsync(" world"u8.ToArray());
        var second = await pending.AsTask().Within("second bytes");
        Assert.Equal("hello world", Text(second.Buffer));
        pair.Connection.Input.AdvanceTo(second.Buffer.GetPosition(6), second.Buffer.End);

        pair.Peer.Shutdown(SocketShutdown.Send);
        var last = await pair.Connection.Input.ReadAsync().AsTask().Within("end");
        Assert.True(last.IsCompleted);
        Assert.Equal("world", Text(last.Buffer));
        pair.Connection.Input.AdvanceTo(last.Buffer.End);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task BytesNotExamined_ReadReturnsAtOnce(bool onEventLoop)
    {
        await using var pair = await SocketPair.OpenAsync(onEventLoop);
        await pair.Peer.SendAsync("abc"u8.ToArray());
        var first = await pair.Connection.Input.ReadAsync().AsTask().Within("bytes");
        pair.Connection.Input.AdvanceTo(first.Buffer.GetPosition(1), first.Buffer.GetPosition(2));
        Assert.True(pair.Connection.Input.TryRead(out var again));
        Assert.Equal("bc", Text(again.Buffer));
        pair.Connection.Input.AdvanceTo(again.Buffer.Start, again.Buffer.End);
        Assert.False(pair.Connection.Input.TryRead(out _));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task PeerResets_ReadThrowsConnectionReset(bool onEventLoop)
    {
        await using var pair = await SocketPair.OpenAsync(onEventLoop);
        var pending = pair.Connection.Input.ReadAsync().AsTask();
        pair.Peer.LingerState = new LingerOption(true, 0);
        pair.Peer.Dispose();
        var failure = await Assert.ThrowsAsync<IOException>(() => pending.Within("reset"));
        Assert.Equal(SocketError.ConnectionReset, Assert.IsType<SocketException>(failure.InnerException).SocketErrorCode);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task AbortFromAnotherThread_PendingReadThrowsAndPeerSeesFin(bool unreadBytes, bool onEventLoop)
    {
        await using var pair = await SocketPair.OpenAsync(onEventLoop);
        Task<ReadResult> pending;
        if (unreadBytes)
        {
            await pair.Peer.SendAsync(new byte[100_000]);
            pending = Task.FromException<ReadResult>(new IOException());
        }
        else
        {
            pending = pair.Connection.Input.ReadAsync().AsTask();
        }

        await Task.Run(() => pair.Connection.Abort());
        await Assert.ThrowsAsync<IOException>(() => pending.Within("abort"));
        Assert.Equal(0, await pair.Peer.ReceiveAsync(new byte[1]).Within("FIN at the peer"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AbortWithReset_PeerSeesReset(bool onEventLoop)
    {
        await using var pair = await SocketPair.OpenAsync(onEventLoop);
        pair.Connection.Abort(reset: true);
        var failure = await Assert.ThrowsAsync<SocketException>(() => pair.Peer.ReceiveAsync(new byte[1]).Within("reset at the peer"));
        Assert.Equal(SocketError.ConnectionReset, failure.SocketErrorCode);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AbortWithPendingFlush_FlushThrows(bool onEventLoop)
    {
        await using var pair = await SocketPair.OpenAsync(onEventLoop);
        var pending = pair.Connection.Output.WriteAsync(new byte[64 * 1024 * 1024]).AsTask();
        Assert.False(pending.IsCompleted);
        pair.Connection.Abort();
        await Assert.ThrowsAsync<IOException>(() => pending.Within("abort"));
        Assert.Throws<IOException>(() => { _ = pair.Connection.Output.FlushAsync(); });
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task CanceledFlush_AbortsAndThrowsCanceled(bool onEventLoop)
    {
        await using var pair = await SocketPair.OpenAsync(onEventLoop);
        using var cancel = new CancellationTokenSource();
        var pending = pair.Connection.Output.WriteAsync(new byte[64 * 1024 * 1024], cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pending.Within("cancel"));
        Assert.True(pair.Connection.IsClosed);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task CanceledRead_NextReadGetsTheBytes(bool onEventLoop)
    {
        await using var pair = await SocketPair.OpenAsync(onEventLoop);
        for (var i = 0; i < 10; i++)
        {
            using var cancel = new CancellationTokenSource();
            var pending = pair.Connection.Input.ReadAsync(cancel.Token).AsTask();
            await cancel.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pending.Within("cancel"));

            var canceled = pair.Connection.Input.ReadAsync();
            pair.Connection.Input.CancelPendingRead();
            var result = await canceled.AsTask().Within("cancel pending");
            Assert.True(result.IsCanceled);
            pair.Connection.Input.AdvanceTo(result.Buffer.End);

            await pair.Peer.SendAsync(Encoding.ASCII.GetBytes($"n{i}"));
            result = await pair.Connection.Input.ReadAsync().AsTask().Within("bytes");
            Assert.False(result.IsCanceled);
            Assert.Equal($"n{i}", Text(result.Buffer));
            pair.Connection.Input.AdvanceTo(result.Buffer.End);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task MixedWrites_LeaveInOneSendInOrder(bool onEventLoop)
    {
        await using var pair = await SocketPair.OpenAsync(onEventLoop);
        var output = pair.Connection.Output;
        output.Write("head "u8);
        var large = new byte[6000];
        Array.Fill(large, (byte)'L');
        await output.WriteAsync(large).AsTask().Within("write");
        var received = new byte[10_000];
        var count = await pair.Peer.ReceiveAsync(received).Within("one segment");
        Assert.Equal(6005, count);
        Assert.Equal("head L", Encoding.ASCII.GetString(received, 0, 6));
        Assert.Equal(0, output.UnflushedBytes);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task NothingFlushed_NothingLeaves(bool onEventLoop)
    {
        await using var pair = await SocketPair.OpenAsync(onEventLoop);
        pair.Connection.Output.Write("one"u8);
        Assert.Equal(3, pair.Connection.Output.UnflushedBytes);
        Assert.Equal(0, pair.Peer.Available);
        await pair.Connection.Output.CompleteAsync();
        Assert.Equal("one", Encoding.ASCII.GetString(await ReadToEndAsync(pair.Peer)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task WritesWhileAFlushIsPending_GoWithTheNextFlush(bool onEventLoop)
    {
        await using var pair = await SocketPair.OpenAsync(onEventLoop);
        var output = pair.Connection.Output;
        var pending = output.WriteAsync(new byte[16 * 1024 * 1024]).AsTask();
        Assert.False(pending.IsCompleted);
        output.Write("tail"u8);
        Assert.Throws<InvalidOperationException>(() => { _ = output.FlushAsync(); });
        var reading = ReadToEndAsync(pair.Peer);
        await pending.Within("large flush");
        await output.FlushAsync().AsTask().Within("small flush");
        await output.CompleteAsync();
        var all = await reading.Within("peer reads all");
        Assert.Equal((16 * 1024 * 1024) + 4, all.Length);
        Assert.Equal("tail", Encoding.ASCII.GetString(all[^4..]));
    }

    /// <summary>The send has ended, but nobody has asked for its result: the next flush would overwrite it.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task FlushWhoseResultWasNotTaken_NextFlushIsRefusedUntilThen(bool onEventLoop)
    {
        await using var pair = await SocketPair.OpenAsync(onEventLoop);
        var output = pair.Connection.Output;
        var pending = output.WriteAsync(new byte[16 * 1024 * 1024]);
        Assert.False(pending.IsCompleted);
        var reading = ReadToEndAsync(pair.Peer);
        Assert.True(SpinWait.SpinUntil(() => pending.IsCompleted, TestTimeouts.Default));

        output.Write("tail"u8);
        Assert.Throws<InvalidOperationException>(() => { _ = output.FlushAsync(); });
        Assert.False((await pending).IsCanceled);
        await output.FlushAsync().AsTask().Within("the next flush");
        await output.CompleteAsync();
        Assert.Equal((16 * 1024 * 1024) + 4, (await reading.Within("peer reads all")).Length);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task CompletedBeforeTheFlushResultWasTaken_PeerSeesTheEnd(bool onEventLoop)
    {
        await using var pair = await SocketPair.OpenAsync(onEventLoop);
        var output = pair.Connection.Output;
        var pending = output.WriteAsync(new byte[16 * 1024 * 1024]);
        var reading = ReadToEndAsync(pair.Peer);
        Assert.True(SpinWait.SpinUntil(() => pending.IsCompleted, TestTimeouts.Default));

        output.Complete();
        Assert.Equal(16 * 1024 * 1024, (await reading.Within("peer reads all")).Length);
        Assert.False((await pending).IsCanceled);
        Assert.Throws<InvalidOperationException>(() => { _ = output.FlushAsync(); });
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ManyOddSizedWritesAndReads_ArriveUnchanged(bool onEventLoop)
    {
        await using var pair = await SocketPair.OpenAsync(onEventLoop);
        var random = new Random(4711);
        var sent = new byte[8 * 1024 * 1024];
        random.NextBytes(sent);
        var output = pair.Connection.Output;
        var writing = Task.Run(async () =>
        {
            for (var at = 0; at < sent.Length;)
            {
                var count = Math.Min(random.Next(1, random.Next(2, 60_000)), sent.Length - at);
                switch (random.Next(3))
                {
                    case 0:
                        output.Write(sent.AsSpan(at, count));
                        break;
                    case 1:
                        await output.WriteAsync(sent.AsMemory(at, count));
                        break;
                    default:
                        sent.AsSpan(at, count).CopyTo(output.GetSpan(count));
                        output.Advance(count);
                        await output.FlushAsync();
                        break;
                }

                at += count;
            }

            await output.CompleteAsync();
        });
        var echo = new byte[sent.Length];
        var echoing = Task.Run(async () =>
        {
            var received = await ReadToEndAsync(pair.Peer);
            await pair.Peer.SendAsync(received);
            pair.Peer.Shutdown(SocketShutdown.Send);
        });
        await writing.Within("writes");
        var filled = 0;
        var pick = new Random(815);
        while (true)
        {
            var result = await pair.Connection.Input.ReadAsync().AsTask().Within("echo");
            var take = result.IsCompleted ? result.Buffer.Length : pick.NextInt64(result.Buffer.Length + 1);
            result.Buffer.Slice(0, take).CopyTo(echo.AsSpan(filled));
            filled += (int)take;
            pair.Connection.Input.AdvanceTo(result.Buffer.GetPosition(take), take == 0 ? result.Buffer.End : result.Buffer.GetPosition(take));
            if (result.IsCompleted)
            {
                break;
            }
        }

        await echoing.Within("echo task");
        Assert.Equal(sent.Length, filled);
        Assert.Equal(SHA256.HashData(sent), SHA256.HashData(echo));
    }

    private static async Task<byte[]> ReadToEndAsync(Socket socket)
    {
        using var all = new MemoryStream();
        var buffer = new byte[65_536];
        int count;
        while ((count = await socket.ReceiveAsync(buffer)) > 0)
        {
            all.Write(buffer, 0, count);
        }

        return all.ToArray();
    }

    private static string Text(ReadOnlySequence<byte> buffer) => Encoding.ASCII.GetString(buffer);
}
