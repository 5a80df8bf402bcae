using System.Buffers;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Http2;
using FastSidecar.Transport.Http2.FlowControl;
using Xunit;
using static FastSidecar.Transport.Tests.Http2.Wire;

namespace FastSidecar.Transport.Tests.Http2;

public sealed class FlowControlTests
{
    [Fact]
    public async Task ClosedStreamWindow_HoldsTheProducerUntilItOpens()
    {
        await using var peer = ScriptedPeer.AsServer();
        await peer.HandshakeAsync((4, 10));
        var stream = await OpenAsync(peer);
        var flush = stream.Output.WriteAsync(new byte[25]).AsTask();
        Assert.Equal(10, (await peer.ExpectAsync(Data)).Payload.Length);
        Assert.False(flush.IsCompleted);
        await peer.SendAsync(WindowUpdateFrame(1, 10));
        Assert.Equal(10, (await peer.ExpectAsync(Data)).Payload.Length);
        Assert.False(flush.IsCompleted);
        await peer.SendAsync(WindowUpdateFrame(1, 10));
        Assert.Equal(5, (await peer.ExpectAsync(Data)).Payload.Length);
        Assert.False((await flush.Within("flush")).IsCompleted);
        stream.End(null);
        Assert.True((await peer.ExpectAsync(Data)).Has(EndStream));
        stream.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ConnectionWindow_IsSharedInTurns(bool external)
    {
        await using var peer = ScriptedPeer.AsServer();
        await peer.HandshakeAsync((4, 10_000_000));
        var streams = new Http2Stream[3];
        var flushes = new Task[3];
        for (var i = 0; i < 3; i++)
        {
            streams[i] = await OpenAsync(peer);
        }

        for (var i = 0; i < 3; i++)
        {
            var body = new byte[60_000];
            if (external)
            {
                flushes[i] = streams[i].Output.WriteAsync(body).AsTask();
            }
            else
            {
                streams[i].Output.Write(body);
                flushes[i] = streams[i].Output.FlushAsync().AsTask();
            }
        }

        var received = new Dictionary<int, int> { [1] = 0, [3] = 0, [5] = 0 };
        await ReceiveAsync(65_535);
        await peer.ExpectAliveAsync();
        for (var round = 0; received.Values.Sum() < 180_000; round++)
        {
            var window = Math.Min(49_152, 180_000 - received.Values.Sum());
            await peer.SendAsync(WindowUpdateFrame(0, (uint)window));
            await ReceiveAsync(window);
            if (round == 0)
            {
                // The first to come took its fill; from here on nobody is left out.
                Assert.All(received.Values, bytes => Assert.True(bytes >= 16_384, string.Join(", ", received)));
            }
        }

        Assert.All(received.Values, bytes => Assert.Equal(60_000, bytes));
        await Task.WhenAll(flushes).Within("flushes");
        Array.ForEach(streams, s => s.Dispose());

        async Task ReceiveAsync(int bytes)
        {
            while (bytes > 0)
            {
                var frame = await peer.ExpectAsync(Data);
                Assert.True(frame.Payload.Length <= 16_384);
                received[frame.StreamId] += frame.Payload.Length;
                bytes -= frame.Payload.Length;
            }

            Assert.Equal(0, bytes);
        }
    }

    [Fact]
    public async Task LoweredInitialWindow_MakesTheWindowNegative()
    {
        await using var peer = ScriptedPeer.AsServer();
        await peer.HandshakeAsync((4, 100));
        var stream = await OpenAsync(peer);
        var flush = stream.Output.WriteAsync(new byte[100 + 50]).AsTask();
        Assert.Equal(100, (await peer.ExpectAsync(Data)).Payload.Length);
        await peer.SendAsync(SettingsFrame((4, 30))); // 0 - 70 = -70
        await peer.SendAsync(WindowUpdateFrame(1, 70)); // 0: still nothing
        await peer.ExpectAliveAsync();
        Assert.False(peer.HasUnread());
        await peer.SendAsync(WindowUpdateFrame(1, 1));
        Assert.Single((await peer.ExpectAsync(Data)).Payload);
        await peer.SendAsync(SettingsFrame((4, 79)));
        Assert.Equal(49, (await peer.ExpectAsync(Data)).Payload.Length);
        await flush.Within("flush");
        stream.Dispose();
    }

    [Fact]
    public async Task LargerMaxFrameSize_IsUsed()
    {
        await using var peer = ScriptedPeer.AsServer();
        await peer.HandshakeAsync((4, 1_000_000), (5, 40_000));
        await peer.SendAsync(WindowUpdateFrame(0, 1_000_000));
        var stream = await OpenAsync(peer);
        var flush = stream.Output.WriteAsync(new byte[50_000]).AsTask();
        Assert.Equal(40_000, (await peer.ExpectAsync(Data)).Payload.Length);
        Assert.Equal(10_000, (await peer.ExpectAsync(Data)).Payload.Length);
        await flush.Within("flush");
        stream.Dispose();
    }

    [Fact]
    public async Task EndAndTrailers_NeedNoWindow()
    {
        await using var peer = ScriptedPeer.AsServer();
        await peer.HandshakeAsync((4, 0));
        var stream = await OpenAsync(peer);
        stream.End(Heads.List(("a", "b")));
        Assert.Equal("b", (await peer.ExpectHeadersAsync(1)).Get("a"));
        stream.Dispose();
    }

    [Fact]
    public async Task TrailersBehindBlockedData_LeaveAfterItEvenWhenDisposed()
    {
        await using var peer = ScriptedPeer.AsClient(stream =>
        {
            stream.WriteHead(Heads.Response(), endStream: false);
            stream.Output.Write("0123456789"u8);
            stream.End(Heads.List(("grpc-status", "0")));
            return Task.CompletedTask; // the handler disposes the stream now
        });
        await peer.HandshakeAsync((4, 4));
        await peer.SendAsync(Request(1, true));
        await peer.ExpectHeadersAsync(1);
        Assert.Equal("0123"u8.ToArray(), (await peer.ExpectAsync(Data)).Payload);
        Assert.Equal(1, peer.Connection.ActiveStreams);
        await peer.SendAsync(WindowUpdateFrame(1, 100));
        Assert.Equal("456789"u8.ToArray(), (await peer.ExpectAsync(Data)).Payload);
        Assert.Equal("0", (await peer.ExpectHeadersAsync(1)).Get("grpc-status"));
        Assert.Equal(0, peer.Connection.ActiveStreams);
        await peer.ExpectAliveAsync();
    }

    [Fact]
    public async Task SlowReader_StopsTheProducerAndFreesTheConnection()
    {
        var release = new TaskCompletionSource();
        await using var pair = await ConnectionPair.OverSocketsAsync(
            async stream =>
            {
                if (stream.Headers.Get(":path") == "/slow")
                {
                    await release.Task;
                }

                await Handlers.EchoAsync(stream);
            },
            server: new Http2Options { StreamWindowBytes = 100_000, ConnectionWindowBytes = 200_000 });
        await pair.Client.Ready.Within("settings");
        Assert.True(pair.Client.TryOpenStream(out var slow));
        slow.WriteHead(Heads.Request(path: "/slow"), endStream: false);
        var written = 0;
        var upload = Task.Run(async () =>
        {
            for (var i = 0; i < 100; i++)
            {
                await slow.Output.WriteAsync(new byte[10_000]);
                Interlocked.Add(ref written, 10_000);
            }

            slow.End(null);
        });

        // A neighbour moves ten times the connection's window past the stream that nobody reads.
        Assert.True(pair.Client.TryOpenStream(out var fast));
        fast.WriteHead(Heads.Request(), endStream: false);
        var fastBody = Task.Run(async () =>
        {
            for (var i = 0; i < 200; i++)
            {
                await fast.Output.WriteAsync(new byte[10_000]);
            }

            fast.End(null);
        });
        Assert.Equal(2_000_000, (await fast.ReadAllAsync().Within("the neighbour's body")).Length);
        await fastBody.Within("the neighbour's upload");

        // The window is filled as soon as the upload got a thread, and no further until somebody reads.
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref written) >= 90_000, TestTimeouts.Default), $"{written} bytes were written");
        Assert.InRange(Volatile.Read(ref written), 90_000, 110_000);
        release.SetResult();
        Assert.Equal(1_000_000, (await slow.ReadAllAsync().Within("the slow body")).Length);
        await upload.Within("the slow upload");
        slow.Dispose();
        fast.Dispose();
    }

    [Fact]
    public async Task WindowUpdates_AreSavedUpToHalfTheWindow()
    {
        var read = new TaskCompletionSource();
        await using var peer = ScriptedPeer.AsClient(
            async stream =>
            {
                await stream.ReadAllAsync();
                read.SetResult();
            },
            new Http2Options { StreamWindowBytes = 70_000, ConnectionWindowBytes = 70_000 });
        await peer.HandshakeAsync();
        await peer.SendAsync(Request(1, false));
        for (var sent = 0; sent < 35_000; sent += 5_000)
        {
            await peer.ExpectAliveNoUpdateAsync();
            await peer.SendAsync(DataFrame(1, new byte[5_000]));
        }

        var updates = new List<WireFrame> { await peer.ExpectAsync(WindowUpdate), await peer.ExpectAsync(WindowUpdate) };
        Assert.Equal([0, 1], updates.Select(u => u.StreamId).Order());
        Assert.All(updates, u => Assert.Equal(35_000u, u.Word()));
        await peer.SendAsync(DataFrame(1, [], end: true));
        await read.Task.Within("body");
    }

    [Fact]
    public async Task PaddingAndDiscardedData_AreCredited()
    {
        await using var peer = ScriptedPeer.AsClient(
            async stream =>
            {
                stream.Input.Complete();
                await stream.Connection.Closed;
            },
            new Http2Options { StreamWindowBytes = 70_000, MaxStreamWindowBytes = 0, ConnectionWindowBytes = 70_000 });
        await peer.HandshakeAsync();
        await peer.SendAsync(Request(1, false));
        var credited = new Dictionary<int, long> { [0] = 0, [1] = 0 };
        for (var i = 0; i < 100; i++)
        {
            await peer.SendAsync(Frame(Data, Padded, 1, [100, .. new byte[2_000]]));
            await peer.SendAsync(PingFrame((ulong)i));
            while (await peer.ReadFrameAsync() is { } frame && frame.Type != Ping)
            {
                Assert.Equal(WindowUpdate, frame.Type);
                credited[frame.StreamId] += frame.Word();
            }
        }

        // All but what is still saved up: 200,100 bytes were sent, less than half a window may be owed.
        Assert.All(credited.Values, bytes => Assert.InRange(bytes, 200_100 - 35_000, 200_100));
    }

    [Fact]
    public async Task AnnouncedSmallWindow_HoldsFromItsAcknowledgement()
    {
        await using var peer = ScriptedPeer.AsClient(
            stream => stream.Connection.Closed, new Http2Options { StreamWindowBytes = 1_000 });
        await peer.SendAsync(Preface, SettingsFrame(), Request(1, false), DataFrame(1, new byte[10_000]));
        await peer.ExpectAliveAsync(); // sent before our SETTINGS were seen
        await peer.SendAsync(SettingsAck, Request(3, false), DataFrame(3, new byte[1_000]));
        await peer.ExpectAliveAsync();
        await peer.SendAsync(DataFrame(3, [1]));
        await peer.ExpectResetAsync(3, Http2ErrorCode.FlowControlError);
        await peer.SendAsync(DataFrame(1, [1]));
        await peer.ExpectResetAsync(1, Http2ErrorCode.FlowControlError);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(0)]
    public async Task MessageLongerThanTheWindow_ArrivesAtAReaderThatWaitsForAll(int? budgetBytes)
    {
        await using var pair = await ConnectionPair.OverSocketsAsync(
            async stream =>
            {
                // Examines everything and consumes nothing until the message is complete.
                var read = await stream.Input.ReadAtLeastAsync(500_000);
                Assert.Equal(500_000, read.Buffer.Length);
                stream.Input.AdvanceTo(read.Buffer.End);
                stream.WriteHead(Heads.Response(), endStream: true);
            },
            server: new Http2Options
            {
                StreamWindowBytes = 65_535,
                ConnectionWindowBytes = 65_535,
                ReceiveBudget = budgetBytes is { } bytes ? new ReceiveBudget(bytes) : null,
            });
        Assert.True(pair.Client.TryOpenStream(out var stream));
        stream.WriteHead(Heads.Request(), endStream: false);
        await stream.Output.WriteAsync(new byte[500_000]).AsTask().Within("upload");
        stream.End(null);
        await stream.ReadHeadAsync(default).AsTask().Within("head");
        stream.Dispose();
        Assert.Empty(pair.Handler.Failures);
    }

    [Fact]
    public async Task ReceiveBudget_HoldsTheWholeProcess()
    {
        var budget = new ReceiveBudget(150_000);
        var options = new Http2Options { StreamWindowBytes = 100_000, ConnectionWindowBytes = 100_000, ReceiveBudget = budget };
        var release = new TaskCompletionSource();
        var pairs = new List<ConnectionPair>();
        var uploads = new List<Task>();
        for (var i = 0; i < 3; i++)
        {
            var pair = await ConnectionPair.OverSocketsAsync(
                async stream =>
                {
                    await release.Task;
                    await stream.ReadAllAsync();
                    stream.WriteHead(Heads.Response(), endStream: true);
                },
                server: options);
            pairs.Add(pair);
            await pair.Client.Ready.Within("settings");
            for (var s = 0; s < 4; s++)
            {
                uploads.Add(UploadAsync(pair.Client));
            }
        }

        // Each connection may still fill the window that it had when the cap was reached.
        using (var limit = new CancellationTokenSource(TestTimeouts.Default))
        {
            while (budget.HeldBytes < 150_000)
            {
                await Task.Delay(5, limit.Token);
            }
        }

        Assert.InRange(budget.HeldBytes, 150_000, 150_000 + (3 * 100_000));
        release.SetResult();
        await Task.WhenAll(uploads).Within("uploads");
        Assert.Equal(0, budget.HeldBytes);
        foreach (var pair in pairs)
        {
            await pair.DisposeAsync();
        }

        static async Task UploadAsync(Http2Connection client)
        {
            Assert.True(client.TryOpenStream(out var stream));
            stream.WriteHead(Heads.Request(), endStream: false);
            for (var i = 0; i < 30; i++)
            {
                await stream.Output.WriteAsync(new byte[10_000]);
            }

            stream.End(null);
            await stream.ReadHeadAsync(default);
            stream.Dispose();
        }
    }

    [Fact]
    public async Task CanceledWrite_ReturnsTheMemoryAndKeepsTheBodyWhole()
    {
        await using var peer = ScriptedPeer.AsServer();
        await peer.HandshakeAsync((4, 3));
        var stream = await OpenAsync(peer);
        using var cancel = new CancellationTokenSource();
        var memory = "abcdefgh"u8.ToArray();
        var write = stream.Output.WriteAsync(memory, cancel.Token).AsTask();
        Assert.Equal("abc"u8.ToArray(), (await peer.ExpectAsync(Data)).Payload);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => write.Within("cancellation"));
        Array.Clear(memory);
        await peer.SendAsync(WindowUpdateFrame(1, 100));
        Assert.Equal("defgh"u8.ToArray(), (await peer.ExpectAsync(Data)).Payload);
        stream.Output.Write("i"u8);
        stream.End(null);
        Assert.Equal("i"u8.ToArray(), (await peer.ExpectAsync(Data)).Payload);
        stream.Dispose();
    }

    private static async Task<Http2Stream> OpenAsync(ScriptedPeer peer)
    {
        Assert.True(peer.Connection.TryOpenStream(out var stream));
        stream.WriteHead(Heads.Request(), endStream: false);
        stream.Flush();
        await peer.ExpectAsync(Head);
        return stream;
    }
}
