using System.Buffers;
using System.Globalization;
using System.Text;

namespace FastSidecar.Observability.Logging;

/// <summary>
/// Turns an entry into one line, newline included. Stateless but for the fields that every line of the process carries; those are encoded
/// once.
/// </summary>
internal abstract class LogFormat
{
    protected LogFormat(LoggingOptions options)
    {
        AppId = options.AppId is null ? null : Encoding.UTF8.GetBytes(options.AppId);
        Instance = Encoding.UTF8.GetBytes(options.Instance);
        Version = Encoding.UTF8.GetBytes(options.Version);
    }

    /// <summary>Null leaves the field out.</summary>
    protected byte[]? AppId { get; }

    protected byte[] Instance { get; }

    protected byte[] Version { get; }

    public abstract void Write(ArrayBufferWriter<byte> line, in LogEntry entry);

    public static LogFormat For(LoggingOptions options, DateTimeOffset start) => options switch
    {
        { AsJson: true } => new JsonLogFormat(options),
        { ForTerminal: true } => new TerminalLogFormat(options, start),
        _ => new TextLogFormat(options),
    };

    protected static void WriteText(ArrayBufferWriter<byte> line, string text)
    {
        var span = line.GetSpan(Encoding.UTF8.GetMaxByteCount(text.Length));
        line.Advance(Encoding.UTF8.GetBytes(text, span));
    }

    protected static void WriteNumber(ArrayBufferWriter<byte> line, long number)
    {
        var span = line.GetSpan(20);
        number.TryFormat(span, out var written, default, CultureInfo.InvariantCulture);
        line.Advance(written);
    }

    /// <summary>Go's RFC3339Nano: as many decimals as are not zero, local zone, <c>Z</c> for UTC.</summary>
    protected static void WriteTime(ArrayBufferWriter<byte> line, DateTimeOffset time)
    {
        var span = line.GetSpan(40);
        time.TryFormat(span, out var written, "yyyy-MM-ddTHH:mm:ss.FFFFFFF", CultureInfo.InvariantCulture);
        line.Advance(written);
        if (time.Offset == TimeSpan.Zero)
        {
            line.Write("Z"u8);
            return;
        }

        span = line.GetSpan(8);
        time.TryFormat(span, out written, "zzz", CultureInfo.InvariantCulture);
        line.Advance(written);
    }
}
