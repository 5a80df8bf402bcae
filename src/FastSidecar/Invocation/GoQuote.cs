using System.Buffers;
using System.Globalization;
using System.Text;

namespace FastSidecar.Invocation;

/// <summary>
/// Go's <c>%q</c> (<c>strconv.Quote</c>): how Dapr shows foreign bytes inside an error message. Control characters, invalid UTF-8 and what
/// Go does not call printable become escapes, so the result is always a valid string.
/// </summary>
internal static class GoQuote
{
    private const string HexDigits = "0123456789abcdef";

    public static string Quote(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder(bytes.Length + 2);
        AppendTo(text, bytes);
        return text.ToString();
    }

    public static void AppendTo(StringBuilder text, ReadOnlySpan<byte> bytes)
    {
        text.Append('"');
        while (!bytes.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(bytes, out var rune, out var consumed) != OperationStatus.Done)
            {
                // Go escapes an invalid sequence byte by byte.
                AppendHexByte(text, bytes[0]);
                consumed = 1;
            }
            else
            {
                AppendRune(text, rune);
            }

            bytes = bytes[consumed..];
        }

        text.Append('"');
    }

    private static void AppendRune(StringBuilder text, Rune rune)
    {
        switch (rune.Value)
        {
            case '"' or '\\':
                text.Append('\\').Append((char)rune.Value);
                break;
            case '\a':
                text.Append("\\a");
                break;
            case '\b':
                text.Append("\\b");
                break;
            case '\f':
                text.Append("\\f");
                break;
            case '\n':
                text.Append("\\n");
                break;
            case '\r':
                text.Append("\\r");
                break;
            case '\t':
                text.Append("\\t");
                break;
            case '\v':
                text.Append("\\v");
                break;
            case < ' ' or 0x7f:
                AppendHexByte(text, (byte)rune.Value);
                break;
            default:
                if (IsPrintable(rune))
                {
                    text.Append(rune.ToString());
                }
                else
                {
                    AppendUnicodeEscape(text, rune.Value);
                }

                break;
        }
    }

    /// <summary>Go <c>unicode.IsPrint</c>: letters, marks, numbers, punctuation, symbols, and the ASCII space.</summary>
    private static bool IsPrintable(Rune rune) => rune.Value == ' ' || Rune.GetUnicodeCategory(rune) is not
        (UnicodeCategory.SpaceSeparator or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Control
        or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned);

    private static void AppendHexByte(StringBuilder text, byte value) =>
        text.Append("\\x").Append(HexDigits[value >> 4]).Append(HexDigits[value & 0xf]);

    private static void AppendUnicodeEscape(StringBuilder text, int value)
    {
        var digits = value <= 0xffff ? 4 : 8;
        text.Append(digits == 4 ? "\\u" : "\\U");
        for (var shift = (digits - 1) * 4; shift >= 0; shift -= 4)
        {
            text.Append(HexDigits[(value >> shift) & 0xf]);
        }
    }
}
