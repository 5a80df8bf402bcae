using System.Buffers;

namespace FastSidecar.Observability.Logging;

/// <summary>
/// <c>time="…" level=info msg="…" app_id=… …</c>: time, level and message first, the other fields sorted by name. A value is quoted unless
/// it is made of letters, digits and <c>-._/@^+</c> only (sirupsen/logrus text_formatter.go).
/// </summary>
internal sealed class TextLogFormat(LoggingOptions options) : LogFormat(options)
{
    private static readonly SearchValues<byte> Bare =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._/@^+"u8);

    public override void Write(ArrayBufferWriter<byte> line, in LogEntry entry)
    {
        line.Write("time=\""u8);
        WriteTime(line, entry.Time);
        line.Write("\" level="u8);
        line.Write(LogEntry.LevelName(entry.Level));
        line.Write(" msg="u8);
        WriteValue(line, entry.Message);
        WriteFields(line, entry);
        line.Write("\n"u8);
    }

    internal static void WriteValue(ArrayBufferWriter<byte> line, ReadOnlySpan<byte> value)
    {
        if (value.ContainsAnyExcept(Bare))
        {
            GoQuote.Write(line, value);
        }
        else
        {
            line.Write(value);
        }
    }

    private void WriteFields(ArrayBufferWriter<byte> line, in LogEntry entry)
    {
        var rest = entry.Fields;
        if (AppId is not null)
        {
            WriteField(line, ref rest, "app_id", AppId);
        }

        WriteField(line, ref rest, "instance", Instance);
        WriteUpTo(line, ref rest, "scope");
        line.Write(" scope="u8);
        WriteText(line, entry.Scope);
        WriteField(line, ref rest, "type", "log"u8);
        WriteField(line, ref rest, "ver", Version);
        WriteUpTo(line, ref rest, null);
    }

    private static void WriteField(ArrayBufferWriter<byte> line, ref ReadOnlySpan<LogField> rest, string name, ReadOnlySpan<byte> value)
    {
        WriteUpTo(line, ref rest, name);
        line.Write(" "u8);
        WriteText(line, name);
        line.Write("="u8);
        WriteValue(line, value);
    }

    /// <summary>Writes the entry's own fields that sort before <paramref name="next"/>.</summary>
    private static void WriteUpTo(ArrayBufferWriter<byte> line, ref ReadOnlySpan<LogField> rest, string? next)
    {
        while (rest.Length > 0 && (next is null || string.CompareOrdinal(rest[0].Name, next) < 0))
        {
            line.Write(" "u8);
            WriteText(line, rest[0].Name);
            line.Write("="u8);
            if (rest[0].IsNumber)
            {
                WriteNumber(line, rest[0].Number);
            }
            else
            {
                WriteValue(line, rest[0].Text.Span);
            }

            rest = rest[1..];
        }
    }
}
