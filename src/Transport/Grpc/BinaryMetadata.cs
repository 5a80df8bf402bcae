using System.Buffers;

namespace FastSidecar.Transport.Grpc;

/// <summary>
/// Values of headers whose name ends in <c>-bin</c>: base64 of the standard alphabet, written without padding, read with or without
/// (grpc-go internal/transport/http_util.go). Bits left over in the last character are ignored, as Go does.
/// </summary>
public static class BinaryMetadata
{
    public static bool IsBinaryName(ReadOnlySpan<byte> name) => name.EndsWith("-bin"u8);

    private const byte NoDigit = 0xff;

    private static readonly byte[] DigitValues = BuildDigitValues();

    private static readonly SearchValues<byte> Digits = SearchValues.Create(Alphabet);

    private static ReadOnlySpan<byte> Alphabet => "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"u8;

    /// <summary>Length of the text for so many bytes.</summary>
    public static int EncodedLength(int bytes) => checked((int)(((bytes * 4L) + 2) / 3));

    /// <summary>Writes the text and returns its length. <paramref name="output"/> must hold <see cref="EncodedLength"/>.</summary>
    public static int Encode(ReadOnlySpan<byte> bytes, Span<byte> output)
    {
        var alphabet = Alphabet;
        var written = 0;
        while (bytes.Length >= 3)
        {
            var group = (bytes[0] << 16) | (bytes[1] << 8) | bytes[2];
            output[written + 3] = alphabet[group & 0x3f];
            output[written + 2] = alphabet[(group >> 6) & 0x3f];
            output[written + 1] = alphabet[(group >> 12) & 0x3f];
            output[written] = alphabet[group >> 18];
            written += 4;
            bytes = bytes[3..];
        }

        if (!bytes.IsEmpty)
        {
            var group = (bytes[0] << 16) | (bytes.Length > 1 ? bytes[1] << 8 : 0);
            output[written++] = alphabet[group >> 18];
            output[written++] = alphabet[(group >> 12) & 0x3f];
            if (bytes.Length > 1)
            {
                output[written++] = alphabet[(group >> 6) & 0x3f];
            }
        }

        return written;
    }

    /// <summary>The most bytes that a text of that length stands for.</summary>
    public static int MaxDecodedLength(int textBytes) => (int)(textBytes * 3L / 4);

    /// <summary>
    /// Writes the bytes. False when the text is not base64. <paramref name="output"/> must hold <see cref="MaxDecodedLength"/>.
    /// </summary>
    public static bool TryDecode(ReadOnlySpan<byte> text, Span<byte> output, out int written)
    {
        written = 0;
        var digits = WithoutPadding(text);
        if (digits.Length % 4 == 1)
        {
            return false;
        }

        var values = DigitValues;
        var group = 0;
        var groupBits = 0;
        foreach (var c in digits)
        {
            var value = values[c];
            if (value == NoDigit)
            {
                return false;
            }

            group = (group << 6) | value;
            groupBits += 6;
            if (groupBits >= 8)
            {
                groupBits -= 8;
                output[written++] = (byte)(group >> groupBits);
            }
        }

        return true;
    }

    /// <summary>
    /// Where the text stops being base64, as Go counts it (encoding/base64, CorruptInputError), without decoding it; −1 when all of it is.
    /// </summary>
    public static int FaultAt(ReadOnlySpan<byte> text)
    {
        var at = text.IndexOfAnyExcept(Digits);
        if (text.Length % 4 != 0)
        {
            // Unpadded, where one character alone is less than a byte.
            return at < 0 && text.Length % 4 == 1 ? text.Length - 1 : at;
        }

        if (at < 0)
        {
            return -1;
        }

        var inGroup = at % 4;
        if (text[at] != '=' || inGroup < 2 || (inGroup == 2 && text[at + 1] != '='))
        {
            return at;
        }

        var end = at + (4 - inGroup);
        return end < text.Length ? end : -1;
    }

    /// <summary>Padding counts only where it completes a group of four; anywhere else it is no digit.</summary>
    private static ReadOnlySpan<byte> WithoutPadding(ReadOnlySpan<byte> text)
    {
        if (text.Length == 0 || text.Length % 4 != 0 || text[^1] != '=')
        {
            return text;
        }

        return text[^2] == '=' ? text[..^2] : text[..^1];
    }

    private static byte[] BuildDigitValues()
    {
        var values = new byte[256];
        values.AsSpan().Fill(NoDigit);
        for (var i = 0; i < Alphabet.Length; i++)
        {
            values[Alphabet[i]] = (byte)i;
        }

        return values;
    }
}
