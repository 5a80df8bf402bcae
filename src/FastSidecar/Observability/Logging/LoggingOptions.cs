using Microsoft.Extensions.Logging;

namespace FastSidecar.Observability.Logging;

/// <summary>How and where the program logs; defaults are Dapr's.</summary>
internal sealed record LoggingOptions
{
    /// <summary>The least severe level that is written (<c>--log-level</c>).</summary>
    public LogLevel Level { get; init; } = LogLevel.Information;

    /// <summary>One JSON object per line in place of text (<c>--log-as-json</c>).</summary>
    public bool AsJson { get; init; }

    /// <summary>Appended to instead of standard output (<c>--log-file</c>); empty: standard output.</summary>
    public string File { get; init; } = "";

    /// <summary>Field <c>app_id</c>; null leaves the field out, as daprd does before it has read its flags.</summary>
    public string? AppId { get; init; }

    /// <summary>Field <c>instance</c>: the host name.</summary>
    public string Instance { get; init; } = "";

    /// <summary>Field <c>ver</c>.</summary>
    public string Version { get; init; } = "";

    /// <summary>Colours and seconds since the start instead of key=value fields for time and level: a person is watching.</summary>
    public bool ForTerminal { get; init; }

    /// <summary>The level a <c>--log-level</c> value names, in any case; false for any other text (dapr/kit logger/logger.go).</summary>
    public static bool TryParseLevel(string text, out LogLevel level)
    {
        LogLevel? named = text.ToLowerInvariant() switch
        {
            "debug" => LogLevel.Debug,
            "info" => LogLevel.Information,
            "warn" => LogLevel.Warning,
            "error" => LogLevel.Error,
            "fatal" => LogLevel.Critical,
            _ => null,
        };
        level = named ?? LogLevel.None;
        return named is not null;
    }
}
