using System.Buffers;
using System.Text;
using FastSidecar.Transport.Http1;
using Xunit;

namespace FastSidecar.Transport.Tests.Http1;

/// <summary>Plain lines, which are taken in two searches, against the same lines with a bare LF, which are read one by one.</summary>
public sealed class ResponseHeadTests
{
    private static readonly string[] Names = ["A", "Date", "Content-Type", "X-Longer-Than-A-Vector-Of-Thirty-Two", "a b", "a\t", "", " a", "a(", "\u00e4"];

    private static readonly string[] Values =
        ["", " b", "b", "\tb\t ", "  b c  ", "a:b", "\u00e4", "a\tb", "a\u007fb", "a\u0001b", "0123456789abcdefghijklmnopqrst\u001f"];

    [Theory]
    [InlineData("Connection: a\r\nconnection: b\r\nContent-Length: 1\r\n", 0, 2, -1)]
    [InlineData("X: a\r\nTRANSFER-ENCODING: a\r\nContent-Typ: 1\r\ncONTENT-lENGTH: 2\r\nCONNECTION: x\r\n", 4, 3, 1)]
    [InlineData("Connectio: a\r\nConnectiom: a\r\nContent-Lengti: 1\r\n", -1, -1, -1)]
    [InlineData("X: a\nContent-Length: 1\nConnection:\n", 2, 1, -1)]
    public void FramingFields_AreFoundWhileReading(string fields, int connection, int contentLength, int transferEncoding)
    {
        var head = new ResponseHead(1000);
        head.Reset();
        var buffer = new ReadOnlySequence<byte>(Encoding.Latin1.GetBytes($"HTTP/1.1 200 OK\r\n{fields}\r\n"));
        Assert.True(head.TryRead(ref buffer, ended: false));
        Assert.Equal((connection, contentLength, transferEncoding), (head.Framing.Connection, head.Framing.ContentLength, head.Framing.TransferEncoding));
        head.Next();
        Assert.Equal((-1, -1, -1), (head.Framing.Connection, head.Framing.ContentLength, head.Framing.TransferEncoding));
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK", 200, 11)]
    [InlineData("HTTP/1.1 999 ", 999, 11)]
    [InlineData("HTTP/1.1 404", 404, 11)]
    [InlineData("HTTP/1.1  200 OK", 200, 11)]
    [InlineData("HTTP/1.0 200 OK", 200, 10)]
    [InlineData("HTTP/1.1 200 O\tK", 200, 11)]
    [InlineData("HTTP/1.1 200 \u00e4", 200, 11)]
    [InlineData("HTTP/1.1 2000 OK", 0, 0)]
    [InlineData("HTTP/1.1 099 OK", 0, 0)]
    [InlineData("HTTP/1.1 20x OK", 0, 0)]
    [InlineData("HTTP/1.1 200 O\0K", 0, 0)]
    [InlineData("HTTP/1.1 200 O\rK", 0, 0)]
    [InlineData("HTTP/1.1-200 OK", 0, 0)]
    public void StatusLine_IsReadOrRefused(string line, int status, int version)
    {
        var text = Read($"{line}\r\n\r\n", "");
        Assert.StartsWith(status == 0 ? "net/http: HTTP/1.x transport connection broken: malformed HTTP " : $"{status} {version} True", text);
    }

    [Fact]
    public void RandomFields_AreReadAsLineByLine()
    {
        var random = new Random(1);
        var refused = 0;
        for (var i = 0; i < 50_000; i++)
        {
            var lines = new List<string>();
            for (var left = random.Next(1, 5); left > 0; left--)
            {
                var isOdd = random.Next(6) == 0;
                var fold = random.Next(10) == 0 ? "~\n fold" : "";
                lines.Add($"{Names[random.Next(isOdd ? Names.Length : 4)]}:{Values[random.Next(isOdd ? Values.Length : 7)]}{fold}");
            }

            var rest = new string('z', random.Next(40));
            var expected = Read("HTTP/1.1 200 OK\n" + string.Join('\n', lines) + "\n\n", rest);
            refused += expected.StartsWith("200", StringComparison.Ordinal) ? 0 : 1;
            var plain = string.Join("\r\n", lines).Replace("~\n", "~\r\n", StringComparison.Ordinal);
            Assert.Equal(expected, Read("HTTP/1.1 200 OK\r\n" + plain + "\r\n\r\n", rest));
        }

        Assert.InRange(refused, 2_000, 40_000);
    }

    /// <summary>What was read of the head, or why it was refused; what follows must be left.</summary>
    private static string Read(string text, string rest)
    {
        var head = new ResponseHead(10_000);
        head.Reset();
        var buffer = new ReadOnlySequence<byte>(Encoding.Latin1.GetBytes(text + rest));
        try
        {
            var done = head.TryRead(ref buffer, ended: false);
            Assert.Equal(rest, Encoding.Latin1.GetString(buffer.ToArray()));
            var fields = Enumerable.Range(0, head.Headers.Count).Select(i => $"[{Text(head.Headers.Name(i))}={Text(head.Headers.Value(i))}]");
            return $"{head.Status} {head.Version} {done} {string.Concat(fields)}";
        }
        catch (Http1ResponseException e)
        {
            return e.Message;
        }
    }

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes);
}
