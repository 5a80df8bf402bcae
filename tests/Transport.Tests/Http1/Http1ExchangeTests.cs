using System.Buffers;
using System.Text;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Http1;
using Xunit;
using static FastSidecar.Transport.Tests.Http1.Http1Calls;

namespace FastSidecar.Transport.Tests.Http1;

public sealed class Http1ExchangeTests
{
    [Fact]
    public async Task Get_RequestLineHeadersAndAnswer()
    {
        RawRequest? seen = null;
        await using var server = new RawServer(async peer =>
        {
            seen = await peer.ReadRequestAsync();
            await peer.SendAsync("HTTP/1.1 201 Created\r\nContent-Length: 2\r\nX-A:  1 \r\nx-a: 2\r\n\r\nok");
        });
        await using var client = ClientFor(server);
        using var exchange = await client.OpenAsync();
        Assert.False(exchange.Reused);
        exchange.WriteHead("GET"u8, "/a?b=%20"u8, Fields("X-Test: \u00e9"), Http1BodyFraming.None, 0);
        await exchange.EndRequestAsync(CancellationToken.None).AsTask().Within("request");
        var answer = await exchange.AnswerAsync();
        Assert.Equal(201, answer.Status);
        Assert.Equal(["Content-Length: 2", "X-A: 1", "x-a: 2"], answer.Headers);
        Assert.Equal("ok", answer.Body);
        Assert.Equal(2, answer.Length);
        Assert.Equal("GET /a?b=%20 HTTP/1.1\r\nHost: app\r\nX-Test: \u00e9\r\n\r\n", seen!.Head);
    }

