using System.Text;
using FastSidecar.Transport.Hpack;
using Xunit;

namespace FastSidecar.Transport.Tests.Hpack;

public sealed class HuffmanTests
{
    [Fact]
    public void Code_IsComplete()
    {
        // Kraft: the code words fill the space of 30-bit strings exactly.
        long used = 0;
        foreach (var bits in HuffmanCode.Lengths)
        {
            used += 1L << (HuffmanCode.LongestBits - bits);
        }

        Assert.Equal(1L << HuffmanCode.LongestBits, used);
    }

    [Theory] // RFC 7541 appendix B
    [InlineData('0', 0x0, 5)]
    [InlineData('t', 0x9, 5)]
    [InlineData(' ', 0x14, 6)]
    [InlineData('u', 0x2d, 6)]
    [InlineData(':', 0x5c, 7)]
    [InlineData('z', 0x7b, 7)]
    [InlineData('&', 0xf8, 8)]
    [InlineData('?', 0x3fc, 10)]
    [InlineData('|', 0x7fc, 11)]
    [InlineData('\0', 0x1ff8, 13)]
    [InlineData('{', 0x7ffe, 15)]
    [InlineData('\\', 0x7fff0, 19)]
    [InlineData(208, 0x7fff2, 19)]
    [InlineData(128, 0xfffe6, 20)]
    [InlineData(255, 0x3ffffee, 26)]
    [InlineData(249, 0xffffffe, 28)]
    [InlineData(22, 0x3ffffffe, 30)]
    [InlineData(HuffmanCode.EndOfString, 0x3fffffff, 30)]
    public void Code_IsThatOfTheRfc(int symbol, uint code, int bits)
    {
        Assert.Equal(bits, HuffmanCode.Lengths[symbol]);
        Assert.Equal(code, HuffmanCode.BuildCodes()[symbol]);
    }

    [Fact]
    public void EverySymbol_AtEveryBitOffset_ComesBack()
    {
        for (var symbol = 0; symbol < 256; symbol++)
        {
            for (var lead = 0; lead < 8; lead++)
            {
                var text = new byte[lead + 2];
                text.AsSpan().Fill((byte)'a'); // 5 bits: eight of them meet every offset in a byte
                text[lead] = (byte)symbol;
                Assert.Equal(text, Decode(Encode(text)));
            }
        }
    }

    [Fact]
    public void RandomText_ComesBack()
    {
        var random = new Random(7541);
        for (var i = 0; i < 3000; i++)
        {
            var text = new byte[random.Next(100)];
            random.NextBytes(text);
            if (i % 2 == 0)
            {
                text = Encoding.ASCII.GetBytes(Convert.ToBase64String(text));
            }

            Assert.Equal(text, Decode(Encode(text)));
        }
    }

    [Fact]
    public void RoomTooShort_IsToldAndNotPassed()
    {
        var random = new Random(7542);
        for (var i = 0; i < 500; i++)
        {
            var text = new byte[random.Next(1, 60)];
            random.NextBytes(text);
            if (i % 2 == 0)
            {
                text = Encoding.ASCII.GetBytes(Convert.ToBase64String(text));
            }

            var coded = Encode(text);
            for (var room = 0; room < coded.Length; room++)
            {
                Assert.Equal(-1, HuffmanEncoder.Encode(text, new byte[room]));
            }
        }
    }

    [Theory]
    [InlineData("1f", "a")] // 00011 111
    [InlineData("07", "0")] // 00000 111
    [InlineData("", "")]
    public void OnesUpToSevenBits_ArePadding(string coded, string text) =>
        Assert.Equal(text, Encoding.ASCII.GetString(Decode(Convert.FromHexString(coded))));

    [Theory]
    [InlineData("1e")] // a, padding 110
    [InlineData("18")] // a, padding 000
    [InlineData("00")] // 0, padding 000
    [InlineData("fe")] // padding 1111 1110 is the beginning of a longer code
    public void PaddingNotAllOnes_Refused(string coded) =>
        Assert.Contains("padding", Assert.Throws<HpackException>(() => Decode(Convert.FromHexString(coded))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("ff")]
    [InlineData("1fff")]
    [InlineData("ffffff")]
    public void PaddingLongerThanSevenBits_Refused(string coded) =>
        Assert.Contains("7 bits", Assert.Throws<HpackException>(() => Decode(Convert.FromHexString(coded))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("ffffffff")] // the symbol, then two ones
    [InlineData("fffffffc")] // the symbol, then two zeros
    [InlineData("1fffffffff")] // a, the symbol, padding
    [InlineData("ffffffffffffffffffffff")]
    public void EndOfStringSymbol_Refused(string coded) =>
        Assert.Contains("end-of-string", Assert.Throws<HpackException>(() => Decode(Convert.FromHexString(coded))).Message, StringComparison.Ordinal);

    private static byte[] Encode(byte[] text)
    {
        var output = new byte[HuffmanEncoder.EncodedLength(text)];
        Assert.Equal(output.Length, HuffmanEncoder.Encode(text, output));
        return output;
    }

    private static byte[] Decode(byte[] coded)
    {
        var output = new byte[HuffmanDecoder.MaxDecodedLength(coded.Length)];
        return output[..HuffmanDecoder.Decode(coded, output)];
    }
}
