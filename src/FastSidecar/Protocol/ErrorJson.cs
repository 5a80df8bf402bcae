using System.Buffers;
using System.Text;

namespace FastSidecar.Protocol;

/// <summary>
/// The body of Dapr's HTTP errors, <c>{"errorCode":"…","message":"…"}</c>, byte for byte as Go's encoding/json writes it (HTML characters escaped).
/// Writes UTF-8, allocates nothing.
/// </summary>
internal static class ErrorJson
{
    /// <summary>The most that one input byte becomes: <c>\u00XX</c>.</summary>
    private const int MaxEscapedBytes = 6;

    /// <summary>Input is escaped in steps of this many bytes, so that the writer is asked for spans of ordinary size.</summary>
    private const int StepBytes = 256;

    public static void Write(IBufferWriter<byte> output, ReadOnlySpan<byte> errorCode, ReadOnlySpan<byte> message)
    {
        output.Write("{\"errorCode\":"u8);
        WriteString(output, errorCode);
        output.Write(",\"message\":"u8);
        WriteString(output, message);
        output.Write("}"u8);
    }

    /// <summary>As the other overload, for a message that is a string already.</summary>
    public static void Write(IBufferWriter<byte> output, ReadOnlySpan<byte> errorCode, string message)
    {
        var bytes = ArrayPool<byte>.Shared.Rent(Encoding.UTF8.GetMaxByteCount(message.Length));
        try
        {
            Write(output, errorCode, bytes.AsSpan(0, Encoding.UTF8.GetBytes(message, bytes)));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }

    /// <summary>
    /// One JSON string with its quotes. Wrong UTF-8 becomes <c>\ufffd</c>, one for each byte; U+2028 and U+2029 and &lt; &gt; &amp; are escaped
    /// (Go encoding/json, appendString with escapeHTML).
    /// </summary>
    public static void WriteString(IBufferWriter<byte> output, ReadOnlySpan<byte> utf8)
    {
        output.Write("\""u8);
        while (!utf8.IsEmpty)
        {
            var span = output.GetSpan(StepBytes * MaxEscapedBytes);
            var written = 0;
            var end = Math.Max(utf8.Length - StepBytes, 0);
            while (utf8.Length > end)
            {
                utf8 = utf8[EscapeOne(utf8, span, ref written)..];
            }

            output.Advance(written);
        }

        output.Write("\""u8);
    }

    /// <summary>Escapes one character and returns how many bytes it had.</summary>
    private static int EscapeOne(ReadOnlySpan<byte> utf8, Span<byte> span, ref int written)
    {
        var first = utf8[0];
        if (first < 0x80)
        {
            EscapeAscii(first, span, ref written);
            return 1;
        }

        if (Rune.DecodeFromUtf8(utf8, out var rune, out var size) != OperationStatus.Done)
        {
            Append("\\ufffd"u8, span, ref written);
            return 1;
        }

        switch (rune.Value)
        {
            case 0x2028:
                Append("\\u2028"u8, span, ref written);
                break;
            case 0x2029:
                Append("\\u2029"u8, span, ref written);
                break;
            default:
                Append(utf8[..size], span, ref written);
                break;
        }

        return size;
    }

    private static void EscapeAscii(byte value, Span<byte> span, ref int written)
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
            case < 0x20 or (byte)'<' or (byte)'>' or (byte)'&':
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
