using System.Text;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Http1;
using Xunit;
using static FastSidecar.Transport.Tests.Http1.Http1Calls;

namespace FastSidecar.Transport.Tests.Http1;

/// <summary>What comes out when an answer is broken. The texts are those in daprd's answers (fixtures http/app-failures, statuses, limits).</summary>
public sealed class ResponseFaultTests
{
    private const string Broken = "net/http: HTTP/1.x transport connection broken: ";

    [Theory]
    [InlineData("", Http1ResponseFault.ClosedBeforeResponse, "EOF")]
    [InlineData("HTTP/1.1 200 OK\r\n", Http1ResponseFault.ClosedInHead, Broken + "unexpected EOF")]
    [InlineData("HTTP/1.1 200 OK\r\nX-A: 1\r\nX-B", Http1ResponseFault.ClosedInHead, Broken + "malformed MIME header: missing colon: \"X-B\"")]
    [InlineData("HTTP/1.1 200 OK\r\nX-A: 1\r\nX-B: 2", Http1ResponseFault.ClosedInHead, Broken + "unexpected EOF")]
    [InlineData("HTTP/1.1 200 OK\r\nX-A: 1\r\n\r", Http1ResponseFault.ClosedInHead, Broken + "unexpected EOF")]
    [InlineData("HTTP/1.1 20", Http1ResponseFault.ClosedInHead, Broken + "malformed HTTP status code \"20\"")]
    [InlineData("hi", Http1ResponseFault.ClosedInHead, Broken + "malformed HTTP response \"hi\"")]
    [InlineData("\u0015\u0003\u0001\u0000\u0002\u0002\n", Http1ResponseFault.Malformed, Broken + @"malformed HTTP response ""\x15\x03\x01\x00\x02\x02""")]
    [InlineData("HELLO\r\n", Http1ResponseFault.Malformed, Broken + "malformed HTTP response \"HELLO\"")]
    public async Task ClosedInHead_SaysWhere(string response, Http1ResponseFault fault, string message) =>
        await AssertHeadFaultAsync(response, close: true, fault, message);

