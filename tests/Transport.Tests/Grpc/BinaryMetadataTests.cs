using System.Text;
using FastSidecar.Transport.Grpc;
using Xunit;

namespace FastSidecar.Transport.Tests.Grpc;

public sealed class BinaryMetadataTests
{
    [Fact]
    public void EveryLength_WrittenWithoutPadding_ReadWithAndWithout()
    {
        var random = new Random(4);
        for (var length = 0; length < 100; length++)
        {
            var bytes = new byte[length];
            random.NextBytes(bytes);
            var padded = Convert.ToBase64String(bytes);
            var text = new byte[BinaryMetadata.EncodedLength(length)];
            Assert.Equal(text.Length, BinaryMetadata.Encode(bytes, text));
            Assert.Equal(padded.TrimEnd('='), Encoding.ASCII.GetString(text));
            Assert.Equal(bytes, Decode(padded));
            Assert.Equal(bytes, Decode(padded.TrimEnd('=')));
        }
    }

    [Theory]
    [InlineData("A")]
    [InlineData("AAAAA")]
    [InlineData("A===")]
    [InlineData("====")]
    [InlineData("AA=")] // padding that does not complete the group
    [InlineData("AA=A")]
    [InlineData("AAAA====")]
    [InlineData("AA-_")] // the URL alphabet
    [InlineData("AA A")]
    [InlineData("AAA\u00e9")]
    public void OtherTexts_AreRefused(string text)
    {
        var bytes = Encoding.Latin1.GetBytes(text);
        Assert.False(BinaryMetadata.TryDecode(bytes, new byte[BinaryMetadata.MaxDecodedLength(bytes.Length)], out _));
    }

    [Theory]
    [InlineData("AB")]
    [InlineData("AB==")]
    public void BitsLeftOver_AreIgnored(string text) => Assert.Equal([0], Decode(text));

    private static byte[] Decode(string text)
    {
        var output = new byte[BinaryMetadata.MaxDecodedLength(text.Length)];
        Assert.True(BinaryMetadata.TryDecode(Encoding.ASCII.GetBytes(text), output, out var written));
        return output[..written];
    }
}
