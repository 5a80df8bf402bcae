using FastSidecar.Transport.Hpack;
using Xunit;

namespace FastSidecar.Fuzz;

/// <summary>The table-driven decoder against one that walks the code bit by bit.</summary>
public sealed class HuffmanFuzz
{
    private static readonly Dictionary<(int Bits, uint Code), int> Symbols = BuildSymbols();

    private static readonly byte[][] Seeds =
    [
        .. new[] { "f1e3c2e5f23a6ba0ab90f4ff", "a8eb10649cbf", "25a849e95ba97d7f", "9d29ad171863c78f0b97c8e9ae82ae43d3", "1fffffffff", "fffffffeaffffff7", "" }
            .Select(Convert.FromHexString),
    ];

    [Fact]
    public void AnyBytes() => FuzzRun.Run(Seeds, Decode);

    private static void Decode(byte[] coded, Random random)
    {
        var expected = DecodeBitByBit(coded);
        var output = new byte[HuffmanDecoder.MaxDecodedLength(coded.Length)];
        byte[]? actual;
        try
        {
            actual = output[..HuffmanDecoder.Decode(coded, output)];
        }
        catch (HpackException)
        {
            actual = null;
        }

        Assert.Equal(expected, actual);
        if (expected is null)
        {
            return;
        }

        // There is one valid code for a text, so encoding it again gives the input.
        var again = new byte[HuffmanEncoder.EncodedLength(expected)];
        Assert.Equal(again.Length, HuffmanEncoder.Encode(expected, again));
        Assert.Equal(coded, again);
    }

    /// <summary>Null where RFC 7541 §5.2 calls for an error.</summary>
    private static byte[]? DecodeBitByBit(byte[] coded)
    {
        var text = new List<byte>();
        uint code = 0;
        var bits = 0;
        foreach (var b in coded)
        {
            for (var shift = 7; shift >= 0; shift--)
            {
                code = (code << 1) | ((uint)(b >> shift) & 1);
                bits++;
                if (Symbols.TryGetValue((bits, code), out var symbol))
                {
                    if (symbol == HuffmanCode.EndOfString)
                    {
                        return null;
                    }

                    text.Add((byte)symbol);
                    code = 0;
                    bits = 0;
                }
            }
        }

        return bits <= 7 && code == (1u << bits) - 1 ? [.. text] : null;
    }

    private static Dictionary<(int Bits, uint Code), int> BuildSymbols()
    {
        var codes = HuffmanCode.BuildCodes();
        return Enumerable.Range(0, codes.Length).ToDictionary(symbol => ((int)HuffmanCode.Lengths[symbol], codes[symbol]));
    }
}
