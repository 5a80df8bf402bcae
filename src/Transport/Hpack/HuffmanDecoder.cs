using System.Buffers.Binary;

namespace FastSidecar.Transport.Hpack;

/// <summary>
/// Decodes Huffman-coded strings (RFC 7541 §5.2). The next ten bits index a table that answers for every symbol with a code of up to ten
/// bits, which are nearly all that occur in headers; longer codes are found by comparing with the first code of each length.
/// </summary>
internal static class HuffmanDecoder
{
    private const int TableBits = 10;
    private const int MaxPaddingBits = 7;

    /// <summary>symbol &lt;&lt; 4 | code length, or 0 when the code is longer than the index.</summary>
    private static readonly ushort[] ShortCodes = BuildShortCodes();

    /// <summary>
    /// Per code length: where its codes end in the space of 30-bit prefixes, and how to get from a code to <see cref="Symbols"/>.
    /// </summary>
    private static readonly LongCodeRange[] LongCodes = BuildLongCodes();

    /// <summary>All symbols in the order of their codes.</summary>
    private static readonly ushort[] Symbols = BuildSymbols();

    private readonly record struct LongCodeRange(int Bits, uint EndPrefix, uint FirstCode, int FirstSymbol);

    /// <summary>The longest text that so many coded bytes can stand for.</summary>
    public static int MaxDecodedLength(int codedBytes) => checked((int)(codedBytes * 8L / HuffmanCode.ShortestBits));

    /// <summary>
    /// Writes the text to <paramref name="output"/>, which must hold <see cref="MaxDecodedLength"/>, and returns its length.
    /// </summary>
    /// <exception cref="HpackException">An end-of-string symbol, or padding that is longer than 7 bits or not all ones.</exception>
    public static int Decode(ReadOnlySpan<byte> coded, Span<byte> output)
    {
        var shortCodes = ShortCodes;
        ulong window = 0; // the next windowBits bits, left-aligned; behind them zeros, or bits of the byte that follows
        var windowBits = 0;
        var read = 0;
        var written = 0;
        while (true)
        {
            if (windowBits < HuffmanCode.LongestBits)
            {
                read += Refill(coded[read..], ref window, ref windowBits);
            }

            var entry = shortCodes[(int)(window >> (64 - TableBits))];
            var bits = entry & 0xf;
            var symbol = entry >> 4;
            if (bits == 0)
            {
                symbol = FindLongCode((uint)(window >> (64 - HuffmanCode.LongestBits)), out bits);
            }

            if (bits > windowBits)
            {
                // Everything was read: what is left is too short for the code it begins.
                CheckPadding(window, windowBits);
                return written;
            }

            if (symbol == HuffmanCode.EndOfString)
            {
                throw new HpackException("a Huffman-coded string contains the end-of-string symbol");
            }

            output[written++] = (byte)symbol;
            window <<= bits;
            windowBits -= bits;
        }
    }

    private static int Refill(ReadOnlySpan<byte> coded, ref ulong window, ref int windowBits)
    {
        if (coded.Length >= sizeof(ulong))
        {
            // The last byte may fit only in part: it does not count yet, and the next refill puts the same bits in the same place again.
            window |= BinaryPrimitives.ReadUInt64BigEndian(coded) >> windowBits;
            var whole = (64 - windowBits) / 8;
            windowBits += whole * 8;
            return whole;
        }

        var read = 0;
        while (read < coded.Length && windowBits <= 56)
        {
            window |= (ulong)coded[read++] << (56 - windowBits);
            windowBits += 8;
        }

        return read;
    }

    private static int FindLongCode(uint prefix, out int bits)
    {
        foreach (ref readonly var range in LongCodes.AsSpan())
        {
            if (prefix < range.EndPrefix)
            {
                bits = range.Bits;
                var code = prefix >> (HuffmanCode.LongestBits - bits);
                return Symbols[range.FirstSymbol + (int)(code - range.FirstCode)];
            }
        }

        throw new InvalidOperationException("the code is complete: every prefix belongs to a symbol");
    }

    private static void CheckPadding(ulong window, int windowBits)
    {
        if (windowBits > MaxPaddingBits)
        {
            throw new HpackException("a Huffman-coded string ends in more than 7 bits of padding");
        }

        if (windowBits > 0 && window != ulong.MaxValue << (64 - windowBits))
        {
            throw new HpackException("the padding of a Huffman-coded string is not all ones");
        }
    }

    private static ushort[] BuildShortCodes()
    {
        var codes = HuffmanCode.BuildCodes();
        var table = new ushort[1 << TableBits];
        for (var symbol = 0; symbol < HuffmanCode.EndOfString; symbol++)
        {
            var bits = HuffmanCode.Lengths[symbol];
            if (bits <= TableBits)
            {
                var free = TableBits - bits;
                table.AsSpan((int)(codes[symbol] << free), 1 << free).Fill((ushort)((symbol << 4) | bits));
            }
        }

        return table;
    }

    private static ushort[] BuildSymbols()
    {
        var symbols = new ushort[HuffmanCode.Lengths.Length];
        var next = 0;
        for (var bits = HuffmanCode.ShortestBits; bits <= HuffmanCode.LongestBits; bits++)
        {
            for (var symbol = 0; symbol < symbols.Length; symbol++)
            {
                if (HuffmanCode.Lengths[symbol] == bits)
                {
                    symbols[next++] = (ushort)symbol;
                }
            }
        }

        return symbols;
    }

    private static LongCodeRange[] BuildLongCodes()
    {
        var codes = HuffmanCode.BuildCodes();
        var symbols = BuildSymbols();
        var ranges = new List<LongCodeRange>();
        for (var i = 0; i < symbols.Length;)
        {
            var bits = HuffmanCode.Lengths[symbols[i]];
            var first = i;
            while (i < symbols.Length && HuffmanCode.Lengths[symbols[i]] == bits)
            {
                i++;
            }

            if (bits > TableBits)
            {
                var end = (codes[symbols[i - 1]] + 1) << (HuffmanCode.LongestBits - bits);
                ranges.Add(new LongCodeRange(bits, end, codes[symbols[first]], first));
            }
        }

        return [.. ranges];
    }
}
