using Microsoft.Extensions.Logging;

namespace FastSidecar.Tests.Resolution;

/// <summary>Keeps what was logged at information level and above, as "Level message".</summary>
internal sealed class LinesLogger : ILogger
{
    private readonly Lock _lock = new();
    private readonly List<string> _lines = [];

    public List<string> Lines
    {
        get
        {
            lock (_lock)
            {
                return [.. _lines];
            }
        }
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel))
        {
            lock (_lock)
            {
                _lines.Add($"{logLevel} {formatter(state, exception)}");
            }
        }
    }
}
