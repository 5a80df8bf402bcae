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

    /// <summary>The places are those of Go's encoding/base64.</summary>
    [Theory]
    [InlineData("", -1)]
    [InlineData("AAEC", -1)]
    [InlineData("AA", -1)]
    [InlineData("AA==", -1)]
    [InlineData("AAA=", -1)]
    [InlineData("%%%", 0)]
    [InlineData("AA%%", 2)]
    [InlineData("AA=", 2)]
    [InlineData("AA=A", 2)]
    [InlineData("A===", 1)]
    [InlineData("AAAAA", 4)]
    [InlineData("AA==AAAA", 4)]
    [InlineData("AAA=AAAA", 4)]
    public void Fault_IsWhereGoFindsIt(string text, int fault)
    {
        var bytes = System.Text.Encoding.ASCII.GetBytes(text);
        Assert.Equal(fault, BinaryMetadata.FaultAt(bytes));
        Assert.Equal(fault < 0, BinaryMetadata.TryDecode(bytes, new byte[BinaryMetadata.MaxDecodedLength(bytes.Length)], out _));
    }

    [Fact]
    public void BinaryName_EndsInBin()
    {
        Assert.True(BinaryMetadata.IsBinaryName("grpc-trace-bin"u8));
        Assert.False(BinaryMetadata.IsBinaryName("grpc-trace-bind"u8));
    }

    private static byte[] Decode(string text)
    {
        var output = new byte[BinaryMetadata.MaxDecodedLength(text.Length)];
        Assert.True(BinaryMetadata.TryDecode(Encoding.ASCII.GetBytes(text), output, out var written));
        return output[..written];
    }
}
