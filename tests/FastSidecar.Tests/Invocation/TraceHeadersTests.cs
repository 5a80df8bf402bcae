using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Transport.Headers;
using Xunit;

namespace FastSidecar.Tests.Invocation;

/// <summary>Rows beside the recorded cases, which HeaderRulesTests takes the whole way.</summary>
public sealed class TraceHeadersTests
{
    private const string Ids = "-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-";

    [Theory]
    [InlineData("00" + Ids + "01", "01")]
    [InlineData("00" + Ids + "0A", "0a")]
    [InlineData("00" + Ids + "0102", "01")]
    [InlineData("cc" + Ids + "01-what", "01")]
    [InlineData("01" + Ids + "03", "03")]
    [InlineData("FE" + Ids + "00", "00")]
    [InlineData("ff" + Ids + "01", null)]
    [InlineData("00" + Ids + "01-", null)]
    [InlineData("00" + Ids + "", null)]
    [InlineData("00" + Ids + "1", null)]
    [InlineData("00" + Ids + "zz", null)]
    [InlineData("0" + Ids + "01", null)]
    [InlineData("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", null)]
    [InlineData("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", null)]
    [InlineData("00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01", null)]
    [InlineData("00-00000000000000000000000000000000-00f067aa0ba902b7-01", null)]
    [InlineData("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", null)]
    [InlineData("xyz", null)]
    [InlineData("", null)]
    public void TraceParent_IsWrittenAsVersionZeroOrRefused(string text, string? flags)
    {
        var output = new byte[TraceHeaders.TraceParentLength];
        var valid = TraceHeaders.TryWriteTraceParent(Encoding.ASCII.GetBytes(text), output);
        Assert.Equal(flags is null ? null : "00" + Ids + flags, valid ? Encoding.ASCII.GetString(output) : null);
    }

    [Theory]
    [InlineData("a=1,b=2", "a=1,b=2")]
    [InlineData(" a=1 ,\tb=2\t", "a=1,b=2")]
    [InlineData(",a=1,,", "a=1")]
    [InlineData("t@s=1", "t@s=1")]
    [InlineData("1t@s=a b", "1t@s=a b")]
    [InlineData("", "")]
    [InlineData("a=1,a=2", null)]
    [InlineData("A=1", null)]
    [InlineData("1a=1", null)]
    [InlineData("a =1", null)]
    [InlineData("a=", null)]
    [InlineData("a=b=c", null)]
    [InlineData("a b c", null)]
    [InlineData("a= ,b=1", null)]
    public void TraceState_IsWrittenWithoutWhiteSpaceOrRefused(string text, string? expected)
    {
        var output = new byte[text.Length];
        var valid = TraceState.TryWrite(Encoding.ASCII.GetBytes(text), output, out var length);
        Assert.Equal(expected, valid ? Encoding.ASCII.GetString(output, 0, length) : null);
    }

    [Fact]
    public void TraceState_WithMoreThan32Members_IsRefused()
    {
        var text = Encoding.ASCII.GetBytes(string.Join(',', Enumerable.Range(0, 33).Select(i => $"k{i}=v")));
        Assert.False(TraceState.TryWrite(text, new byte[text.Length], out _));
    }

    [Theory]
    [InlineData("a=1 , b=2", "a=1,b=2")]
    [InlineData("a b c", "a b c")]
    public void TraceState_OfALocalCall_IsWrittenAnewWhenValid(string state, string expected)
    {
        var metadata = new HeaderList();
        metadata.Add("Traceparent"u8, Encoding.ASCII.GetBytes("00" + Ids + "01"));
        metadata.Add("Tracestate"u8, Encoding.ASCII.GetBytes(state));
        var app = new HeaderList();
        TraceHeaders.AddToApp(metadata.Value(0), metadata.Value(1), metadata, isOn: true, app);
        Assert.Equal(2, app.Count);
        Assert.Equal(expected, Encoding.ASCII.GetString(app.Value(1)));
    }

    [Fact]
    public void GrpcCaller_IsJudgedByItsCallAlone()
    {
        var metadata = new HeaderList();
        metadata.Add("content-type"u8, "application/grpc+proto"u8);
        metadata.Add("traceparent"u8, "xyz"u8);
        metadata.Add("tracestate"u8, "a=1"u8);
        var app = new HeaderList();
        TraceHeaders.AddToApp(TraceHeaders.Zero, default, metadata, isOn: true, app);
        Assert.Equal(1, app.Count);
        Assert.True(app.Value(0).SequenceEqual(TraceHeaders.Zero));
    }

    [Theory]
    [InlineData("a b=,,", "invalid key: \"a b\"\ninvalid baggage list-member: \"\"\ninvalid baggage list-member: \"\"")]
    [InlineData("a", "invalid baggage list-member: \"a\"")]
    [InlineData("=1", "invalid key: \"\"")]
    [InlineData("a=\"", "invalid value: \"\\\"\"")]
    [InlineData("a= b c ", "invalid value: \" b c \"")]
    [InlineData("a=%zz", "invalid value: invalid URL escape \"%zz\"")]
    [InlineData("a=1;p q", "invalid baggage list-member property: \"p q\"")]
    [InlineData("a=1;p=%z", "invalid baggage list-member property: \"p=%z\"")]
    [InlineData("1,2,3,4,5,6,7", "invalid baggage list-member: \"1\"\ninvalid baggage list-member: \"2\"\ninvalid baggage list-member: \"3\"\ninvalid baggage list-member: \"4\"\ninvalid baggage list-member: \"5\"\nand 2 more invalid member(s)")]
    [InlineData("a=1", null)]
    [InlineData(" a = 1 ; p ; q = 2 ;", null)]
    [InlineData("a=b=c", null)]
    [InlineData("a=", null)]
    [InlineData("k=a%20b;p=%41,k=2", null)]
    public void Baggage_IsValidOrRefused(string value, string? problem)
    {
        var request = new HeaderList();
        request.Add("baggage"u8, Encoding.ASCII.GetBytes(value));
        Assert.Equal(problem is null ? null : "invalid baggage header: " + problem, Baggage.Validate(request));
    }

    [Fact]
    public void Baggage_CountsAKeyThatComesAgainOnce()
    {
        var members = Enumerable.Range(0, 63).Select(i => $"k{i}=1").ToList();
        var request = new HeaderList();
        request.Add("baggage"u8, Encoding.ASCII.GetBytes(string.Join(',', members.Append("k0=2").Append("k1=3"))));
        Assert.Null(Baggage.Validate(request));
        request.Add("baggage"u8, "k63=1,k64=1"u8);
        Assert.Equal("invalid baggage header: too many list-members in baggage-string", Baggage.Validate(request));
    }

    [Fact]
    public void Baggage_ThatIsTooLong_IsRefused()
    {
        var request = new HeaderList();
        request.Add("baggage"u8, Encoding.ASCII.GetBytes("a=" + new string('x', 8191)));
        Assert.Equal("invalid baggage header: baggage-string too large: 8193", Baggage.Validate(request));
    }
}
