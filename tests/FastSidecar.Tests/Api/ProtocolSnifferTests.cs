using System.IO.Pipelines;
using System.Text;
using FastSidecar.Api.Http;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Tests.Api;

/// <summary>The first bytes of a connection may come in any pieces; they decide, and are there unread for whoever reads next.</summary>
public sealed class ProtocolSnifferTests
{
    private const string Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    [Theory]
    [InlineData(Preface + "frames", true)]
    [InlineData("POST /x HTTP/1.1\r\n\r\n", false)]
    [InlineData("PRI /x HTTP/1.1\r\n\r\n", false)]
    [InlineData("GET / HTTP/1.1\r\n\r\n", false)]
    public async Task FirstBytesInTwoPieces_DecideAndStayUnread(string sent, bool isHttp2)
    {
        for (var cut = 1; cut < sent.Length; cut++)
        {
            var pipe = new Pipe();
            await pipe.Writer.WriteAsync(Encoding.ASCII.GetBytes(sent[..cut]));
            var sniffed = ProtocolSniffer.ReadOpeningAsync(pipe.Reader, upgrades: true).AsTask();
            await pipe.Writer.WriteAsync(Encoding.ASCII.GetBytes(sent[cut..]));
            Assert.Equal(isHttp2, (await sniffed.Within($"sniffing, cut at {cut}")).IsHttp2);
            Assert.Equal(sent, await UnreadAsync(pipe));
        }
    }

    [Theory]
    [InlineData(Preface, true)]
    [InlineData("PRI * HTTP/1.1\r\n\r\n", false)]
    public async Task FirstBytesOneByOne_DecideAndStayUnread(string sent, bool isHttp2)
    {
        var pipe = new Pipe();
        var sniffed = ProtocolSniffer.ReadOpeningAsync(pipe.Reader, upgrades: true).AsTask();
        foreach (var b in Encoding.ASCII.GetBytes(sent))
        {
            await pipe.Writer.WriteAsync(new[] { b });
        }

        Assert.Equal(isHttp2, (await sniffed.Within("sniffing")).IsHttp2);
        Assert.Equal(sent, await UnreadAsync(pipe));
    }

    [Fact]
    public async Task ConnectionThatEndsInsideThePreface_IsHttp1()
    {
        var pipe = new Pipe();
        await pipe.Writer.WriteAsync("PRI"u8.ToArray());
        var sniffed = ProtocolSniffer.ReadOpeningAsync(pipe.Reader, upgrades: true).AsTask();
        await pipe.Writer.CompleteAsync();
        Assert.False((await sniffed.Within("sniffing")).IsHttp2);
        Assert.Equal("PRI", await UnreadAsync(pipe));
    }

    /// <summary>A server that stops waits for no body.</summary>
    [Fact]
    public async Task ReadIsCanceled_RequestThatAsksForHttp2StaysUnread()
    {
        const string Asks = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n";
        const string Asking = $"POST / HTTP/1.1\r\nHost: x\r\n{Asks}Content-Length: 5\r\n\r\n";
        var pipe = new Pipe();
        await pipe.Writer.WriteAsync(Encoding.ASCII.GetBytes(Asking));
        pipe.Reader.CancelPendingRead();

        var opening = await ProtocolSniffer.ReadOpeningAsync(pipe.Reader, upgrades: true).AsTask().Within("sniffing");

        Assert.Null(opening.Upgrade);
        Assert.False(opening.IsHttp2);
        Assert.Equal(Asking, await UnreadAsync(pipe));
    }

    private static async Task<string> UnreadAsync(Pipe pipe)
    {
        var read = await pipe.Reader.ReadAsync().AsTask().Within("what was looked at");
        return Encoding.ASCII.GetString(read.Buffer.FirstSpan);
    }
}
