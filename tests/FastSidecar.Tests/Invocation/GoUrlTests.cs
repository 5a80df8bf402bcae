using System.Buffers;
using System.Text;
using FastSidecar.Invocation;
using Xunit;

namespace FastSidecar.Tests.Invocation;

public sealed class GoUrlTests
{
    [Theory]
    [InlineData("GET", "/a/b?x=1", "/a/b", "/a/b", "x=1")]
    [InlineData("GET", "/a%2Fb", "/a/b", "/a%2Fb", "")]
    [InlineData("GET", "/a%2fb\"", "/a/b\"", "/a/b%22", "")]
    [InlineData("GET", "/a#b", "/a#b", "/a%23b", "")]
    [InlineData("GET", "/a?b#c", "/a", "/a", "b#c")]
    [InlineData("GET", "//a//b", "//a//b", "//a//b", "")]
    [InlineData("GET", "http://host:1/a?b", "/a", "/a", "b")]
    [InlineData("GET", "HTTPS://u:p@host/", "/", "/", "")]
    [InlineData("GET", "http://host", "", "", "")]
    [InlineData("GET", "foo:bar", "", "", "")]
    [InlineData("GET", "*", "*", "*", "")]
    [InlineData("CONNECT", "host:80", "", "", "")]
    [InlineData("CONNECT", "/v1.0/x", "/v1.0/x", "/v1.0/x", "")]
    [InlineData("GET", "/a%21b", "/a!b", "/a%21b", "")]
    [InlineData("GET", "/[x]'(y)*!", "/[x]'(y)*!", "/[x]'(y)*!", "")]
    public void RequestTarget_IsReadAsGoDoes(string verb, string target, string path, string escaped, string query)
    {
        Assert.True(GoUrl.TryParseRequestTarget(Bytes(verb), Bytes(target), out var url));
        Assert.Equal((path, escaped, query), (Text(url.Path), Text(url.EscapedPath()), Text(url.RawQuery)));
    }

    [Theory]
    [InlineData("GET", "")]
    [InlineData("GET", "a/b")]
    [InlineData("GET", "?x")]
    [InlineData("GET", "/a b")]
    [InlineData("GET", "/a%")]
    [InlineData("GET", "/a%2")]
    [InlineData("GET", "/a%zz")]
    [InlineData("GET", "/a\tb")]
    [InlineData("GET", "/a\u007fb")]
    [InlineData("GET", "/a?\u0001")]
    [InlineData("GET", ":80/a")]
    [InlineData("GET", "http://host:x/")]
    [InlineData("GET", "http://ho st/")]
    [InlineData("GET", "http://[::1/")]
    [InlineData("GET", "http://u<@host/")]
    [InlineData("GET", "http://h%41st/")]
    [InlineData("CONNECT", "host:port")]
    public void RequestTarget_ThatGoRefuses_IsRefused(string verb, string target)
    {
        Assert.False(GoUrl.TryParseRequestTarget(Bytes(verb), Bytes(target), out _));
    }

    [Theory]
    [InlineData("http://h/a%zz", "parse \"http://h/a%zz\": invalid URL escape \"%zz\"")]
    [InlineData("http://h/a%", "parse \"http://h/a%\": invalid URL escape \"%\"")]
    [InlineData("http://h/x?a#%zz", "parse \"http://h/x?a#%zz\": invalid URL escape \"%zz\"")]
    [InlineData("http://h/a\n", "parse \"http://h/a\\n\": net/url: invalid control character in URL")]
    [InlineData("http://h:80x/", "parse \"http://h:80x/\": invalid port \":80x\" after host")]
    [InlineData("http://h h/", "parse \"http://h h/\": invalid character \" \" in host name")]
    [InlineData("http://[::1/", "parse \"http://[::1/\": missing ']' in host")]
    [InlineData("http://h%zz/", "parse \"http://h%zz/\": invalid URL escape \"%zz\"")]
    [InlineData("http://a b@h/", "parse \"http://a b@h/\": net/url: invalid userinfo")]
    [InlineData(":x", "parse \":x\": missing protocol scheme")]
    [InlineData("a:b", null)]
    [InlineData("1a:b/c", "parse \"1a:b/c\": first path segment in URL cannot contain colon")]
    public void Url_ThatGoRefuses_HasGosText(string text, string? expected)
    {
        GoUrl.TryParse(Bytes(text), out _, out var error);
        Assert.Equal(expected, error);
    }

    [Fact]
    public void Url_PartsAreDecoded()
    {
        Assert.True(GoUrl.TryParse("https://us%40er:pa%3Ass@[fe80::1%25en0]:443/base%20/x?q=%20"u8, out var url, out _));
        Assert.Equal("https", Text(url.Scheme));
        Assert.Equal("[fe80::1%en0]:443", Text(url.Host));
        Assert.Equal("us@er", Text(url.UserName!));
        Assert.Equal("pa:ss", Text(url.Password!));
        Assert.Equal("/base /x", Text(url.Path));
        Assert.Equal("q=%20", Text(url.RawQuery));
    }

    [Theory]
    [InlineData("a b", "", "/a%20b")]
    [InlineData("a%2Fb", "", "/a%2Fb")]
    [InlineData("a%2Fb\"", "", "/a/b%22")]
    [InlineData("a|b", "", "/a%7Cb")]
    [InlineData("a{b}", "", "/a%7Bb%7D")]
    [InlineData("a^b", "", "/a%5Eb")]
    [InlineData("a`b<c>\\", "", "/a%60b%3Cc%3E%5C")]
    [InlineData("\u00ff", "\u00ff", "/%FF?\u00ff")]
    [InlineData("", "", "/")]
    [InlineData("", "a=1", "/?a=1")]
    [InlineData("/foo", "", "/foo")]
    [InlineData("x", "?", "/x??")]
    [InlineData("x", "a#b", "/x?a")]
    [InlineData("x", "#b", "/x?")]
    [InlineData("a:b@c", "x={\"|", "/a:b@c?x={\"|")]
    [InlineData("*", "", "/*")]
    [InlineData("a/../b", "", "/b")]
    [InlineData(".well-known/x", "", "/.well-known/x")]
    public void AppTarget_IsWhatGosClientSends(string method, string query, string expected)
    {
        var output = new ArrayBufferWriter<byte>();
        Assert.Null(AppTarget.Build(Bytes(method), Bytes(query), "http://127.0.0.1:3000"u8, output));
        Assert.Equal(expected, Text(output.WrittenSpan));
    }

    [Fact]
    public void AppTarget_WithABadEscape_HasGosErrorText()
    {
        var output = new ArrayBufferWriter<byte>();
        Assert.Equal(
            "parse \"http://127.0.0.1:3000/a%zz?q\": invalid URL escape \"%zz\"",
            AppTarget.Build("a%zz"u8, "q"u8, "http://127.0.0.1:3000"u8, output));
        Assert.Equal(0, output.WrittenCount);
    }

    private static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text);

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes);
}
