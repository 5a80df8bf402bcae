using System.Buffers;
using System.Globalization;
using System.Text;

namespace FastSidecar.Protocol;

/// <summary>Texts as Go prints them, because they stand in Dapr's error messages. Pure functions.</summary>
internal static class GoText
{
    private const string HexDigits = "0123456789abcdef";

    /// <summary>Go's <c>%q</c> of a string (strconv.Quote): double quotes, escapes for everything that is not printable.</summary>
    public static string Quote(string text) => Quote(Encoding.UTF8.GetBytes(text));

    /// <summary>As the other overload; bytes that are not UTF-8 become <c>\x</c> escapes.</summary>
    public static string Quote(ReadOnlySpan<byte> utf8)
    {
        var quoted = new StringBuilder(utf8.Length + 2);
        quoted.Append('"');
        while (!utf8.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(utf8, out var rune, out var size) == OperationStatus.Done)
            {
                AppendRune(quoted, rune);
            }
            else
            {
                // Go decodes one wrong byte at a time, .NET a whole cut sequence.
                size = 1;
                AppendHex(quoted.Append("\\x"), utf8[0], 2);
            }

            utf8 = utf8[size..];
        }

        return quoted.Append('"').ToString();
    }

    private static void AppendRune(StringBuilder quoted, Rune rune)
    {
        switch (rune.Value)
        {
            case '"' or '\\':
                quoted.Append('\\').Append((char)rune.Value);
                break;
            case '\a':
                quoted.Append("\\a");
                break;
            case '\b':
                quoted.Append("\\b");
                break;
            case '\f':
                quoted.Append("\\f");
                break;
            case '\n':
                quoted.Append("\\n");
                break;
            case '\r':
                quoted.Append("\\r");
                break;
            case '\t':
                quoted.Append("\\t");
                break;
            case '\v':
                quoted.Append("\\v");
                break;
            case < ' ' or 0x7f:
                AppendHex(quoted.Append("\\x"), rune.Value, 2);
                break;
            default:
                if (IsPrintable(rune))
                {
                    quoted.Append(rune.ToString());
                }
                else if (rune.IsBmp)
                {
                    AppendHex(quoted.Append("\\u"), rune.Value, 4);
                }
                else
                {
                    AppendHex(quoted.Append("\\U"), rune.Value, 8);
                }

                break;
        }
    }

    /// <summary>Go's unicode.IsPrint: letters, marks, numbers, punctuation, symbols, and of the spaces only the ASCII one.</summary>
    private static bool IsPrintable(Rune rune) => rune.Value == ' ' || Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.SpaceSeparator or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Control
        or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned);

    private static void AppendHex(StringBuilder text, int value, int digits)
    {
        for (var shift = (digits - 1) * 4; shift >= 0; shift -= 4)
        {
            text.Append(HexDigits[(value >> shift) & 0xf]);
        }
    }
}
