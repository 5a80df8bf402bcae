using System.Buffers;
using System.Globalization;
using System.Text;

namespace FastSidecar.Observability.Logging;

/// <summary>
/// Go's <c>%q</c> (strconv.Quote): double quotes, Go's escapes, printable text as it is, bytes that are not UTF-8 as <c>\xNN</c>.
/// </summary>
internal static class GoQuote
{
    public static string Quote(string text)
    {
        var line = new ArrayBufferWriter<byte>(text.Length + 16);
        Write(line, Encoding.UTF8.GetBytes(text));
        return Encoding.UTF8.GetString(line.WrittenSpan);
    }

    public static void Write(ArrayBufferWriter<byte> line, ReadOnlySpan<byte> value)
    {
        line.Write("\""u8);
        while (value.Length > 0)
        {
            var status = Rune.DecodeFromUtf8(value, out var rune, out var length);
            if (status != OperationStatus.Done)
            {
                // Go gives up one byte at a time; Rune may report several as one.
                length = 1;
                line.Write("\\x"u8);
                WriteHex(line, value[0], digits: 2);
            }
            else if (rune.Value is '"' or '\\' || !IsPrintable(rune))
            {
                WriteEscape(line, rune);
            }
            else
            {
                line.Write(value[..length]);
            }

            value = value[length..];
        }

        line.Write("\""u8);
    }

    internal static void WriteHex(ArrayBufferWriter<byte> line, int value, int digits)
    {
        var span = line.GetSpan(digits);
        for (var i = digits - 1; i >= 0; i--)
        {
            span[i] = "0123456789abcdef"u8[value & 0xf];
            value >>= 4;
        }

        line.Advance(digits);
    }

    private static void WriteEscape(ArrayBufferWriter<byte> line, Rune rune)
    {
        ReadOnlySpan<byte> text = rune.Value switch
        {
            '"' => "\\\""u8,
            '\\' => "\\\\"u8,
            '\a' => "\\a"u8,
            '\b' => "\\b"u8,
            '\f' => "\\f"u8,
            '\n' => "\\n"u8,
            '\r' => "\\r"u8,
            '\t' => "\\t"u8,
            '\v' => "\\v"u8,
            < ' ' or 0x7f => "\\x"u8,
            < 0x10000 => "\\u"u8,
            _ => "\\U"u8,
        };
        line.Write(text);
        switch (text[1])
        {
            case (byte)'x':
                WriteHex(line, rune.Value, digits: 2);
                break;
            case (byte)'u':
                WriteHex(line, rune.Value, digits: 4);
                break;
            case (byte)'U':
                WriteHex(line, rune.Value, digits: 8);
                break;
            default:
                break;
        }
    }

    /// <summary>Go's unicode.IsPrint: letters, marks, numbers, punctuation, symbols and the ASCII space.</summary>
    private static bool IsPrintable(Rune rune) => rune.Value == ' ' || Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse
        or UnicodeCategory.OtherNotAssigned or UnicodeCategory.SpaceSeparator or UnicodeCategory.LineSeparator
        or UnicodeCategory.ParagraphSeparator);
}
