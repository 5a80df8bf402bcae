using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace FastSidecar.Transport.Hpack;

/// <summary>
/// Decodes Huffman-coded strings (RFC 7541 §5.2). The next ten bits index a table that answers for every symbol with a code of up to ten
/// bits, which are nearly all that occur in headers; longer codes are found by comparing with the first code of each length.
/// </summary>
internal static class HuffmanDecoder
{
    private const int TableBits = 10;
    private const int MaxPaddingBits = 7;
    private const int SymbolShift = 5;
    private const int BitsMask = (1 << SymbolShift) - 1;

    /// <summary>symbol &lt;&lt; 5 | code length, or 0 when the code is longer than the index.</summary>
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
        ArgumentOutOfRangeException.ThrowIfLessThan(output.Length, MaxDecodedLength(coded.Length), nameof(output));
        ref var shortCodes = ref MemoryMarshal.GetArrayDataReference(ShortCodes); // the index has no more bits than the table
        ref var text = ref MemoryMarshal.GetReference(output); // the room was checked above
        ulong window = 0; // the next windowBits bits, left-aligned; behind them zeros, or bits of the byte that follows
        var windowBits = 0;
        var read = 0;
        nint written = 0;

        // While eight bytes can be read at once nearly every symbol needs only the table. Nothing is called here but in rare cases, and
        // nothing has its address taken: with refills and the end 25 instructions a symbol instead of 46 (measured on trace contexts).
        while (coded.Length - read >= sizeof(ulong))
        {
            // The last byte may fit only in part: it does not count yet, and the next refill puts the same bits in the same place again.
            window |= BinaryPrimitives.ReadUInt64BigEndian(coded[read..]) >> windowBits;
            var whole = (64 - windowBits) >> 3;
            read += whole;
            windowBits += whole << 3;
            while (windowBits >= TableBits)
            {
                int entry = Unsafe.Add(ref shortCodes, (nint)(window >> (64 - TableBits)));
                if (entry == 0)
                {
                    if (windowBits < HuffmanCode.LongestBits)
                    {
                        break;
                    }

                    entry = FindLongCode(window);
                    ThrowIfEndOfString(entry);
                }

                var bits = entry & BitsMask;
                Unsafe.Add(ref text, written++) = (byte)(entry >> SymbolShift);
                window <<= bits;
                windowBits -= bits;
            }
        }

        while (true)
        {
            while (windowBits <= 56 && read < coded.Length)
            {
                window |= (ulong)coded[read++] << (56 - windowBits);
                windowBits += 8;
            }

            if (windowBits <= MaxPaddingBits && IsPadding(window, windowBits))
            {
                return (int)written;
            }

            int entry = Unsafe.Add(ref shortCodes, (nint)(window >> (64 - TableBits)));
            if (entry == 0)
            {
                entry = FindLongCode(window);
            }

            var bits = entry & BitsMask;
            if (bits > windowBits)
            {
                // Everything was read: what is left is too short for the code it begins.
                CheckPadding(window, windowBits);
                return (int)written;
            }

            ThrowIfEndOfString(entry);
            Unsafe.Add(ref text, written++) = (byte)(entry >> SymbolShift);
            window <<= bits;
            windowBits -= bits;
        }
    }

    /// <summary>The entry that a larger table would have.</summary>
    private static int FindLongCode(ulong window)
    {
        var prefix = (uint)(window >> (64 - HuffmanCode.LongestBits));
        foreach (ref readonly var range in LongCodes.AsSpan())
        {
            if (prefix < range.EndPrefix)
            {
                var code = prefix >> (HuffmanCode.LongestBits - range.Bits);
                return (Symbols[range.FirstSymbol + (int)(code - range.FirstCode)] << SymbolShift) | range.Bits;
            }
        }

        throw new InvalidOperationException("the code is complete: every prefix belongs to a symbol");
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ThrowIfEndOfString(int entry)
    {
        if (entry >= HuffmanCode.EndOfString << SymbolShift)
        {
            throw new HpackException("a Huffman-coded string contains the end-of-string symbol");
        }
    }

    /// <summary>The last bits are all ones. No symbol has so short a code of ones only.</summary>
    private static bool IsPadding(ulong window, int windowBits) => windowBits == 0 || window == ulong.MaxValue << (64 - windowBits);

    private static void CheckPadding(ulong window, int windowBits)
    {
        if (windowBits > MaxPaddingBits)
        {
            throw new HpackException("a Huffman-coded string ends in more than 7 bits of padding");
        }

        if (!IsPadding(window, windowBits))
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
                table.AsSpan((int)(codes[symbol] << free), 1 << free).Fill((ushort)((symbol << SymbolShift) | bits));
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
