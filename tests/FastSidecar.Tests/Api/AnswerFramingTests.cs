using System.IO.Pipelines;
using System.Text;
using System.Text.RegularExpressions;
using FastSidecar.Tests.Invocation;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Tests.Api;

/// <summary>
/// Answers on a kept connection, byte by byte: each is whole when its body is, however head, body and end come apart, and the next request
/// is served.
/// </summary>
public sealed class AnswerFramingTests : IAsyncLifetime
{
    private const string Get = "GET /v1.0/invoke/a/method/m HTTP/1.1\r\nHost: x\r\n\r\n";
    private const string GetEvents = "GET /v1.0/invoke/a/method/m HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n";
    private const string PostChunked = "POST /v1.0/invoke/a/method/m HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    private const string Healthz = "GET /v1.0/healthz HTTP/1.1\r\nHost: x\r\n\r\n";

    private HttpEdge _edge = null!;

    public async Task InitializeAsync() => _edge = await HttpEdge.StartAsync();

    public async Task DisposeAsync() => await _edge.DisposeAsync();

    /// <summary>Request, status, what the app said of the length (−1: nothing), and how the head ends.</summary>
    public static TheoryData<string, int, long, string> Streams { get; } = new()
    {
        { Get, 200, -1, "Transfer-Encoding: chunked" },
        { Get, 200, 10, "Transfer-Encoding: chunked" },
        { Get, 302, 10, "Transfer-Encoding: chunked" },
        { PostChunked, 404, 10, "Transfer-Encoding: chunked" },
        { GetEvents, 200, 10, "Content-Length: 10" },
        { GetEvents, 200, -1, "Transfer-Encoding: chunked" },
        { GetEvents, 302, 10, "Transfer-Encoding: chunked" },
    };

    [Theory]
    [MemberData(nameof(Streams))]
    public async Task BodyAfterTheHead_EachPieceAndTheEndComeAtOnce(string request, int status, long length, string framing)
    {
        var body = new Pipe();
        _edge.App.Answers(new ScriptedResponse(status, body.Reader) { AnnouncedLength = length < 0 ? null : length });
        using var client = await _edge.ConnectAsync();
        await client.SendAsync(request);

        var head = await client.ReadUntilAsync("\r\n\r\n");
        await WriteAsync(body, "first");
        await client.ReadUntilAsync("first");
        await WriteAsync(body, "later");
        await client.ReadUntilAsync("later");
        await body.Writer.CompleteAsync();

        Assert.StartsWith($"HTTP/1.1 {status} ", head, StringComparison.Ordinal);
        Assert.Contains(framing + "\r\n", head, StringComparison.Ordinal);
        if (framing.EndsWith("chunked", StringComparison.Ordinal))
        {
            await client.ReadUntilAsync("0\r\n\r\n");
        }

        await NextIsServedAsync(client);
    }

    /// <summary>The body and its end come together, behind a head that has left: nothing else would make them leave.</summary>
    [Theory]
    [MemberData(nameof(Streams))]
    public async Task WholeBodyAtOnceAfterTheHead_LeavesAtOnce(string request, int status, long length, string framing)
    {
        var body = new Pipe();
        _edge.App.Answers(new ScriptedResponse(status, body.Reader) { AnnouncedLength = length < 0 ? null : length });
        using var client = await _edge.ConnectAsync();
        await client.SendAsync(request);

        var head = await client.ReadUntilAsync("\r\n\r\n");
        "0123456789"u8.CopyTo(body.Writer.GetSpan(10));
        body.Writer.Advance(10);
        await body.Writer.CompleteAsync();

        Assert.Contains(framing + "\r\n", head, StringComparison.Ordinal);
        await client.ReadUntilAsync("0123456789");
        if (framing.EndsWith("chunked", StringComparison.Ordinal))
        {
            await client.ReadUntilAsync("0\r\n\r\n");
        }

        await NextIsServedAsync(client);
    }

    [Theory]
    [InlineData(10)]
    [InlineData(64 * 1024)]
    [InlineData(64 * 1024 + 1)]
    [InlineData(300_000)]
    public async Task ErrorToRequestOfKnownLength_BufferedUpTo64KiBThenStreamed(int bytes)
    {
        var body = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
        _edge.App.Answers(new ScriptedResponse(404, body.Reader));
        using var client = await _edge.ConnectAsync();
        await client.SendAsync(Get);
        await WriteAsync(body, new string('e', bytes - 1));
        await WriteAsync(body, "#");
        await body.Writer.CompleteAsync();

        var head = await client.ReadUntilAsync("\r\n\r\n");

        Assert.Contains(bytes <= 64 * 1024 ? $"Content-Length: {bytes}\r\n" : "Transfer-Encoding: chunked\r\n", head, StringComparison.Ordinal);
        await client.ReadUntilAsync("#");
        if (bytes > 64 * 1024)
        {
            await client.ReadUntilAsync("0\r\n\r\n");
        }

        await NextIsServedAsync(client);
    }

