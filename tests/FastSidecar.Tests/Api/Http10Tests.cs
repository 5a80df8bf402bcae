using System.IO.Pipelines;
using FastSidecar.Tests.Invocation;
using Xunit;

namespace FastSidecar.Tests.Api;

/// <summary>Clients of HTTP/1.0: no chunks, the end of the connection ends the answer, and nothing is kept open.</summary>
public sealed class Http10Tests : IAsyncLifetime
{
    private HttpEdge _edge = null!;

    public async Task InitializeAsync() => _edge = await HttpEdge.StartAsync();

    public async Task DisposeAsync() => await _edge.DisposeAsync();

    [Theory]
    [InlineData("", 200)]
    [InlineData("Host: x\r\n", 200)]
    [InlineData("Connection: keep-alive\r\n", 200)]
    [InlineData("Connection: close\r\n", 200)]
    [InlineData("", 404)]
    [InlineData("Accept: text/event-stream\r\n", 200)]
    [InlineData("Connection: keep-alive\r\nAccept: text/event-stream\r\n", 200)]
    public async Task Answer_NotChunkedAndEndedByTheConnection(string fields, int status)
    {
        var body = new Pipe();
        _edge.App.Answers(new ScriptedResponse(status, body.Reader));
        using var client = await _edge.ConnectAsync();
        await client.SendAsync($"GET /v1.0/invoke/a/method/m HTTP/1.0\r\n{fields}\r\n");
        await body.Writer.WriteAsync("first,"u8.ToArray());
        await body.Writer.WriteAsync("last"u8.ToArray());
        await body.Writer.CompleteAsync();

        var answer = await client.ReadToEndAsync();

        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\nfirst,last", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("Transfer-Encoding", answer, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("keep-alive", answer, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>An answer with a length needs no end of the connection, and the client asked to keep it (RFC 9112 appendix C.2.2).</summary>
    [Theory]
    [InlineData("POST", 404)]
    [InlineData("HEAD", 404)]
    public async Task KeepAlive_WithALengthHonoured(string method, int status)
    {
        _edge.App.Answers(new ScriptedResponse(status));
        using var client = await _edge.ConnectAsync();
        for (var i = 0; i < 2; i++)
        {
            await client.SendAsync($"{method} /v1.0/invoke/a/method/m HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n");
            var head = await client.ReadUntilAsync("\r\n\r\n");

            Assert.Contains("Connection: keep-alive\r\n", head, StringComparison.OrdinalIgnoreCase);
            Assert.Contains("Content-Length: 0\r\n", head, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task StreamedAnswer_EachPieceComesAtOnce()
    {
        var body = new Pipe();
        _edge.App.Answers(new ScriptedResponse(200, body.Reader));
        using var client = await _edge.ConnectAsync();
        await client.SendAsync("GET /v1.0/invoke/a/method/m HTTP/1.0\r\n\r\n");

        await client.ReadUntilAsync("\r\n\r\n");
        await body.Writer.WriteAsync("first"u8.ToArray());
        Assert.Equal("first", await client.ReadUntilAsync("first"));
        await body.Writer.CompleteAsync();
        Assert.Equal("", await client.ReadToEndAsync());
    }

    [Fact]
    public async Task BrokenAnswer_IsNotEndedInOrder()
    {
        var body = new Pipe();
        _edge.App.Answers(new ScriptedResponse(200, body.Reader));
        using var client = await _edge.ConnectAsync();
        await client.SendAsync("GET /v1.0/invoke/a/method/m HTTP/1.0\r\n\r\n");
        await client.ReadUntilAsync("\r\n\r\n");

        // Without a length or chunks a FIN would make it look whole.
        await body.Writer.CompleteAsync(new IOException("app gone"));
        await client.ReadToEndAsync();
        Assert.True(client.WasReset);
    }

    [Fact]
    public async Task Requests_BodyAndPipelining()
    {
        var seen = 0;
        _edge.App.OnInvoke = async (request, cancellationToken) =>
        {
            Interlocked.Increment(ref seen);
            while (true)
            {
                var read = await request.Body.ReadAsync(cancellationToken);
                var length = read.Buffer.Length;
                request.Body.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                {
                    return new ScriptedResponse(200, $"{request.Body.ReadBytes}");
                }
            }
        };
        using var client = await _edge.ConnectAsync();
        await client.SendAsync(
            "POST /v1.0/invoke/a/method/m HTTP/1.0\r\nContent-Length: 5\r\n\r\nhelloGET /v1.0/invoke/a/method/m HTTP/1.0\r\n\r\n");

        var answer = await client.ReadToEndAsync();

        Assert.EndsWith("\r\n\r\n5", answer, StringComparison.Ordinal);
        Assert.Equal(1, seen);
    }
}
