using System.Text;
using FastSidecar.Observability.Logging;

namespace FastSidecar.Tests.Observability;

/// <summary>A log whose lines a test reads, at a fixed time.</summary>
internal sealed class LogRecorder : IDisposable
{
    public static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero);

    private readonly MemoryStream _output = new();

    public LogRecorder(LoggingOptions options, TimeZoneInfo? zone = null) =>
        Logging = new DaprLogging(options, _output, new FixedTime(zone ?? TimeZoneInfo.Utc));

    public DaprLogging Logging { get; }

    public string Text => Encoding.UTF8.GetString(_output.ToArray());

    public void Dispose() => Logging.Dispose();

    private sealed class FixedTime(TimeZoneInfo zone) : TimeProvider
    {
        public override TimeZoneInfo LocalTimeZone => zone;

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
