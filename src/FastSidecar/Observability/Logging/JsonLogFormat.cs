using System.Buffers;
using System.Text;

namespace FastSidecar.Observability.Logging;

/// <summary>One JSON object per line, keys sorted, escaped as Go's encoding/json does by default (HTML escaping on).</summary>
internal sealed class JsonLogFormat(LoggingOptions options) : LogFormat(options)
{
    public override void Write(ArrayBufferWriter<byte> line, in LogEntry entry)
    {
        var rest = entry.Fields;
        line.Write("{"u8);
        if (AppId is not null)
        {
            WriteField(line, ref rest, "app_id", AppId);
        }

        WriteField(line, ref rest, "instance", Instance);
        WriteField(line, ref rest, "level", LogEntry.LevelName(entry.Level));
        WriteField(line, ref rest, "msg", entry.Message);
        WriteKey(line, ref rest, "scope");
        line.Write("\""u8);
        WriteText(line, entry.Scope);
        line.Write("\""u8);
        WriteKey(line, ref rest, "time");
        line.Write("\""u8);
        WriteTime(line, entry.Time);
        line.Write("\""u8);
        WriteField(line, ref rest, "type", "log"u8);
        WriteField(line, ref rest, "ver", Version);
        WriteUpTo(line, ref rest, null);
        line.Write("}\n"u8);
    }

    internal static void WriteString(ArrayBufferWriter<byte> line, ReadOnlySpan<byte> value)
    {
        line.Write("\""u8);
        while (value.Length > 0)
        {
            var status = Rune.DecodeFromUtf8(value, out var rune, out var length);
            if (status != OperationStatus.Done)
            {
                line.Write("\\ufffd"u8);
            }
            else if (!TryEscape(line, rune))
            {
                line.Write(value[..length]);
            }

            value = value[length..];
        }

        line.Write("\""u8);
    }

    private static bool TryEscape(ArrayBufferWriter<byte> line, Rune rune)
    {
        ReadOnlySpan<byte> text = rune.Value switch
        {
            '"' => "\\\""u8,
            '\\' => "\\\\"u8,
            '\b' => "\\b"u8,
            '\f' => "\\f"u8,
            '\n' => "\\n"u8,
            '\r' => "\\r"u8,
            '\t' => "\\t"u8,
            _ => default,
        };
        if (text.Length > 0)
        {
            line.Write(text);
            return true;
        }

        if (rune.Value is >= ' ' and not ('<' or '>' or '&' or 0x2028 or 0x2029))
        {
            return false;
        }

        line.Write("\\u"u8);
        GoQuote.WriteHex(line, rune.Value, digits: 4);
        return true;
    }

    private static void WriteField(ArrayBufferWriter<byte> line, ref ReadOnlySpan<LogField> rest, string name, ReadOnlySpan<byte> value)
    {
        WriteKey(line, ref rest, name);
        WriteString(line, value);
    }

    private static void WriteKey(ArrayBufferWriter<byte> line, ref ReadOnlySpan<LogField> rest, string name)
    {
        WriteUpTo(line, ref rest, name);
        WriteKey(line, name);
    }

    private static void WriteKey(ArrayBufferWriter<byte> line, string name)
    {
        line.Write(line.WrittenSpan is [.., (byte)'{'] ? "\""u8 : ",\""u8);
        WriteText(line, name);
        line.Write("\":"u8);
    }

    /// <summary>Writes the entry's own fields that sort before <paramref name="next"/>.</summary>
    private static void WriteUpTo(ArrayBufferWriter<byte> line, ref ReadOnlySpan<LogField> rest, string? next)
    {
        while (rest.Length > 0 && (next is null || string.CompareOrdinal(rest[0].Name, next) < 0))
        {
            WriteKey(line, rest[0].Name);
            if (rest[0].IsNumber)
            {
                WriteNumber(line, rest[0].Number);
            }
            else
            {
                WriteString(line, rest[0].Text.Span);
            }

            rest = rest[1..];
        }
    }
}
