using System.Text;
using FastSidecar.Transport.Grpc;
using Xunit;

namespace FastSidecar.Transport.Tests.Grpc;

public sealed class GrpcMessageEncodingTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("plain text, with ~ and \"quotes\"", "plain text, with ~ and \"quotes\"")]
    [InlineData("nf €", "nf %E2%82%AC")] // recorded from daprd, as the next two are
    [InlineData("50% off %zz", "50%25 off %25zz")]
    [InlineData("proto:\u00a0cannot", "proto:%C2%A0cannot")]
    [InlineData("a\nb\tc\u007f", "a%0Ab%09c%7F")]
    [InlineData("😀!", "%F0%9F%98%80!")]
    public void Text_BothWays(string text, string encoded)
    {
        Assert.Equal(encoded, Encode(Encoding.UTF8.GetBytes(text)));
        Assert.Equal(text, GrpcMessageEncoding.DecodeToString(Encoding.ASCII.GetBytes(encoded)));
    }

    [Theory]
    [InlineData("ff", "%EF%BF%BD")]
    [InlineData("61e28262", "a%EF%BF%BD%EF%BF%BDb")] // Go replaces each byte of a broken character
    [InlineData("eda080", "%EF%BF%BD%EF%BF%BD%EF%BF%BD")] // a surrogate
    [InlineData("c080", "%EF%BF%BD%EF%BF%BD")] // overlong
    [InlineData("f09f98", "%EF%BF%BD%EF%BF%BD%EF%BF%BD")] // cut off
    public void BytesThatAreNoUtf8_BecomeTheReplacement(string hex, string encoded) => Assert.Equal(encoded, Encode(Convert.FromHexString(hex)));

    [Theory]
    [InlineData("50% off %zz", "50% off %zz")] // recorded: passes as it is
    [InlineData("%", "%")]
    [InlineData("%4", "%4")]
    [InlineData("%41", "A")]
    [InlineData("%%41", "%A")]
    [InlineData("%4g%41", "%4gA")]
    [InlineData("%c3%A9", "é")]
    public void Decode_IsTolerant(string encoded, string text) =>
        Assert.Equal(text, GrpcMessageEncoding.DecodeToString(Encoding.ASCII.GetBytes(encoded)));

    [Fact]
    public void Random_ComesBack()
    {
        var random = new Random(3);
        for (var i = 0; i < 1000; i++)
        {
            var text = new string([.. Enumerable.Range(0, random.Next(30)).Select(_ => (char)random.Next(1, 0xd800))]);
            Assert.Equal(text, GrpcMessageEncoding.DecodeToString(Encoding.ASCII.GetBytes(Encode(Encoding.UTF8.GetBytes(text)))));
        }
    }

    private static string Encode(byte[] message)
    {
        var output = new byte[GrpcMessageEncoding.EncodedLength(message)];
        Assert.Equal(output.Length, GrpcMessageEncoding.Encode(message, output));
        return Encoding.ASCII.GetString(output);
    }
}
