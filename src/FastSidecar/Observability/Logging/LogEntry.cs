using Microsoft.Extensions.Logging;

namespace FastSidecar.Observability.Logging;

/// <summary>One line before it is formatted. Spans are UTF-8 (a peer's bytes may be anything) and valid during the call only.</summary>
internal readonly ref struct LogEntry
{
    public required DateTimeOffset Time { get; init; }

    public required LogLevel Level { get; init; }

    public required ReadOnlySpan<byte> Message { get; init; }

    /// <summary>Dapr's name of the logger.</summary>
    public required string Scope { get; init; }

    /// <summary>Sorted by name (ordinal).</summary>
    public ReadOnlySpan<LogField> Fields { get; init; }

    /// <summary>Dapr's word for a level (logrus); it has nothing below debug.</summary>
    public static ReadOnlySpan<byte> LevelName(LogLevel level) => level switch
    {
        LogLevel.Trace or LogLevel.Debug => "debug"u8,
        LogLevel.Information => "info"u8,
        LogLevel.Warning => "warning"u8,
        LogLevel.Error => "error"u8,
        _ => "fatal"u8,
    };
}
