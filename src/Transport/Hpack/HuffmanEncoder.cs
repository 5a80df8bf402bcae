using System.Buffers.Binary;

namespace FastSidecar.Transport.Hpack;

/// <summary>Huffman-codes strings (RFC 7541 §5.2).</summary>
internal static class HuffmanEncoder
{
    private static readonly uint[] Codes = HuffmanCode.BuildCodes();

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
    /// Writes the code of <paramref name="text"/>, padded with ones, and returns its length. <paramref name="output"/> must hold <see
    /// cref="EncodedLength"/>.
    /// </summary>
    public static int Encode(ReadOnlySpan<byte> text, Span<byte> output)
    {
        var codes = Codes;
        var lengths = HuffmanCode.Lengths;
        ulong pending = 0; // the lowest pendingBits bits have not been written
        var pendingBits = 0;
        var written = 0;
        foreach (var b in text)
        {
            pending = (pending << lengths[b]) | codes[b];
            pendingBits += lengths[b];
            if (pendingBits >= 32)
            {
                pendingBits -= 32;
                BinaryPrimitives.WriteUInt32BigEndian(output[written..], (uint)(pending >> pendingBits));
                written += sizeof(uint);
            }
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
}
