using System.Buffers;
using System.Text;
using FastSidecar.Invocation;
using Xunit;

namespace FastSidecar.Tests.Invocation;

public sealed class MethodPathTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData(".", "")]
    [InlineData("..", "")]
    [InlineData("../..", "")]
    [InlineData("../../z", "z")]
    [InlineData("x/", "x")]
    [InlineData("x//y/../z/", "x/z")]
    [InlineData("/foo", "/foo")]
    [InlineData("/../foo", "/foo")]
    [InlineData("/", "/")]
    [InlineData("a/./b", "a/b")]
    [InlineData("admin/../public", "public")]
    [InlineData(".well-known/x", ".well-known/x")]
    [InlineData("..a", "..a")]
    [InlineData("...", "...")]
    [InlineData("a%2e%2e/b", "a%2e%2e/b")]
    public void Method_GetsItsNormalForm(string method, string expected)
    {
        var output = new ArrayBufferWriter<byte>();
        Assert.Null(MethodPath.Normalize(Encoding.Latin1.GetBytes(method), output));
        Assert.Equal(expected, Encoding.Latin1.GetString(output.WrittenSpan));

        // Decided on at both ends: a second round changes nothing.
        var again = new ArrayBufferWriter<byte>();
        Assert.Null(MethodPath.Normalize(output.WrittenSpan, again));
        Assert.Equal(expected, Encoding.Latin1.GetString(again.WrittenSpan));
    }

    [Theory]
    [InlineData("a?b", "forbidden character: \"a?b\"")]
    [InlineData("a#b\"", "forbidden character: \"a#b\\\"\"")]
    [InlineData("a\0b", "forbidden character: \"a\\x00b\"")]
    [InlineData("a\nb", "control character at position 1: \"a\\nb\"")]
    [InlineData("\u00c3\u00a9\u007f", "control character at position 2: \"é\\x7f\"")]
    [InlineData("a\u00ff\tb", "control character at position 2: \"a\\xff\\tb\"")]
    [InlineData("a\u001f\u00c2\u0080", "control character at position 1: \"a\\x1f\\u0080\"")]
    public void Method_WithACharacterItMayNotHave_IsRefused(string method, string expected)
    {
        var output = new ArrayBufferWriter<byte>();
        Assert.Equal("invalid method: method contains " + expected, MethodPath.Normalize(Encoding.Latin1.GetBytes(method), output));
        Assert.Equal(0, output.WrittenCount);
    }

    [Theory]
    [InlineData("b", "App", "b", "own", null)]
    [InlineData("b.other", "App", "b", "other", null)]
    [InlineData("b.", "App", "b", "", null)]
    [InlineData(".b", "App", "", "b", null)]
    [InlineData("a.b.c", "Invalid", "a.b.c", null, "invalid app id a.b.c")]
    [InlineData("", "Invalid", "", null, "app id is empty")]
    [InlineData("http://x.y.z", "Url", "http://x.y.z", null, null)]
    [InlineData("https://x", "Url", "https://x", null, null)]
    [InlineData("HTTP://x", "App", "HTTP://x", "own", null)]
    public void AppId_IsTakenApart(string id, string kind, string name, string? appNamespace, string? error)
    {
        Assert.Equal(new AppId(Enum.Parse<AppIdKind>(kind), name, appNamespace, error), AppId.Parse(id, "own"));
    }
}