    /// <summary>A body beyond what is buffered, whose end comes later: what was buffered does not wait for it.</summary>
    [Fact]
    public async Task LongErrorThatGoesOn_LeavesAsItComes()
    {
        var body = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
        _edge.App.Answers(new ScriptedResponse(500, body.Reader));
        using var client = await _edge.ConnectAsync();
        await client.SendAsync(Get);
        await WriteAsync(body, new string('e', 70_000) + "#");

        await client.ReadUntilAsync("#");
        await WriteAsync(body, "end");
        await client.ReadUntilAsync("end");
        await body.Writer.CompleteAsync();
        await client.ReadUntilAsync("0\r\n\r\n");
        await NextIsServedAsync(client);
    }

    [Theory]
    [InlineData(Get, -1)]
    [InlineData(Get, 0)]
    [InlineData(GetEvents, 0)]
    public async Task EmptyAnswer_SaysSo(string request, long length)
    {
        var body = new Pipe();
        await body.Writer.CompleteAsync();
        _edge.App.Answers(new ScriptedResponse(200, body.Reader) { AnnouncedLength = length < 0 ? null : length });
        using var client = await _edge.ConnectAsync();
        await client.SendAsync(request);

        Assert.Contains("Content-Length: 0\r\n", await client.ReadUntilAsync("\r\n\r\n"), StringComparison.Ordinal);
        await NextIsServedAsync(client);
    }

    [Theory]
    [InlineData(200, -1)]
    [InlineData(200, 7)]
    [InlineData(404, 7)]
    public async Task AnswerToHead_EndsWithItsHead(int status, long length)
    {
        var body = new Pipe();
        _edge.App.Answers(new ScriptedResponse(status, body.Reader) { AnnouncedLength = length < 0 ? null : length });
        using var client = await _edge.ConnectAsync();
        await client.SendAsync(Get.Replace("GET", "HEAD", StringComparison.Ordinal));
        await body.Writer.CompleteAsync();

        await client.ReadUntilAsync("\r\n\r\n");
        await NextIsServedAsync(client);
    }

    /// <summary>The head of an answer to HEAD is all there is of it: it waits for nothing.</summary>
    [Theory]
    [InlineData(1, 200)]
    [InlineData(2, 200)]
    [InlineData(1, 204)]
    [InlineData(2, 204)]
    public async Task AnswerToHead_DoesNotWaitForTheEndOfTheCall(int version, int status)
    {
        var body = new Pipe();
        var response = new ScriptedResponse(status, body.Reader);
        _edge.App.Answers(response);

        using var answer = await _edge.GetHeadAsync("/v1.0/invoke/a/method/m", version, HttpMethod.Head);
        Assert.Equal(status, (int)answer.StatusCode);
        await WriteAsync(body, "dropped");
        await body.Writer.CompleteAsync();

        Assert.Equal("", await answer.Content.ReadAsStringAsync().Within("the end of the answer"));
        await response.Disposed.Within("the end of the call");
    }

    [Fact]
    public async Task GrpcStatus_IsWholeEvenIfThePeerGoesOn()
    {
        var body = new Pipe();
        _edge.App.Answers(new ScriptedResponse(5, body.Reader, isGrpcStatus: true, "no"));
        using var client = await _edge.ConnectAsync();
        await client.SendAsync(Get);

        await client.ReadUntilAsync("\r\n\r\n");
        var chunks = await client.ReadUntilAsync("}\r\n");
        await body.Writer.CompleteAsync();
        await client.ReadUntilAsync("0\r\n\r\n");
        Assert.Equal("""{"code":5,"message":"no"}""", Regex.Replace(chunks, "[0-9a-f]+\r\n(.*)\r\n", "$1"));
        await NextIsServedAsync(client);
    }

    private static async Task NextIsServedAsync(RawClient client)
    {
        await client.SendAsync(Healthz);
        Assert.StartsWith("HTTP/1.1 ", await client.ReadUntilAsync("\r\n\r\n"), StringComparison.Ordinal);
    }

    private static Task WriteAsync(Pipe body, string text) => body.Writer.WriteAsync(Encoding.Latin1.GetBytes(text)).AsTask().Within("room in the body");
}
