using FastSidecar.Invocation;
using FastSidecar.Tests.Invocation;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Tests.Api;

/// <summary>A server that stops: requests under way are answered, and nothing waits for a request that has not come.</summary>
public sealed class ServerStopTests
{
    private const string Path = "/v1.0/invoke/a/method/m";

    /// <summary>Half of Kestrel's own limit for a head.</summary>
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(5);

    [Theory]
    [InlineData("")]
    [InlineData("G")]
    [InlineData("GET / HTTP/1.1")]
    [InlineData("GET / HTTP/1.1\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nX-A: b")]
    public async Task HalfAHead_IsNotWaitedFor(string sent)
    {
        await using var edge = await HttpEdge.StartAsync();
        using var fresh = await edge.ConnectAsync();
        await fresh.SendAsync(sent);
        using var used = await edge.ConnectAsync();
        await used.SendAsync("GET /v1.0/healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        await used.ReadUntilAsync("\r\n\r\n");
        await used.ReadUntilAsync("}");
        await used.SendAsync(sent);

        var clock = new FairClock();
        await edge.StopAsync().Within("the end of the server");
        Assert.True(clock.Fair < Soon, $"the server waits for a request that does not come: {clock}");

        Assert.Equal("", await fresh.ReadToEndAsync());
        Assert.Equal("", await used.ReadToEndAsync());
    }

    [Fact]
    public async Task RequestUnderWay_IsAnsweredHoweverLongItTakes()
    {
        await using var edge = await HttpEdge.StartAsync();
        var called = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var answer = new TaskCompletionSource<InvokeResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        edge.App.OnInvoke = (_, _) =>
        {
            called.SetResult();
            return new ValueTask<InvokeResult>(answer.Task);
        };
        using var half = await edge.ConnectAsync();
        await half.SendAsync("GET ");
        using var client = await edge.ConnectAsync();
        await client.SendAsync($"GET {Path} HTTP/1.1\r\nHost: x\r\n\r\n");
        await called.Task.Within("the call");

        var stopping = edge.StopAsync();

        // The other one is closed as idle by now: this one was not.
        Assert.Equal("", await half.ReadToEndAsync());
        Assert.False(stopping.IsCompleted);
        answer.SetResult(new ScriptedResponse(200, "body"));
        var told = await client.ReadToEndAsync();
        await stopping.Within("the end of the server");
        Assert.StartsWith("HTTP/1.1 200 ", told, StringComparison.Ordinal);
        Assert.Contains("Connection: close\r\n", told, StringComparison.Ordinal);
        Assert.Contains("body", told, StringComparison.Ordinal);
    }

    /// <summary>
    /// The rest of the head comes while the server stops. Whether it is in time is the server's to say, but a request that reached the app
    /// is answered.
    /// </summary>
    [Fact]
    public async Task RestOfTheHeadComesMeanwhile_AnsweredOrNotBegun()
    {
        await using var edge = await HttpEdge.StartAsync();
        var calls = 0;
        edge.App.OnInvoke = (_, _) =>
        {
            Interlocked.Increment(ref calls);
            return ValueTask.FromResult<InvokeResult>(new ScriptedResponse(200, "body"));
        };
        using var client = await edge.ConnectAsync();
        await client.SendAsync($"GET {Path} HTTP/1.1\r\n");

        var stopping = edge.StopAsync();
        await client.TrySendAsync("Host: x\r\n\r\n");
        var told = await client.ReadToEndAsync();
        await stopping.Within("the end of the server");

        Assert.Equal(calls == 1, told.StartsWith("HTTP/1.1 200 ", StringComparison.Ordinal));
        Assert.True(calls == 1 || told.Length == 0, told);
    }
}
