using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Tests.Api;

/// <summary>Connections that say nothing, or not enough to know what they speak.</summary>
public sealed class SilentConnectionTests
{
    [Theory]
    [InlineData("")]
    [InlineData("PRI * HTTP/2.0\r\n")]
    public async Task NothingDecidesForTenSeconds_ConnectionIsClosed(string sent)
    {
        var time = new FakeTimeProvider();
        await using var edge = await HttpEdge.StartAsync(serverTime: time);
        using var client = await edge.ConnectAsync();
        await client.SendAsync(sent);
        await time.WaitForTimersAsync(1);

        time.Advance(TimeSpan.FromSeconds(9.9));
        Assert.Equal(1, time.TimerCount);
        time.Advance(TimeSpan.FromSeconds(0.2));

        Assert.Equal("", await client.ReadToEndAsync());
    }

    [Fact]
    public async Task FirstBytesCame_TheConnectionMayBeSilentForLong()
    {
        var time = new FakeTimeProvider();
        await using var edge = await HttpEdge.StartAsync(serverTime: time);
        using var client = await edge.ConnectAsync();
        await client.SendAsync("GET /v1.0/healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        await client.ReadUntilAsync("\r\n\r\n");
        time.Advance(TimeSpan.FromMinutes(1));

        await client.SendAsync("GET /v1.0/healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        await client.ReadUntilAsync("\r\n\r\n");
    }
}
