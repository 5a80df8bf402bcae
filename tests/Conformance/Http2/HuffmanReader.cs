namespace FastSidecar.Conformance.Http2;

/// <summary>
/// The Huffman code of RFC 7541, appendix B. It is canonical: shorter codes first, equal lengths in the order of their symbols, so the
/// lengths alone say everything.
/// </summary>
internal static class HuffmanReader
{
    private const int EndOfString = 256;

    private static readonly byte[] Lengths =
    [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
        6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
        13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
        15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
        20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
        22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
        26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
        20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
        30,
    ];

    private static readonly Dictionary<(int Length, uint Code), int> Symbols = Build();

    public static byte[] Read(ReadOnlySpan<byte> bytes)
    {
        var text = new List<byte>();
        uint code = 0;
        var length = 0;
        foreach (var b in bytes)
        {
            for (var bit = 7; bit >= 0; bit--)
            {
                code = (code << 1) | (uint)((b >> bit) & 1);
                length++;
                if (!Symbols.TryGetValue((length, code), out var symbol))
                {
                    continue;
                }

                if (symbol == EndOfString)
                {
                    throw new InvalidDataException("EOS inside a Huffman text (RFC 7541 §5.2)");
                }

                text.Add((byte)symbol);
                (code, length) = (0, 0);
            }
        }

        if (length > 7 || code != (1u << length) - 1)
        {
            throw new InvalidDataException("wrong Huffman padding (RFC 7541 §5.2)");
        }

        return [.. text];
    }

    private static Dictionary<(int, uint), int> Build()
    {
        var symbols = new Dictionary<(int, uint), int>();
        uint code = 0;
        var previous = 0;
        foreach (var (symbol, length) in Enumerable.Range(0, Lengths.Length).Select(s => (s, (int)Lengths[s])).OrderBy(x => x.Item2).ThenBy(x => x.s))
        {
            code <<= length - previous;
            symbols[(length, code++)] = symbol;
            previous = length;
        }

        return symbols;
    }
}
