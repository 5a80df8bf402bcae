using System.Buffers;
using System.Globalization;
using System.Text;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Http1;
using Xunit;

namespace FastSidecar.Transport.Tests.Http1;

/// <summary>Heads looked at as a whole against the rule for each part: what is written, and what is refused with which words.</summary>
public sealed class RequestHeadTests
{
    private static readonly string[] Names =
        ["A", "Host", "Fifteen-Bytes-x", "Sixteen-Bytes-xx", "Seventeen-Bytes-x", "X-Longer-Than-A-Vector-Of-Thirty-Two", "content-type"];

    private static readonly string[] Values = ["", "b", "a\tb", "\t", "a: b", "text/plain", "12345678", "0123456789abcdef", "0123456789abcdefg"];

    private static readonly string[] Faults = ["\r", "\n", "\0", ":", "\r\nX: y", "\t", " ", "\u00ff", "\u000e"];

    [Theory]
    [InlineData("GET", "/", "", "b", "a header name may not be \"\"")]
    [InlineData("GET", "/", "A:", "b", "a header name may not be \"A:\"")]
    [InlineData("GET", "/", ":a", "b", "a header name may not be \":a\"")]
    [InlineData("GET", "/", "Sixteen-Bytes:xx", "b", "a header name may not be \"Sixteen-Bytes:xx\"")]
    [InlineData("GET", "/", "A\n", "b", "a header name may not be \"A\\n\"")]
    [InlineData("GET", "/", "A", "b\r\nC: d", "the value of header \"A\" holds a line break or NUL")]
    [InlineData("GET", "/", "A", "b\0", "the value of header \"A\" holds a line break or NUL")]
    [InlineData("GET", "/", "transfer-encoding", "x", "header \"transfer-encoding\" follows from the framing")]
    [InlineData("GET", "/", "CONTENT-LENGTH", "1", "header \"CONTENT-LENGTH\" follows from the framing")]
    [InlineData("", "/", "A", "b", "the request's method may not be \"\"")]
    [InlineData("G T", "/", "A", "b", "the request's method may not be \"G T\"")]
    [InlineData("GET", "", "A", "b", "the request's target may not be \"\"")]
    [InlineData("GET", "/a b", "A", "b", "the request's target may not be \"/a b\"")]
    [InlineData("GET", "/\r\n\r\n", "A\n", "b", "the request's target may not be \"/\\r\\n\\r\\n\"")]
    public void PartThatEndsALine_IsNamedAndNothingIsWritten(string method, string target, string name, string value, string message)
    {
        var output = new ArrayBufferWriter<byte>();
        var headers = List([("X-Good", "1"), (name, value)]);
        var e = Assert.Throws<ArgumentException>(() => RequestHead.Write(output, Bytes(method), Bytes(target), headers, Http1BodyFraming.None, 0));
        Assert.StartsWith(message, e.Message);
        Assert.Equal(0, output.WrittenCount);
    }

    [Fact]
    public void RandomHeads_AreWrittenOrRefusedAsPartByPart()
    {
        var random = new Random(1);
        var refused = 0;
        for (var i = 0; i < 50_000; i++)
        {
            var method = Spoilt("POST", random);
            var target = Spoilt("/" + new string('x', random.Next(40)), random);
            var fields = new List<(string Name, string Value)>();
            for (var left = random.Next(6); left > 0; left--)
            {
                fields.Add((Spoilt(Pick(Names, random), random), Spoilt(Pick(Values, random) + new string('y', random.Next(20)), random)));
            }

            var framing = (Http1BodyFraming)random.Next(3);
            var length = random.NextInt64(0, 1L << random.Next(1, 62));
            var expected = Expected(method, target, fields, framing, length);
            refused += expected is null ? 1 : 0;
            Assert.Equal(expected, Written(method, target, fields, framing, length));
        }

        Assert.InRange(refused, 5_000, 45_000);
    }

    private static string? Written(string method, string target, List<(string Name, string Value)> fields, Http1BodyFraming framing, long length)
    {
        var output = new ArrayBufferWriter<byte>();
        try
        {
            RequestHead.Write(output, Bytes(method), Bytes(target), List(fields), framing, length);
        }
        catch (ArgumentException)
        {
            Assert.Equal(0, output.WrittenCount);
            return null;
        }

        return Encoding.Latin1.GetString(output.WrittenSpan);
    }

    /// <summary>Null where it must be refused.</summary>
    private static string? Expected(string method, string target, List<(string Name, string Value)> fields, Http1BodyFraming framing, long length)
    {
        char[] breakers = ['\0', '\r', '\n'];
        if (!IsToken(method) || !IsToken(target) ||
            fields.Any(f => f.Name.Length == 0 || f.Name.Contains(':') || f.Name.IndexOfAny(breakers) >= 0 || f.Value.IndexOfAny(breakers) >= 0))
        {
            return null;
        }

        var head = new StringBuilder($"{method} {target} HTTP/1.1\r\n");
        fields.ForEach(f => head.Append(f.Name).Append(": ").Append(f.Value).Append("\r\n"));
        return head.Append(framing switch
        {
            Http1BodyFraming.Chunked => "Transfer-Encoding: chunked\r\n",
            Http1BodyFraming.Length => string.Create(CultureInfo.InvariantCulture, $"Content-Length: {length}\r\n"),
            _ => "",
        }).Append("\r\n").ToString();

        bool IsToken(string text) => text.Length > 0 && text.IndexOfAny([' ', .. breakers]) < 0;
    }

    private static string Spoilt(string text, Random random)
    {
        if (random.Next(25) != 0)
        {
            return text;
        }

        var at = random.Next(text.Length + 1);
        return text[..at] + Pick(Faults, random) + text[at..];
    }

    private static string Pick(string[] texts, Random random) => texts[random.Next(texts.Length)];

    private static HeaderList List(IEnumerable<(string Name, string Value)> fields)
    {
        var list = new HeaderList();
        foreach (var (name, value) in fields)
        {
            list.Add(Bytes(name), Bytes(value));
        }

        return list;
    }

    private static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text);
}
