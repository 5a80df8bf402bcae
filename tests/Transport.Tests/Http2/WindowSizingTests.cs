using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Http2;
using FastSidecar.Transport.Http2.FlowControl;
using Xunit;
using static FastSidecar.Transport.Tests.Http2.Wire;

namespace FastSidecar.Transport.Tests.Http2;

/// <summary>A stream's window begins at 65,535 bytes; half of it is given back at a time.</summary>
public sealed class WindowSizingTests
{
    private const int Half = 33_000;
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task FastReader_GetsALargerWindow_UpToTheMost()
    {
        await using var peer = await StartAsync(new Http2Options { ConnectionWindowBytes = 10_000_000, MaxStreamWindowBytes = 150_000 });
        Assert.Equal(Half, await UpdateAfterAsync(peer, Half));
        Assert.Equal(Half + 65_535, await UpdateAfterAsync(peer, Half));
        Assert.Equal((2 * Half) + (150_000 - 131_070), await UpdateAfterAsync(peer, 2 * Half));
        Assert.Equal(77_000, await UpdateAfterAsync(peer, 77_000));
        await EndAsync(peer);
    }

    [Fact]
    public async Task SlowReader_KeepsTheSmallWindow()
    {
        await using var peer = await StartAsync(new Http2Options { ConnectionWindowBytes = 10_000_000 });
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(Half, await UpdateAfterAsync(peer, Half));
            _time.Advance(TimeSpan.FromMilliseconds(200));
        }

        await EndAsync(peer);
    }

    [Fact]
    public async Task MuchHeldElsewhere_TakesTheGrowthBack()
    {
        var budget = new ReceiveBudget(1_000_000);
        await using var peer = await StartAsync(new Http2Options { ConnectionWindowBytes = 10_000_000, ReceiveBudget = budget });
        Assert.Equal(Half, await UpdateAfterAsync(peer, Half));
        Assert.Equal(Half + 65_535, await UpdateAfterAsync(peer, Half));

        budget.Add(300_000);

        // 65,535 of these are kept back; with what comes then, half of the small window is owed.
        Assert.Equal(99_000 - 65_535, await UpdateAfterAsync(peer, 99_000));
        Assert.Equal(Half, await UpdateAfterAsync(peer, Half));
        await EndAsync(peer);
        Assert.Equal(300_000, budget.HeldBytes);
    }

    private async Task<ScriptedPeer> StartAsync(Http2Options options)
    {
        _time.Advance(TimeSpan.FromSeconds(1));
        var peer = ScriptedPeer.AsClient(
            async stream =>
            {
                await stream.ReadAllAsync();
                stream.WriteHead(Heads.Response(), endStream: true);
            },
            options,
            _time);
        await peer.HandshakeAsync();
        await peer.SendAsync(Request(1, false));
        return peer;
    }

    /// <summary>Sends so much in DATA frames of 11,000 bytes and waits for the one WINDOW_UPDATE of the stream that comes of it.</summary>
    private static async Task<long> UpdateAfterAsync(ScriptedPeer peer, int bytes)
    {
        const int FrameBytes = 11_000;
        for (var sent = 0; sent < bytes; sent += FrameBytes)
        {
            await peer.ExpectAliveNoUpdateAsync();
            await peer.SendAsync(DataFrame(1, new byte[FrameBytes]));
        }

        var update = await peer.ExpectAsync(WindowUpdate);
        Assert.Equal(1, update.StreamId);
        return update.Word();
    }

    private static async Task EndAsync(ScriptedPeer peer)
    {
        await peer.SendAsync(DataFrame(1, [], end: true));
        await peer.ExpectHeadersAsync(1);
    }
}