    [Theory]
    [InlineData(Http1BodyFraming.Length, 5, "Content-Length: 5\r\n\r\nhello")]
    [InlineData(Http1BodyFraming.Length, 0, "Content-Length: 0\r\n\r\n")]
    [InlineData(Http1BodyFraming.Chunked, 5, "Transfer-Encoding: chunked\r\n\r\n0005\r\nhello\r\n0\r\n\r\n")]
    [InlineData(Http1BodyFraming.Chunked, 0, "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    [InlineData(Http1BodyFraming.None, 0, "\r\n")]
    public async Task SmallRequest_LeavesInOneSend(Http1BodyFraming framing, int length, string tail)
    {
        var first = new TaskCompletionSource<byte[]>();
        await using var server = new RawServer(async peer =>
        {
            first.SetResult(await peer.ReceiveAsync());
            await peer.SendAsync("HTTP/1.1 204 No Content\r\n\r\n");
        });
        await using var client = ClientFor(server);
        using var exchange = await client.OpenAsync();
        exchange.WriteHead("POST"u8, "/"u8, Fields(), framing, length);
        exchange.Output.Write("hello"u8[..length]);
        Assert.False(first.Task.IsCompleted);
        await exchange.EndRequestAsync(CancellationToken.None).AsTask().Within("request");
        Assert.Equal("POST / HTTP/1.1\r\nHost: app\r\n" + tail, Encoding.Latin1.GetString(await first.Task.Within("first segment")));
        Assert.Equal(204, (await exchange.AnswerAsync()).Status);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task LargeWrites_ArriveFramed(bool chunked)
    {
        var body = new byte[300_000];
        new Random(1).NextBytes(body);
        RawRequest? seen = null;
        await using var server = new RawServer(async peer =>
        {
            seen = await peer.ReadRequestAsync();
            await peer.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        });
        await using var client = ClientFor(server);
        using var exchange = await client.OpenAsync();
        exchange.WriteHead("POST"u8, "/"u8, Fields(), chunked ? Http1BodyFraming.Chunked : Http1BodyFraming.Length, chunked ? 0 : body.Length);
        await exchange.Output.WriteAsync(body.AsMemory(0, 100_000)).AsTask().Within("foreign memory");
        exchange.Output.Write(body.AsSpan(100_000, 100_000));
        await exchange.Output.FlushAsync().AsTask().Within("copied");
        await exchange.Output.WriteAsync(body.AsMemory(200_000, 10)).AsTask().Within("small");
        await exchange.Output.WriteAsync(body.AsMemory(200_010, 5_000)).AsTask().Within("more foreign memory");
        body.AsSpan(205_010).CopyTo(exchange.Output.GetSpan(body.Length - 205_010));
        exchange.Output.Advance(body.Length - 205_010);
        await exchange.EndRequestAsync(CancellationToken.None).AsTask().Within("request");
        Assert.Equal(200, (await exchange.AnswerAsync()).Status);
        var received = chunked ? Dechunk(seen!.Body) : seen!.Body;
        Assert.Equal(Encoding.Latin1.GetString(body), received);
    }

    [Theory]
    [InlineData("GE\rT", "/", "A: b")]
    [InlineData("GET", "/a\r\nX: y", "A: b")]
    [InlineData("GET", "/a b", "A: b")]
    [InlineData("", "/", "A: b")]
    [InlineData("GET", "/", "A\n: b")]
    [InlineData("GET", "/", "A: b\r\nC: d")]
    [InlineData("GET", "/", "A: b\0c")]
    [InlineData("GET", "/", "content-length: 5")]
    [InlineData("GET", "/", "Transfer-Encoding: chunked")]
    public async Task LineBreakInRequest_ThrowsAndSendsNothing(string method, string target, string field)
    {
        await using var server = RawServer.Answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        await using var client = ClientFor(server);
        using var exchange = await client.OpenAsync();
        Assert.Throws<ArgumentException>(() =>
            exchange.WriteHead(Encoding.Latin1.GetBytes(method), Encoding.Latin1.GetBytes(target), Fields(field), Http1BodyFraming.None, 0));
        exchange.WriteHead("GET"u8, "/good"u8, Fields(), Http1BodyFraming.None, 0);
        await exchange.EndRequestAsync(CancellationToken.None).AsTask().Within("request");
        Assert.Equal(200, (await exchange.AnswerAsync()).Status);
    }

    [Fact]
    public async Task FewerBytesThanAnnounced_EndThrows()
    {
        await using var server = RawServer.Answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        await using var client = ClientFor(server);
        using var exchange = await client.OpenAsync();
        exchange.WriteHead("POST"u8, "/"u8, Fields(), Http1BodyFraming.Length, 10);
        exchange.Output.Write("hello"u8);
        Assert.Throws<InvalidOperationException>(() => { _ = exchange.EndRequestAsync(CancellationToken.None); });
        Assert.Throws<InvalidOperationException>(() => exchange.Output.Write("123456"u8));
    }

    [Theory]
    [InlineData("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", 200, 10L)]
    [InlineData("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200, null)]
    [InlineData("HEAD", "HTTP/1.1 200 OK\r\n\r\n", 200, null)]
    [InlineData("GET", "HTTP/1.1 204 No Content\r\n\r\n", 204, 0L)]
    [InlineData("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, 0L)]
    [InlineData("GET", "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n", 205, 0L)]
    public async Task NoBody_CompleteAtOnceAndConnectionKept(string method, string response, int status, long? announced)
    {
        await using var server = RawServer.Answering(response);
        await using var client = ClientFor(server);
        for (var i = 0; i < 3; i++)
        {
            var answer = await client.CallAsync(method);
            Assert.Equal(status, answer.Status);
            Assert.Equal("", answer.Body);
            Assert.Equal(announced, answer.Length);
        }

        Assert.Equal(1, server.Accepted);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody", true)]
    [InlineData("HTTP/1.1 200\r\nContent-Length: 4\r\n\r\nbody", true)]
    [InlineData("HTTP/1.1 200 \r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nbody", true)]
    [InlineData("HTTP/1.1 200 OK\nContent-Length: 4\nX-A: 1\n\nbody", true)]
    [InlineData("HTTP/1.1 200 OK\r\nX-A: b\r\n  c\r\nContent-Length: 4\r\n\r\nbody", true)]
    [InlineData("HTTP/1.1 200 OK\r\nX Y: 1\r\nX-Z : 1\r\n: 1\r\nContent-Length: 4\r\n\r\nbody", true)]
    [InlineData("HTTP/2.0 200 OK\r\nContent-Length: 4\r\n\r\nbody", true)]
    [InlineData("HTTP/1.1 999 X\r\nContent-Length: 4\r\n\r\nbody", true)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: Chunked\r\n\r\n2;ext=1\r\nbo\r\n2\r\ndy\r\n0\r\nX-T: 1\r\n\r\n", true)]
    [InlineData("HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 199 Odd\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody", true)]
    [InlineData("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 4\r\n\r\nbody", true)]
    [InlineData("HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nbody", false)]
    [InlineData("HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 4\r\n\r\nbody", false)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbodyEXTRA", false)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbodyHTTP/1.1 500 E\r\n\r\n", false)]
    public async Task Answer_IsReadAndConnectionKeptOrNot(string response, bool kept)
    {
        await using var server = RawServer.Answering(response);
        await using var client = ClientFor(server);
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal("body", (await client.CallAsync()).Body);
        }

        Assert.Equal(kept ? 1 : 3, server.Accepted);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\n\r\nbody till close")]
    [InlineData("HTTP/1.0 200 OK\r\n\r\nbody till close")]
    [InlineData("HTTP/1.0 200 OK\r\nTransfer-Encoding: gzip\r\nConnection: keep-alive\r\n\r\nbody till close")]
    public async Task CloseDelimitedBody_EndsWithFin(string response)
    {
        await using var server = new RawServer(async peer =>
        {
            await peer.ReadRequestAsync();
            await peer.SendAsync(response);
            peer.CloseWithFin();
        });
        await using var client = ClientFor(server);
        var answer = await client.CallAsync();
        Assert.Equal("body till close", answer.Body);
        Assert.Null(answer.Length);
        Assert.Equal(0, client.IdleConnections);
    }

    [Fact]
    public async Task SwitchingProtocols_IsHandedOutAndNotKept()
    {
        await using var server = RawServer.Answering("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nraw");
        await using var client = ClientFor(server);
        Assert.Equal(101, (await client.CallAsync()).Status);
        Assert.Equal(0, client.IdleConnections);
        Assert.Equal(0, client.OpenConnections);
    }

    [Fact]
    public async Task FoldedField_BecomesOneValue()
    {
        await using var server = RawServer.Answering("HTTP/1.1 200 OK\r\nX-A: b \r\n \t c\r\n\td\r\nContent-Length: 0\r\n\r\n");
        await using var client = ClientFor(server);
        Assert.Equal(["X-A: b c d", "Content-Length: 0"], (await client.CallAsync()).Headers);
    }

    [Fact]
    public async Task ExpectContinue_BodyAfterThe100()
    {
        await using var server = new RawServer(async peer =>
        {
            var head = await peer.ReadHeadAsync();
            Assert.Contains("Expect: 100-continue", head);
            await peer.SendAsync("HTTP/1.1 100 Continue\r\n\r\n");
            Assert.Equal("hello", await peer.ReadExactlyAsync(5));
            await peer.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        });
        await using var client = ClientFor(server);
        using var exchange = await client.OpenAsync();
        exchange.WriteHead("POST"u8, "/"u8, Fields("Expect: 100-continue"), Http1BodyFraming.Length, 5);
        await exchange.FlushAsync(CancellationToken.None).AsTask().Within("head sent");
        var head = exchange.ReadHeadAsync(CancellationToken.None).AsTask();
        await exchange.ContinueReceived.Within("100");
        Assert.False(head.IsCompleted);
        exchange.Output.Write("hello"u8);
        await exchange.EndRequestAsync(CancellationToken.None).AsTask().Within("request");
        await head.Within("head");
        Assert.Equal("ok", await exchange.Input.TextAsync());
    }

    [Fact]
    public async Task Bidirectional_AnswerStreamsWhileTheRequestStreams()
    {
        await using var server = new RawServer(async peer =>
        {
            await peer.ReadHeadAsync();
            await peer.ReadUntilAsync("one\r\n");
            await peer.SendAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nONE\r\n");
            await peer.ReadUntilAsync("two\r\n");
            await peer.SendAsync("3\r\nTWO\r\n0\r\n\r\n");
            await peer.ReadUntilAsync("0\r\n\r\n");
            await peer.ReceiveAsync();
        });
        await using var client = ClientFor(server);
        using (var exchange = await client.OpenAsync())
        {
            exchange.WriteHead("POST"u8, "/"u8, Fields(), Http1BodyFraming.Chunked, 0);
            await exchange.Output.WriteAsync("one"u8.ToArray()).AsTask().Within("one");
            await exchange.ReadHeadAsync(CancellationToken.None).AsTask().Within("head");
            var result = await exchange.Input.ReadAsync().AsTask().Within("ONE");
            Assert.Equal("ONE", Encoding.ASCII.GetString(result.Buffer));
            exchange.Input.AdvanceTo(result.Buffer.End);
            await exchange.Output.WriteAsync("two"u8.ToArray()).AsTask().Within("two");
            Assert.Equal("TWO", await exchange.Input.TextAsync());
            await exchange.EndRequestAsync(CancellationToken.None).AsTask().Within("end");
        }

        Assert.Equal(1, client.IdleConnections);
    }

    [Fact]
    public async Task AnswerWhileUploading_ConnectionIsClosedWithFin()
    {
        var end = new TaskCompletionSource<int>();
        await using var server = new RawServer(async peer =>
        {
            await peer.ReadHeadAsync();
            await peer.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly");
            await peer.ReadExactlyAsync(5);
            end.SetResult((await peer.ReceiveAsync()).Length);
        });
        await using var client = ClientFor(server);
        using (var exchange = await client.OpenAsync())
        {
            exchange.WriteHead("POST"u8, "/"u8, Fields(), Http1BodyFraming.Length, 9);
            await exchange.Output.WriteAsync("first"u8.ToArray()).AsTask().Within("first");
            Assert.Equal("early", (await exchange.AnswerAsync()).Body);
        }

        Assert.Equal(0, await end.Task.Within("FIN at the app"));
        Assert.Equal(0, client.OpenConnections);
    }

    [Fact]
    public async Task AnswerAndCloseWhileUploading_UploadEndsAndTheAnswerIsRead()
    {
        await using var server = new RawServer(async peer =>
        {
            await peer.ReadHeadAsync();
            await peer.SendAsync("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 5\r\n\r\nearly");
            peer.CloseWithFin();
        });
        await using var client = ClientFor(server);
        using var exchange = await client.OpenAsync();
        exchange.WriteHead("POST"u8, "/"u8, Fields(), Http1BodyFraming.Length, long.MaxValue);
        var upload = Task.Run(async () =>
        {
            var block = new byte[100_000];
            while (!(await exchange.Output.WriteAsync(block)).IsCompleted)
            {
            }
        });
        var answer = await exchange.AnswerAsync();
        Assert.Equal(413, answer.Status);
        Assert.Equal("early", answer.Body);
        await upload.Within("upload stops");
    }

    [Fact]
    public async Task DisposedWhileTheAppStreams_AppSeesFin()
    {
        var end = new TaskCompletionSource<int>();
        await using var server = new RawServer(async peer =>
        {
            await peer.ReadRequestAsync();
            await peer.SendAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
            end.SetResult((await peer.ReceiveAsync()).Length);
        });
        await using var client = ClientFor(server);
        var exchange = await client.StartAsync();
        await exchange.ReadHeadAsync(CancellationToken.None).AsTask().Within("head");
        var pending = exchange.Input.ReadAsync();
        var result = await pending.AsTask().Within("first");
        exchange.Input.AdvanceTo(result.Buffer.End);
        var reading = exchange.Input.ReadAsync().AsTask();
        exchange.Dispose();
        Assert.Equal(0, await end.Task.Within("FIN at the app"));
        await Assert.ThrowsAsync<IOException>(() => reading.Within("pending read"));
    }

    [Fact]
    public async Task HeadCanceled_ThrowsCanceledAndDisposeCloses()
    {
        var end = new TaskCompletionSource<int>();
        await using var server = new RawServer(async peer =>
        {
            await peer.ReadRequestAsync();
            await peer.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            await peer.ReadRequestAsync();
            end.SetResult((await peer.ReceiveAsync()).Length);
        });
        await using var client = ClientFor(server);
        await client.CallAsync();
        using (var exchange = await client.StartAsync())
        {
            Assert.True(exchange.Reused);
            using var cancel = new CancellationTokenSource();
            var head = exchange.ReadHeadAsync(cancel.Token).AsTask();
            await cancel.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => head.Within("cancel"));
        }

        Assert.Equal(0, await end.Task.Within("FIN at the app"));
    }

    private static string Dechunk(string body)
    {
        var text = new StringBuilder();
        for (var at = 0; ;)
        {
            var end = body.IndexOf("\r\n", at, StringComparison.Ordinal);
            var length = Convert.ToInt32(body[at..end], 16);
            if (length == 0)
            {
                return text.ToString();
            }

            text.Append(body, end + 2, length);
            Assert.Equal("\r\n", body.Substring(end + 2 + length, 2));
            at = end + 4 + length;
        }
    }
}