    [Theory]
    [InlineData("HELLO\r\n", "malformed HTTP response \"HELLO\"")]
    [InlineData("<html>hi</html>\r\n\r\n", "malformed HTTP response \"<html>hi</html>\"")]
    [InlineData("\r\nHTTP/1.1 200 OK\r\n\r\n", "malformed HTTP response \"\"")]
    [InlineData("HTTP/1.1 20 X\r\n\r\n", "malformed HTTP status code \"20\"")]
    [InlineData("HTTP/1.1 2000 X\r\n\r\n", "malformed HTTP status code \"2000\"")]
    [InlineData("HTTP/1.1 -20 X\r\n\r\n", "malformed HTTP status code \"-20\"")]
    [InlineData("HTTP/1.1 abc X\r\n\r\n", "malformed HTTP status code \"abc\"")]
    [InlineData("HTTP/1.1 099 X\r\n\r\n", "malformed HTTP status code \"099\"")]
    [InlineData("HTTP/1.1  \r\n\r\n", "malformed HTTP status code \"\"")]
    [InlineData("http/1.1 200 OK\r\n\r\n", "malformed HTTP version \"http/1.1\"")]
    [InlineData("HTTP/1.10 200 OK\r\n\r\n", "malformed HTTP version \"HTTP/1.10\"")]
    [InlineData("HTTP/1 200 OK\r\n\r\n", "malformed HTTP version \"HTTP/1\"")]
    [InlineData("HTTP/1.1 200 O\0K\r\n\r\n", "malformed HTTP response \"HTTP/1.1 200 O\\x00K\"")]
    [InlineData("HTTP/1.1 200 O\rK\r\n\r\n", "malformed HTTP response \"HTTP/1.1 200 O\\rK\"")]
    [InlineData("HTTP/1.1 200 OK\r\nNoColon\r\nContent-Length: 0\r\n\r\n", "malformed MIME header: missing colon: \"NoColon\"")]
    [InlineData("HTTP/1.1 200 OK\r\n X: y\r\n\r\n", "malformed MIME header initial line:  X: y")]
    [InlineData("HTTP/1.1 200 OK\r\nX\u0001Y: y\r\n\r\n", "malformed MIME header line: X\u0001Y: y")]
    [InlineData("HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n", "malformed MIME header line: X: a\0b")]
    [InlineData("HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n", "malformed MIME header line: X: a\rb")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok", "bad Content-Length \"-1\"")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nok", "bad Content-Length \"+1\"")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: xx\r\n\r\nok", "bad Content-Length \"xx\"")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\nok", "bad Content-Length \"9223372036854775808\"")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nok", "invalid empty Content-Length \"\"")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", "http: message cannot contain multiple Content-Length headers; got [\"2\" \"3\"]")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx", "unsupported transfer encoding: \"gzip\"")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\nx", "unsupported transfer encoding: \"gzip, chunked\"")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\nx", "too many transfer encodings: [\"chunked\" \"chunked\"]")]
    [InlineData("HTTP/1.1 100 Continue\r\nContent-Length: x\r\n\r\n", "bad Content-Length \"x\"")]
    public async Task MalformedHead_FailsAtOnceWhileTheConnectionStaysOpen(string response, string message) =>
        await AssertHeadFaultAsync(response, close: false, Http1ResponseFault.Malformed, Broken + message);

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nX-Big: ", "\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("HTTP/1.1 103 Early Hints\r\nLink: ", "\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")]
    public async Task HeadAtTheLimit_PassesAndOneMoreByteDoesNot(string start, string end)
    {
        var fits = start + new string('v', 4096 - start.Length - end.Length) + end;
        await using (var server = RawServer.Answering(fits + "HTTP/1.1 "))
        {
            await using var client = ClientFor(server);
            Assert.Equal(200, (await client.CallAsync()).Status);
        }

        await AssertHeadFaultAsync(
            start + new string('v', 4097 - start.Length - end.Length) + end,
            close: false,
            Http1ResponseFault.HeadTooLarge,
            Broken + "net/http: server response headers exceeded 4096 bytes; aborted");
    }

    [Fact]
    public async Task EndlessLine_FailsAtTheLimit() => await AssertHeadFaultAsync(
        new string('x', 5000), close: false, Http1ResponseFault.HeadTooLarge, Broken + "net/http: server response headers exceeded 4096 bytes; aborted");

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ResetInsteadOfAnAnswer_IsAReset(bool inHead)
    {
        await using var server = new RawServer(async peer =>
        {
            await peer.ReadHeadAsync();
            if (inHead)
            {
                await peer.SendAsync("HTTP/1.1 200 OK\r\n");
                await peer.ReceiveAsync();
            }

            peer.Reset();
        });
        await using var client = ClientFor(server);
        using var exchange = await client.OpenAsync();
        exchange.WriteHead("POST"u8, "/"u8, Fields(), inHead ? Http1BodyFraming.Length : Http1BodyFraming.None, inHead ? 5 : 0);
        await exchange.FlushAsync(CancellationToken.None).AsTask().Within("head");
        var head = exchange.ReadHeadAsync(CancellationToken.None).AsTask();
        if (inHead)
        {
            await exchange.Output.WriteAsync("hello"u8.ToArray()).AsTask().Within("body");
        }

        var failure = await Assert.ThrowsAsync<Http1ResponseException>(() => head.Within("head"));
        Assert.Equal(Http1ResponseFault.Reset, failure.Fault);
        Assert.Equal($"{(inHead ? Broken : "")}read tcp {exchange.LocalEndPoint}->{server.EndPoint}: read: connection reset by peer", failure.Message);
    }

    [Theory]
    [InlineData("Content-Length: 10\r\n\r\nhalf", "half", Http1ResponseFault.ClosedInBody, "unexpected EOF")]
    [InlineData("Content-Length: 10\r\n\r\n", "", Http1ResponseFault.ClosedInBody, "unexpected EOF")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n", "", Http1ResponseFault.ClosedInChunks, "unexpected EOF")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\na\r\nhalf", "half", Http1ResponseFault.ClosedInChunks, "unexpected EOF")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "half", Http1ResponseFault.ClosedInChunks, "unexpected EOF")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n", "half", Http1ResponseFault.ClosedInChunks, "unexpected EOF")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n", "half", Http1ResponseFault.MalformedChunk, "invalid byte in chunk length")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n4\r\nhalfway\r\n", "half", Http1ResponseFault.MalformedChunk, "malformed chunked encoding")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n\r\n", "", Http1ResponseFault.MalformedChunk, "empty hex number for chunk length")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n4\nhalf\r\n", "", Http1ResponseFault.MalformedChunk, "chunked line ends with bare LF")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n4;\r;\r\nhalf\r\n", "", Http1ResponseFault.MalformedChunk, "invalid CR in chunked line")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n11111111111111111\r\n", "", Http1ResponseFault.MalformedChunk, "http chunk length too large")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n0\r\nNoColon\r\n\r\n", "", Http1ResponseFault.MalformedChunk, "malformed MIME header: missing colon: \"NoColon\"")]
    public async Task BrokenBody_BytesThenFault(string response, string before, Http1ResponseFault fault, string message)
    {
        await using var server = new RawServer(async peer =>
        {
            await peer.ReadRequestAsync();
            await peer.SendAsync("HTTP/1.1 200 OK\r\n" + response);
            peer.CloseWithFin();
        });
        await using var client = ClientFor(server);
        using (var exchange = await client.StartAsync())
        {
            await exchange.ReadHeadAsync(CancellationToken.None).AsTask().Within("head");
            var (text, failure) = await ReadFaultAsync(exchange);
            Assert.Equal(before, text);
            Assert.Equal(fault, failure.Fault);
            Assert.Equal(message, failure.Message);
        }

        Assert.Equal(0, client.OpenConnections);
    }

    [Theory]
    [InlineData("Content-Length: 10\r\n\r\nhalf")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")]
    [InlineData("\r\nhalf")]
    public async Task ResetInBody_BytesThenReset(string response)
    {
        var go = new TaskCompletionSource();
        await using var server = new RawServer(async peer =>
        {
            await peer.ReadRequestAsync();
            await peer.SendAsync("HTTP/1.1 200 OK\r\n" + response);
            await go.Task;
            peer.Reset();
        });
        await using var client = ClientFor(server);
        using var exchange = await client.StartAsync();
        await exchange.ReadHeadAsync(CancellationToken.None).AsTask().Within("head");
        var first = await exchange.Input.ReadAsync().AsTask().Within("half");
        Assert.Equal("half", Encoding.ASCII.GetString(first.Buffer));
        exchange.Input.AdvanceTo(first.Buffer.Start, first.Buffer.End);
        go.SetResult();
        var failure = await Assert.ThrowsAsync<Http1ResponseException>(() => exchange.Input.ReadAsync().AsTask().Within("reset"));
        Assert.Equal(Http1ResponseFault.Reset, failure.Fault);
        Assert.Equal($"read tcp {exchange.LocalEndPoint}->{server.EndPoint}: read: connection reset by peer", failure.Message);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nX-A: 1\r\nX-Fold: a\r\n b\r\nContent-Length: 4\r\n\r\nbody", Http1ResponseFault.ClosedInBody)]
    [InlineData("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;e=\"1\"\r\nbo\r\n2\r\ndy\r\n0\r\nX-T: 1\r\n\r\n", Http1ResponseFault.ClosedInChunks)]
    public async Task EveryTruncation_IsAFaultAndTheWholeIsNot(string response, Http1ResponseFault bodyFault)
    {
        var final = response.LastIndexOf("HTTP/1.1 200", StringComparison.Ordinal);
        var headEnd = response.IndexOf("\r\n\r\n", final, StringComparison.Ordinal) + 4;
        for (var length = 0; length <= response.Length; length++)
        {
            var cut = response[..length];
            await using var server = new RawServer(async peer =>
            {
                await peer.ReadRequestAsync();
                await peer.SendAsync(cut);
                peer.CloseWithFin();
            });
            await using var client = ClientFor(server);
            using var exchange = await client.StartAsync();
            if (length == response.Length)
            {
                Assert.Equal("body", (await exchange.AnswerAsync()).Body);
                continue;
            }

            if (length < headEnd)
            {
                var failure = await Assert.ThrowsAsync<Http1ResponseException>(() => exchange.ReadHeadAsync(CancellationToken.None).AsTask().Within("head"));
                Assert.Equal(length == 0 ? Http1ResponseFault.ClosedBeforeResponse : Http1ResponseFault.ClosedInHead, failure.Fault);
                continue;
            }

            await exchange.ReadHeadAsync(CancellationToken.None).AsTask().Within("head");
            var (text, fault) = await ReadFaultAsync(exchange);
            Assert.StartsWith(text, "body");
            Assert.Equal(bodyFault, fault.Fault);
        }
    }

    [Theory]
    [InlineData("HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nX-A: 1\r\nX-Fold: a\r\n b\r\nContent-Length: 4\r\n\r\nbody")]
    [InlineData("HTTP/1.1 200 OK\nX-A: 1\nX-Fold: a\n b\nTransfer-Encoding: chunked\n\n2;e=\"1\"\r\nbo\r\n2\r\ndy\r\n0\r\nX-T: 1\r\n\r\n")]
    public async Task OneByteAtATime_IsTheSameAnswer(string response)
    {
        await using var server = new RawServer(async peer =>
        {
            while (await peer.ReadRequestAsync() is not null)
            {
                foreach (var c in response)
                {
                    await peer.SendAsync(c.ToString());
                    await Task.Yield();
                }
            }
        });
        await using var client = ClientFor(server);
        for (var i = 0; i < 3; i++)
        {
            var answer = await client.CallAsync();
            Assert.Equal("body", answer.Body);
            Assert.Equal(["X-A: 1", "X-Fold: a b"], answer.Headers[..2]);
        }

        Assert.Equal(1, server.Accepted);
    }

    private static async Task<(string Text, Http1ResponseException Fault)> ReadFaultAsync(Http1Exchange exchange)
    {
        var text = "";
        while (true)
        {
            try
            {
                var result = await exchange.Input.ReadAsync().AsTask().Within("body");
                Assert.False(result.IsCompleted);
                text += Encoding.ASCII.GetString(result.Buffer);
                exchange.Input.AdvanceTo(result.Buffer.End);
            }
            catch (Http1ResponseException e)
            {
                return (text, e);
            }
        }
    }

    private static async Task AssertHeadFaultAsync(string response, bool close, Http1ResponseFault fault, string message)
    {
        await using var server = new RawServer(async peer =>
        {
            await peer.ReadRequestAsync();
            await peer.SendAsync(response);
            if (close)
            {
                peer.CloseWithFin();
            }
        });
        await using var client = ClientFor(server);
        using (var exchange = await client.StartAsync())
        {
            var failure = await Assert.ThrowsAsync<Http1ResponseException>(() => exchange.ReadHeadAsync(CancellationToken.None).AsTask().Within("head"));
            Assert.Equal(message, failure.Message);
            Assert.Equal(fault, failure.Fault);
        }

        Assert.Equal(0, client.OpenConnections);
    }
}
