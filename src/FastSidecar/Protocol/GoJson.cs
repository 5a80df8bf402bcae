using System.Buffers;
using System.Text;

namespace FastSidecar.Protocol;

/// <summary>JSON strings as Go writes them, byte for byte. Writes UTF-8, allocates nothing.</summary>
internal static class GoJson
{
    /// <summary>The most that one input byte becomes: <c>\u00XX</c>.</summary>
    private const int MaxEscapedBytes = 6;

    /// <summary>Input is escaped in steps of this many bytes, so that the writer is asked for spans of ordinary size.</summary>
    private const int StepBytes = 256;

    /// <summary>
    /// One JSON string with its quotes. Wrong UTF-8 becomes <c>\ufffd</c>, one for each byte; U+2028 and U+2029 and &lt; &gt; &amp; are
    /// escaped (Go encoding/json, appendString with escapeHTML).
    /// </summary>
    /// <param name="output">Receives the string.</param>
    /// <param name="utf8">The text.</param>
    /// <param name="escapeHtml">False for the rules of protojson, which escapes only what JSON demands.</param>
    public static void WriteString(IBufferWriter<byte> output, ReadOnlySpan<byte> utf8, bool escapeHtml = true)
    {
        output.Write("\""u8);
        while (!utf8.IsEmpty)
        {
            var span = output.GetSpan(StepBytes * MaxEscapedBytes);
            var written = 0;
            var end = Math.Max(utf8.Length - StepBytes, 0);
            while (utf8.Length > end)
            {
                utf8 = utf8[EscapeOne(utf8, escapeHtml, span, ref written)..];
            }

            output.Advance(written);
        }

        output.Write("\""u8);
    }

    /// <summary>As the other overload, for text that is a string already.</summary>
    public static void WriteString(IBufferWriter<byte> output, string text, bool escapeHtml = true)
    {
        var bytes = ArrayPool<byte>.Shared.Rent(Encoding.UTF8.GetMaxByteCount(text.Length));
        try
        {
            WriteString(output, bytes.AsSpan(0, Encoding.UTF8.GetBytes(text, bytes)), escapeHtml);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }

    /// <summary>Escapes one character and returns how many bytes it had.</summary>
    private static int EscapeOne(ReadOnlySpan<byte> utf8, bool escapeHtml, Span<byte> span, ref int written)
    {
        var first = utf8[0];
        if (first < 0x80)
        {
            EscapeAscii(first, escapeHtml, span, ref written);
            return 1;
        }

        if (Rune.DecodeFromUtf8(utf8, out var rune, out var size) != OperationStatus.Done)
        {
            Append("\\ufffd"u8, span, ref written);
            return 1;
        }

        switch (rune.Value)
        {
            case 0x2028 when escapeHtml:
                Append("\\u2028"u8, span, ref written);
                break;
            case 0x2029 when escapeHtml:
                Append("\\u2029"u8, span, ref written);
                break;
            default:
                Append(utf8[..size], span, ref written);
                break;
        }

        return size;
    }

    private static void EscapeAscii(byte value, bool escapeHtml, Span<byte> span, ref int written)
    {
        switch (value)
        {
            case (byte)'"':
                Append("\\\""u8, span, ref written);
                break;
            case (byte)'\\':
                Append("\\\\"u8, span, ref written);
                break;
            case (byte)'\b':
                Append("\\b"u8, span, ref written);
                break;
            case (byte)'\f':
                Append("\\f"u8, span, ref written);
                break;
            case (byte)'\n':
                Append("\\n"u8, span, ref written);
                break;
            case (byte)'\r':
                Append("\\r"u8, span, ref written);
                break;
            case (byte)'\t':
                Append("\\t"u8, span, ref written);
                break;
            case < 0x20:
            case (byte)'<' or (byte)'>' or (byte)'&' when escapeHtml:
                Append("\\u00"u8, span, ref written);
                span[written++] = "0123456789abcdef"u8[value >> 4];
                span[written++] = "0123456789abcdef"u8[value & 0xf];
                break;
            default:
                span[written++] = value;
                break;
        }
    }

    private static void Append(ReadOnlySpan<byte> bytes, Span<byte> span, ref int written)
    {
        bytes.CopyTo(span[written..]);
        written += bytes.Length;
    }
}
