using System.Buffers;
using System.Text;

namespace FastSidecar.Invocation;

/// <summary>
/// A JSON string as Go's <c>encoding/json</c> writes it, which Dapr's error bodies are made of: <c>&lt;</c>, <c>&gt;</c>, <c>&amp;</c>,
/// U+2028 and U+2029 become escapes, invalid UTF-8 becomes <c>\ufffd</c>.
/// </summary>
internal static class GoJson
{
    /// <summary>Writes the string with its quotes.</summary>
    public static void WriteString(IBufferWriter<byte> output, ReadOnlySpan<byte> utf8)
    {
        output.Write("\""u8);
        while (!utf8.IsEmpty)
        {
            var status = Rune.DecodeFromUtf8(utf8, out var rune, out var consumed);
            if (status != OperationStatus.Done)
            {
                output.Write("\\ufffd"u8);
                consumed = 1;
            }
            else if (EscapeOf(rune.Value) is { } escape)
            {
                Write(output, escape);
            }
            else
            {
                output.Write(utf8[..consumed]);
            }

            utf8 = utf8[consumed..];
        }

        output.Write("\""u8);
    }

    public static void WriteString(IBufferWriter<byte> output, string text) => WriteString(output, Encoding.UTF8.GetBytes(text));

    private static string? EscapeOf(int value) => value switch
    {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        '\b' => "\\b",
        '\f' => "\\f",
        < ' ' or '<' or '>' or '&' or 0x2028 or 0x2029 => $"\\u{value:x4}",
        _ => null,
    };

    private static void Write(IBufferWriter<byte> output, string ascii)
    {
        var span = output.GetSpan(ascii.Length);
        Encoding.ASCII.GetBytes(ascii, span);
        output.Advance(ascii.Length);
    }
}
