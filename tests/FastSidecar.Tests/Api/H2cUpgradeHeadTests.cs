using System.Buffers;
using System.Text;
using FastSidecar.Api.Http;
using Xunit;

namespace FastSidecar.Tests.Api;

/// <summary>Which first requests become HTTP/2, and as what. All others are left to HTTP/1.1.</summary>
public sealed class H2cUpgradeHeadTests
{
    private const string Asks = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n";

    [Fact]
    public void RequestThatAsks_BecomesAnHttp2Head()
    {
        var request = $"POST /a?b=%20 HTTP/1.1\r\nHOST: x:1\r\n{Asks}X-Own:  a b \r\nTE: gzip\r\nKeep-Alive: 5\r\nContent-Length: 3\r\n\r\n";
        var head = Find(request + "abcPRI");

        Assert.NotNull(head);
        Assert.Equal(request.Length, head.Bytes);
        Assert.Equal(3, head.BodyBytes);
        Assert.Equal([":method=POST", ":scheme=http", ":path=/a?b=%20", "host=x:1", "x-own=a b", "content-length=3"], Fields(head));
        Assert.True(head.TryDecodeSettings(out var settings));
        Assert.Equal(new byte[] { 0, 3, 0, 0, 0, 100 }, settings);
    }

    [Fact]
    public void HeadInPieces_IsTheSame()
    {
        var request = Encoding.ASCII.GetBytes($"GET / HTTP/1.1\r\nHost: x\r\n{Asks}\r\n");
        for (var cut = 1; cut < request.Length; cut++)
        {
            var first = new Piece(request.AsMemory(0, cut));
            var head = H2cUpgradeHead.Find(new ReadOnlySequence<byte>(first, 0, first.Append(request.AsMemory(cut)), request.Length - cut));
            Assert.Equal(request.Length, head?.Bytes);
        }
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\n\r\n")]
    [InlineData("GET / HTTP/1.0\r\nHost: x\r\n" + Asks + "\r\n")]
    [InlineData("GET http://x/ HTTP/1.1\r\nHost: x\r\n" + Asks + "\r\n")]
    [InlineData("GET  / HTTP/1.1\r\nHost: x\r\n" + Asks + "\r\n")]
    [InlineData("GET HTTP/1.1\r\nHost: x\r\n" + Asks + "\r\n")]
    [InlineData("CONNECT x:1 HTTP/1.1\r\nHost: x\r\n" + Asks + "\r\n")]
    [InlineData("GET / HTTP/1.1\r\n" + Asks + "\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n" + Asks + "\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\n folded\r\n" + Asks + "\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost : x\r\n" + Asks + "\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\n: y\r\n" + Asks + "\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n" + Asks + "\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n" + Asks + "\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n" + Asks + "\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n" + Asks + "\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + Asks + "\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nX-Own: a\r\nConnection: X-Own\r\n" + Asks + "\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nX-Own: a\r\n" + Asks + "Connection: keep-alive , x-own\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nTE: trailers\r\nConnection: TE\r\n" + Asks + "\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2\r\nHTTP2-Settings: AAMAAABk\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\n" + Asks)]
    public void AnythingElse_StaysHttp1(string received) => Assert.Null(Find(received));

    [Theory]
    [InlineData("Connection: keep-alive\r\n" + Asks)]
    [InlineData("Connection: UPGRADE,, http2-settings ,Keep-Alive\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n")]
    public void ConnectionNamesOnlyWhatIsDroppedAnyway_BecomesAnHttp2Head(string fields)
    {
        var head = Find($"GET / HTTP/1.1\r\nHost: x\r\n{fields}\r\n");

        Assert.NotNull(head);
        Assert.Equal([":method=GET", ":scheme=http", ":path=/", "host=x"], Fields(head));
    }

    [Fact]
    public void LongHead_StaysHttp1()
    {
        var padding = new string('x', H2cUpgradeHead.MaxBytes - 1);
        Assert.Null(Find($"GET / HTTP/1.1\r\nHost: x\r\n{Asks}X: {padding}\r\n\r\n"));
    }

    [Theory]
    [InlineData("!!!")]
    [InlineData("AAMAAABk====")]
    [InlineData("AAMAAAB+")]
    [InlineData("A")]
    [InlineData("AAMAAABk\r\nHTTP2-Settings: AAMAAABk")]
    public void SettingsThatAreNone_AreToldApart(string settings)
    {
        var head = Find($"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: {settings}\r\n\r\n");

        Assert.NotNull(head);
        Assert.False(head.TryDecodeSettings(out _));
    }

    private static H2cUpgradeHead? Find(string received) => H2cUpgradeHead.Find(new ReadOnlySequence<byte>(Encoding.Latin1.GetBytes(received)));

    private static IEnumerable<string> Fields(H2cUpgradeHead head)
    {
        for (var i = 0; i < head.Fields.Count; i++)
        {
            yield return $"{Encoding.Latin1.GetString(head.Fields.Name(i))}={Encoding.Latin1.GetString(head.Fields.Value(i))}";
        }
    }

    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(ReadOnlyMemory<byte> memory) => Memory = memory;

        public Piece Append(ReadOnlyMemory<byte> memory)
        {
            var next = new Piece(memory) { RunningIndex = RunningIndex + Memory.Length };
            Next = next;
            return next;
        }
    }
}
