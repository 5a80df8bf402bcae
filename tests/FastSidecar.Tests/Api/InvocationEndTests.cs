using System.IO.Pipelines;
using System.Text;
using FastSidecar.Api.Http;
using FastSidecar.Invocation;
using FastSidecar.Tests.Invocation;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Tests.Api;

/// <summary>
/// What belongs to every invocation, however it ends: the observer hears of it once, and fields of the client's request stay.
/// </summary>
public sealed class InvocationEndTests
{
    private const string Path = "/v1.0/invoke/a/method/m";

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Observer_IsToldOnceBeforeTheResponseIsGivenBack(int version)
    {
        await using var edge = await HttpEdge.StartAsync();
        edge.App.Answers(new ScriptedResponse(200, "body"));
        (await edge.GetAsync(Path, version)).Dispose();
        edge.App.Answers(ErrorTable.BodyTooLarge);
        (await edge.GetAsync(Path, version)).Dispose();
        edge.App.OnInvoke = static (_, _) => throw new NullReferenceException("bug");
        await Assert.ThrowsAsync<HttpRequestException>(() => edge.GetAsync(Path, version));
        edge.App.Answers(new ScriptedResponse(201, "body") { FailsOnDispose = new NullReferenceException("bug") });
        await Assert.ThrowsAsync<HttpRequestException>(() => edge.GetAsync(Path, version));
        edge.App.Answers(new ScriptedResponse(202, Broken()));
        await Assert.ThrowsAsync<HttpRequestException>(() => edge.GetAsync(Path, version));
        edge.App.Answers(new ScriptedResponse(101));
        (await edge.GetAsync(Path, version)).Dispose();

        // Stopped: whatever is told after an answer has been told.
        await edge.StopAsync().Within("the server to stop");
        Assert.Equal(["200", "stream too large", ErrorTable.Unexpected.Reason, "201", "202", "101"], edge.Observer.Ended);
    }

    [Fact]
    public async Task ClientLeaves_ObserverIsToldOnce()
    {
        await using var edge = await HttpEdge.StartAsync();
        var called = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var response = new ScriptedResponse(200, new Pipe().Reader);
        edge.App.OnInvoke = (_, _) =>
        {
            called.SetResult();
            return ValueTask.FromResult<InvokeResult>(response);
        };
        using (var client = await edge.ConnectAsync())
        {
            await client.SendAsync($"GET {Path} HTTP/1.1\r\nHost: x\r\n\r\n");
            await called.Task.Within("the call");
        }

        await response.Disposed.Within("the end of the call");
        Assert.Equal(["200"], edge.Observer.Ended);
    }

    [Theory]
    [InlineData(1, 200, "X A")]
    [InlineData(2, 200, "X A")]
    [InlineData(1, 101, "X-A")]
    [InlineData(2, 101, "X-A")]
    public async Task AnswerThatCannotBeSent_ErrorKeepsCorsFields(int version, int status, string appsHeader)
    {
        await using var edge = await HttpEdge.StartAsync(new HttpApiOptions { Cors = CorsPolicy.Parse("http://a"), TraceHeaders = true });
        var response = new ScriptedResponse(status, "body");
        response.Headers.Add(Encoding.ASCII.GetBytes(appsHeader), "b"u8);
        edge.App.Answers(response);

        using var answer = await edge.GetAsync(Path, version, ("Origin", "http://a"));

        Assert.Equal(500, (int)answer.StatusCode);
        Assert.Equal(["http://a"], answer.Headers.GetValues("Access-Control-Allow-Origin"));
        Assert.Equal(["Origin"], answer.Headers.GetValues("Vary"));
        Assert.Single(answer.Headers.GetValues("traceparent"));
        Assert.False(answer.Headers.Contains("X-A"));
        Assert.Equal("application/json", answer.Content.Headers.ContentType!.ToString());
    }

    [Fact]
    public async Task CorsFields_BelongToOneRequestOfAConnection()
    {
        await using var edge = await HttpEdge.StartAsync(new HttpApiOptions { Cors = CorsPolicy.Parse("http://a") });
        edge.App.Answers(new ScriptedResponse(101));
        using var client = await edge.ConnectAsync();

        await client.SendAsync($"GET {Path} HTTP/1.1\r\nHost: x\r\nOrigin: http://a\r\n\r\n");
        var first = await client.ReadUntilAsync("\r\n\r\n");
        await client.ReadUntilAsync("}");
        await client.SendAsync($"GET {Path} HTTP/1.1\r\nHost: x\r\n\r\n");
        var second = await client.ReadUntilAsync("\r\n\r\n");

        Assert.Contains("Access-Control-Allow-Origin: http://a\r\n", first, StringComparison.Ordinal);
        Assert.DoesNotContain("Access-Control-Allow-Origin", second, StringComparison.Ordinal);
    }

    private static PipeReader Broken()
    {
        var pipe = new Pipe();
        pipe.Writer.Complete(new IOException("app gone"));
        return pipe.Reader;
    }
}
