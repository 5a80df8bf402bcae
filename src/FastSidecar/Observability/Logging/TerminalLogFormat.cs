using System.Buffers;
using System.Globalization;
using Microsoft.Extensions.Logging;

namespace FastSidecar.Observability.Logging;

/// <summary>
/// What logrus prints on a terminal: a coloured level, the seconds since the start, the message padded to 44 columns, then coloured keys
/// (text_formatter.go, printColored).
/// </summary>
internal sealed class TerminalLogFormat(LoggingOptions options, DateTimeOffset start) : LogFormat(options)
{
    private const int MessageColumns = 44;

    public override void Write(ArrayBufferWriter<byte> line, in LogEntry entry)
    {
        var colour = Colour(entry.Level);
        WriteColoured(line, colour, LevelLabel(entry.Level));
        line.Write("["u8);
        var seconds = line.GetSpan(20);
        ((long)(entry.Time - start).TotalSeconds).TryFormat(seconds, out var written, "0000", CultureInfo.InvariantCulture);
        line.Advance(written);
        line.Write("] "u8);
        line.Write(entry.Message);
        for (var column = entry.Message.Length; column < MessageColumns; column++)
        {
            line.Write(" "u8);
        }

        line.Write(" "u8);
        WriteFields(line, entry, colour);
        line.Write("\n"u8);
    }

    private void WriteFields(ArrayBufferWriter<byte> line, in LogEntry entry, ReadOnlySpan<byte> colour)
    {
        // Sorting matters less to a person than to a parser: the fields that differ between lines come first.
        foreach (ref readonly var field in entry.Fields)
        {
            WriteKey(line, colour, field.Name);
            if (field.IsNumber)
            {
                WriteNumber(line, field.Number);
            }
            else
            {
                TextLogFormat.WriteValue(line, field.Text.Span);
            }
        }

        WriteKey(line, colour, "app_id");
        TextLogFormat.WriteValue(line, AppId);
        WriteKey(line, colour, "instance");
        TextLogFormat.WriteValue(line, Instance);
        WriteKey(line, colour, "scope");
        WriteText(line, entry.Scope);
        WriteKey(line, colour, "ver");
        TextLogFormat.WriteValue(line, Version);
    }

    private static void WriteKey(ArrayBufferWriter<byte> line, ReadOnlySpan<byte> colour, string name)
    {
        line.Write(" \u001b["u8);
        line.Write(colour);
        line.Write("m"u8);
        WriteText(line, name);
        line.Write("\u001b[0m="u8);
    }

    private static void WriteColoured(ArrayBufferWriter<byte> line, ReadOnlySpan<byte> colour, ReadOnlySpan<byte> text)
    {
        line.Write("\u001b["u8);
        line.Write(colour);
        line.Write("m"u8);
        line.Write(text);
        line.Write("\u001b[0m"u8);
    }

    private static ReadOnlySpan<byte> Colour(LogLevel level) => level switch
    {
        LogLevel.Trace or LogLevel.Debug => "37"u8,
        LogLevel.Information => "36"u8,
        LogLevel.Warning => "33"u8,
        _ => "31"u8,
    };

    private static ReadOnlySpan<byte> LevelLabel(LogLevel level) => level switch
    {
        LogLevel.Trace or LogLevel.Debug => "DEBU"u8,
        LogLevel.Information => "INFO"u8,
        LogLevel.Warning => "WARN"u8,
        LogLevel.Error => "ERRO"u8,
        _ => "FATA"u8,
    };
}
