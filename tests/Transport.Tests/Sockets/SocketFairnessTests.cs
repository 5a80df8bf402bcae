using System.IO.Pipelines;
using System.Net.Sockets;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Sockets;
using Xunit;

namespace FastSidecar.Transport.Tests.Sockets;

/// <summary>A peer that sends without a pause does not keep the thread that all sockets share.</summary>
public sealed class SocketFairnessTests
{
    /// <summary>More than one receive takes: such a receive says nothing about what comes after it.</summary>
    private const int Plenty = 96 * 1024;

    private const int Flood = 8 * 1024 * 1024;

    /// <summary>So much of it is received while there is plenty behind it.</summary>
    private const int Torrent = Flood - (8 * Plenty);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AlwaysMoreIsThere_NotEveryReadEndsAtOnce(bool onEventLoop)
    {
        await using var pair = await SocketPair.OpenAsync(onEventLoop);
        pair.Connection.Socket.ReceiveBufferSize = 4 * Plenty;
        var sending = pair.Peer.SendAsync(new byte[Flood]);
        var (received, waits) = (0L, 0);
        while (received < Torrent)
        {
            AwaitPlenty(pair);
            var read = pair.Connection.Input.ReadAsync();
            waits += read.IsCompleted ? 0 : 1; // some may end on the other thread before we look
            var result = await read.AsTask().Within($"more than {received} bytes");
            received += result.Buffer.Length;
            pair.Connection.Input.AdvanceTo(result.Buffer.End);
        }

        Assert.True(waits > 0, $"no wait in {received} bytes");
        pair.Connection.Abort(reset: true);
        await EndOf(sending).Within("the sender");
    }

    /// <summary>The loop's own engine takes a small receive for the last; it is the runtime's that goes on.</summary>
    [Fact]
    public async Task ManySmallReceives_AlsoMakeARow()
    {
        await using var pair = await SocketPair.OpenAsync(onEventLoop: false);
        var waited = false;
        for (var i = 0; i <= SocketPipeReader.MaxReceivesInARow * 10; i++)
        {
            await pair.Peer.SendAsync("x"u8.ToArray());
            Assert.True(pair.Connection.Socket.Poll(TestTimeouts.Default, SelectMode.SelectRead));
            var read = pair.Connection.Input.ReadAsync();
            waited |= !read.IsCompleted;
            pair.Connection.Input.AdvanceTo((await read.AsTask().Within($"byte {i}")).Buffer.End);
        }

        Assert.True(waited, "every read ended at once");
    }

    /// <summary>
    /// Both flows run on the loop's thread. The flood's holds it until the other's byte is there, and never finds its socket empty.
    /// </summary>
    [Fact]
    public async Task FloodOnOneSocket_OtherSocketsOfTheLoopAreServedInBetween()
    {
        await using var flood = await SocketPair.OpenAsync(onEventLoop: true);
        await using var other = await SocketPair.OpenAsync(onEventLoop: true);
        flood.Connection.Socket.ReceiveBufferSize = 4 * Plenty;
        var served = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var started = new ManualResetEventSlim();
        using var ready = new ManualResetEventSlim();
        var received = 0L;
        var flooding = ReadFloodAsync(flood.Connection.Input);
        var waiting = ReadOneAsync(other.Connection.Input);

        await flood.Peer.SendAsync("x"u8.ToArray());
        Assert.True(started.Wait(TestTimeouts.Default));
        var sending = flood.Peer.SendAsync(new byte[Flood]);
        await other.Peer.SendAsync("x"u8.ToArray());
        ready.Set();

        var before = await served.Task.Within("the other socket");
        Assert.True(before <= SocketPipeReader.MaxBytesInARow + (2 * Plenty), $"{before} bytes of the flood went first");
        await flooding.Within("the flood");
        await waiting.Within("the other flow");
        flood.Connection.Abort(reset: true);
        await EndOf(sending).Within("the sender");

        async Task ReadFloodAsync(PipeReader input)
        {
            while (received < Torrent)
            {
                var read = await input.ReadAsync();
                received += read.Buffer.Length;
                input.AdvanceTo(read.Buffer.End);
                started.Set();
                ready.Wait(TestTimeouts.Default);
                AwaitPlenty(flood);
            }
        }

        async Task ReadOneAsync(PipeReader input)
        {
            await input.ReadAsync();
            served.SetResult(received);
        }
    }

    [Fact]
    public async Task AbortWhileTheRowIsBroken_ReadEnds()
    {
        for (var i = 0; i < 50; i++)
        {
            await using var pair = await SocketPair.OpenAsync(onEventLoop: true);
            Fill(pair.Peer);
            var reading = DrainAsync(pair.Connection.Input);
            await Task.Yield();
            pair.Connection.Abort();
            await Assert.ThrowsAsync<IOException>(() => reading.Within("the aborted flow"));
        }

        static async Task DrainAsync(PipeReader input)
        {
            while (true)
            {
                var read = await input.ReadAsync();
                input.AdvanceTo(read.Buffer.End);
            }
        }
    }

    /// <summary>The kernel may have taken all of it, or not.</summary>
    private static async Task EndOf(Task sending)
    {
        try
        {
            await sending;
        }
        catch (SocketException)
        {
            // The connection was aborted under it.
        }
    }

    private static void AwaitPlenty(SocketPair pair) =>
        Assert.True(SpinWait.SpinUntil(() => pair.Connection.Socket.Available >= Plenty, TestTimeouts.Default), "the kernel's buffer stays small");

    /// <summary>As much as the kernel takes without anybody receiving it.</summary>
    private static void Fill(Socket peer)
    {
        var piece = new byte[64 * 1024];
        peer.Blocking = false;
        while (true)
        {
            peer.Send(piece, SocketFlags.None, out var error);
            if (error == SocketError.WouldBlock)
            {
                return;
            }

            Assert.Equal(SocketError.Success, error);
        }
    }
}
