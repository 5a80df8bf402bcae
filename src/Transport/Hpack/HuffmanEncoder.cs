using System.Buffers.Binary;

namespace FastSidecar.Transport.Hpack;

/// <summary>Huffman-codes strings (RFC 7541 §5.2).</summary>
internal static class HuffmanEncoder
{
    private const int LengthBits = 5;

    /// <summary>code &lt;&lt; 5 | code length of every byte.</summary>
    private static readonly ulong[] Codes = BuildCodes();

    /// <summary>How many bytes <see cref="Encode"/> will write.</summary>
    public static int EncodedLength(ReadOnlySpan<byte> text)
    {
        var lengths = HuffmanCode.Lengths;
        long bits = 0;
        foreach (var b in text)
        {
            bits += lengths[b];
        }

        return checked((int)((bits + 7) / 8));
    }

    /// <summary>
    /// Writes the code of <paramref name="text"/>, padded with ones, and returns its length; −1 when <paramref name="output"/> is too
    /// short for it.
    /// </summary>
    public static int Encode(ReadOnlySpan<byte> text, Span<byte> output)
    {
        var codes = Codes;
        ulong pending = 0; // the lowest pendingBits bits have not been written
        var pendingBits = 0;
        var written = 0;
        foreach (var b in text)
        {
            var entry = codes[b];
            var bits = (int)entry & ((1 << LengthBits) - 1);
            pending = (pending << bits) | (entry >> LengthBits);
            pendingBits += bits;
            if (pendingBits >= 32)
            {
                if (output.Length - written < sizeof(uint))
                {
                    return -1;
                }

                pendingBits -= 32;
                BinaryPrimitives.WriteUInt32BigEndian(output[written..], (uint)(pending >> pendingBits));
                written += sizeof(uint);
            }
        }

        if (output.Length - written < (pendingBits + 7) >> 3)
        {
            return -1;
        }

        while (pendingBits >= 8)
        {
            pendingBits -= 8;
            output[written++] = (byte)(pending >> pendingBits);
        }

        if (pendingBits > 0)
        {
            output[written++] = (byte)((pending << (8 - pendingBits)) | (0xffu >> pendingBits));
        }

        return written;
    }

    private static ulong[] BuildCodes()
    {
        var codes = HuffmanCode.BuildCodes();
        var entries = new ulong[HuffmanCode.EndOfString];
        for (var symbol = 0; symbol < entries.Length; symbol++)
        {
            entries[symbol] = ((ulong)codes[symbol] << LengthBits) | HuffmanCode.Lengths[symbol];
        }

        return entries;
    }
}
