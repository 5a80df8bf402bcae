using System.Buffers;
using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Protocol;
using Xunit;

namespace FastSidecar.Tests.Protocol;

public sealed class GoTextTests
{
    [Theory]
    [InlineData("", "\"\"")]
    [InlineData("a?b", "\"a?b\"")]
    [InlineData("a\0b", "\"a\\x00b\"")]
    [InlineData("a\r\nb", "\"a\\r\\nb\"")]
    [InlineData("\a\b\f\t\v\u007f\u001b", "\"\\a\\b\\f\\t\\v\\x7f\\x1b\"")]
    [InlineData("q\"\\", "\"q\\\"\\\\\"")]
    [InlineData("grüße €", "\"grüße €\"")]
    [InlineData("\u00a0\u00ad\u2028\ufeff\ue000", "\"\\u00a0\\u00ad\\u2028\\ufeff\\ue000\"")]
    [InlineData("\U0001F600\U000E0001", "\"\U0001F600\\U000e0001\"")]
    [InlineData("\ufffd<>&", "\"\ufffd<>&\"")]
    public void Quote_AsStrconvQuote(string text, string quoted) => Assert.Equal(quoted, GoText.Quote(text));

    [Fact]
    public void Quote_WrongUtf8_OneEscapePerByte() => Assert.Equal("\"\\xe9a\\xe2\\x82\\xff\"", GoText.Quote([0xe9, (byte)'a', 0xe2, 0x82, 0xff]));

    [Theory]
    [InlineData("plain é €", "plain é €")]
    [InlineData("127.0.0.1:1->127.0.0.1:2", "127.0.0.1:1-\\u003e127.0.0.1:2")]
    [InlineData("<a&b>", "\\u003ca\\u0026b\\u003e")]
    [InlineData("\"\\\b\f\n\r\t\v\0\u007f", "\\\"\\\\\\b\\f\\n\\r\\t\\u000b\\u0000\u007f")]
    [InlineData("\u2028\u2029\U0001F600", "\\u2028\\u2029\U0001F600")]
    public void ErrorJson_AsEncodingJson(string message, string escaped)
    {
        var output = new ArrayBufferWriter<byte>();
        ErrorJson.Write(output, "ERR_DIRECT_INVOKE", message);
        Assert.Equal($$"""{"errorCode":"ERR_DIRECT_INVOKE","message":"{{escaped}}"}""", Encoding.UTF8.GetString(output.WrittenSpan));
    }

    [Fact]
    public void ErrorJson_WrongUtf8_ReplacedByteByByte()
    {
        var output = new ArrayBufferWriter<byte>();
        GoJson.WriteString(output, [(byte)'a', 0xe9, 0xe2, 0x82]);
        Assert.Equal("\"a\\ufffd\\ufffd\\ufffd\"", Encoding.UTF8.GetString(output.WrittenSpan));
    }

    [Fact]
    public void ErrorJson_LongMessage_NothingLost()
    {
        for (var length = 250; length < 1100; length += 3)
        {
            var message = string.Concat(Enumerable.Repeat("€<é\U0001F600x", length / 5));
            var output = new ArrayBufferWriter<byte>();
            GoJson.WriteString(output, Encoding.UTF8.GetBytes(message));
            Assert.Equal($"\"{message.Replace("<", "\\u003c", StringComparison.Ordinal)}\"", Encoding.UTF8.GetString(output.WrittenSpan));
        }
    }

    [Theory]
    [InlineData("GET", true, 1)]
    [InlineData("get", true, 1)]
    [InlineData("Patch", true, 9)]
    [InlineData("NONE", true, 0)]
    [InlineData("PROPFIND", false, 3)]
    [InlineData("", false, 3)]
    public void HttpVerb_FromMethod(string method, bool isKnown, int verb)
    {
        Assert.Equal(isKnown, HttpVerbs.TryParse(Encoding.ASCII.GetBytes(method), out var parsed));
        Assert.Equal(verb, (int)parsed);
    }

    [Theory]
    [InlineData(5, "DELETE")]
    [InlineData(99, "99")]
    [InlineData(-2147483648, "-2147483648")]
    public void HttpVerb_ToMethod(int verb, string method)
    {
        var bytes = new byte[HttpVerbs.MaxBytes];
        Assert.Equal(method, Encoding.ASCII.GetString(bytes.AsSpan(0, HttpVerbs.Write((HttpVerb)verb, bytes))));
    }

    [Fact]
    public void Headers_HopByHopAndIdentities()
    {
        string[] hopByHop =
        [
            "Connection", "keep-alive", "Proxy-Connection", "TRANSFER-ENCODING", "Upgrade", "http2-settings", "te", "Trailer", "Proxy-Authorization",
            "proxy-authenticate",
        ];
        Assert.All(hopByHop, name => Assert.True(HeaderNames.IsHopByHop(Encoding.ASCII.GetBytes(name)), name));
        Assert.All(["Content-Type", "tee", "Host", ""], name => Assert.False(HeaderNames.IsHopByHop(Encoding.ASCII.GetBytes(name)), name));
        string[] identities = ["Dapr-Caller-App-Id", "dapr-callee-app-id", "dapr-caller-namespace"];
        Assert.All(identities, name => Assert.True(HeaderRoles.Of(Encoding.ASCII.GetBytes(name)).IsAny(HeaderRole.CallerIdentity), name));
        Assert.False(HeaderRoles.Of("dapr-app-id"u8).IsAny(HeaderRole.CallerIdentity));
        Assert.True(HeaderNames.IsBinary("Foo-Bin"u8));
        Assert.False(HeaderNames.IsBinary("bin"u8));
    }
}
