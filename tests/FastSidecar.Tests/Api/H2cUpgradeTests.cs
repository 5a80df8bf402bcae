using FastSidecar.Invocation;
using FastSidecar.Tests.Invocation;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Tests.Api;

/// <summary>The body of a request with <c>Upgrade: h2c</c>: asked for where the client waits, never taken for a request.</summary>
public sealed class H2cUpgradeTests
{
    private const string Path = "/v1.0/invoke/a/method/m";
    private const string Asks = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n";
    private const string Post = $"POST {Path} HTTP/1.1\r\nHost: x\r\n{Asks}";
    private const string Hidden = $"GET {Path} HTTP/1.1\r\nHost: x\r\n\r\n";
    private const string Continue = "HTTP/1.1 100 Continue\r\n\r\n";
    private const string Switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";

    /// <summary>Well below the ten seconds after which a silent connection is closed.</summary>
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(5);

    private int _calls;

    [Theory]
    [InlineData("AAMAAABk")]
    [InlineData("!!!")]
    public async Task BodyEndsEarly_ConnectionIsClosedAndTheBodyIsNoRequest(string settings)
    {
        await using var edge = await StartAsync();
        using var client = await edge.ConnectAsync();
        await client.SendAsync(Post.Replace("AAMAAABk", settings, StringComparison.Ordinal) + $"Content-Length: 500\r\n\r\n{Hidden}");
        client.FinishSending();

        Assert.Equal("", await client.ReadToEndAsync());
        Assert.Equal(0, Volatile.Read(ref _calls));
    }

    [Theory]
    [InlineData("")]
    [InlineData(Hidden)]
    public async Task ServerStopsBeforeTheBodyIsWhole_ConnectionIsClosedAndTheBodyIsNoRequest(string part)
    {
        await using var edge = await StartAsync();
        using var client = await edge.ConnectAsync();
        await client.SendAsync($"{Post}Expect: 100-continue\r\nContent-Length: 500\r\n\r\n{part}");
        Assert.Equal(Continue, await client.ReadUntilAsync("\r\n\r\n"));

        var clock = new FairClock();
        await edge.StopAsync().Within("the end of the server");
        Assert.True(clock.Fair < Soon, $"the server waits for a body that does not come: {clock}");

        Assert.Equal("", await client.ReadToEndAsync());
        Assert.Equal(0, Volatile.Read(ref _calls));
    }

    [Theory]
    [InlineData("")]
    [InlineData("he")]
    public async Task ClientWaitsForThe100_ItComesBeforeTheBody(string part)
    {
        await using var edge = await StartAsync();
        using var client = await edge.ConnectAsync();
        await client.SendAsync($"{Post}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n{part}");
        Assert.Equal(Continue, await client.ReadUntilAsync("\r\n\r\n"));

        await client.SendAsync("hello"[part.Length..]);
        Assert.Equal(Switching, await client.ReadUntilAsync("\r\n\r\n"));
    }

    [Fact]
    public async Task BodyCameUnasked_No100IsSent()
    {
        await using var edge = await StartAsync();
        using var client = await edge.ConnectAsync();
        await client.SendAsync($"{Post}Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello");

        Assert.Equal(Switching, await client.ReadUntilAsync("\r\n\r\n"));
    }

    private async Task<HttpEdge> StartAsync()
    {
        var edge = await HttpEdge.StartAsync();
        edge.App.OnInvoke = (_, _) =>
        {
            Interlocked.Increment(ref _calls);
            return ValueTask.FromResult<InvokeResult>(new ScriptedResponse(200, "body"));
        };
        return edge;
    }
}
