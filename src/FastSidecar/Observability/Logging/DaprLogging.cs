using System.Buffers;
using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.Logging;

namespace FastSidecar.Observability.Logging;

/// <summary>
/// The program's log in Dapr's format. A logger's category is Dapr's scope (<c>dapr.runtime</c>, <c>dapr.runtime.http</c>, …);
/// <c>LogCritical</c> is Dapr's level fatal, though it ends nothing.
/// </summary>
/// <remarks>
/// Lines are written whole, under one lock, straight to the stream: a reader that stalls stalls the program, as with daprd, and nothing is
/// lost in a queue when the process ends. A stream that fails is not reported anywhere: there is no other place to say it.
/// </remarks>
internal sealed class DaprLogging : ILoggerFactory, ILoggerProvider
{
    /// <summary>A line's buffer is kept up to this size; one longer line gives its memory back.</summary>
    private const int KeptBufferBytes = 16 * 1024;

    private readonly ConcurrentDictionary<string, ILogger> _loggers = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();
    private readonly LogLevel _level;
    private readonly LogFormat _format;
    private readonly Stream _output;
    private readonly TimeProvider _time;
    private ArrayBufferWriter<byte> _line = new(1024);
    private ArrayBufferWriter<byte> _scratch = new(1024);

    /// <summary>Writes to <paramref name="output"/>, which it owns and closes.</summary>
    public DaprLogging(LoggingOptions options, Stream output, TimeProvider time)
    {
        _level = options.Level;
        _format = LogFormat.For(options, time.GetLocalNow());
        _output = output;
        _time = time;
    }

    public bool IsEnabled(LogLevel level) => level >= _level && level != LogLevel.None;

    /// <summary>A logger of one of Dapr's scopes. What the framework logs under its own names appears only at level debug.</summary>
    public ILogger CreateLogger(string categoryName) => _loggers.GetOrAdd(
        categoryName,
        static (name, logging) => new ScopeLogger(logging, name, component: null, IsForeign(name)),
        this);

    /// <summary>A logger whose lines carry the field <c>component</c>, for example <c>nr (mdns/v1)</c>.</summary>
    public ILogger CreateLogger(string scope, string component) => new ScopeLogger(this, scope, component, isForeign: false);

    /// <summary>Nothing to add to: there is one output.</summary>
    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException("the log has one output");

    public void Dispose() => _output.Dispose();

    private static bool IsForeign(string category) =>
        category.StartsWith("Microsoft.", StringComparison.Ordinal) || category.StartsWith("System.", StringComparison.Ordinal);

    /// <summary>
    /// Writes one line whatever its level. <paramref name="fill"/> runs under the lock and may encode text into the scratch buffer it is
    /// given.
    /// </summary>
    internal void Write<TState>(LogLevel level, string scope, TState state, EntryText<TState> fill)
        where TState : allows ref struct
    {
        lock (_gate)
        {
            _scratch.ResetWrittenCount();
            _line.ResetWrittenCount();
            var fields = fill(state, _scratch, out var messageBytes);
            var entry = new LogEntry
            {
                Time = _time.GetLocalNow(),
                Level = level,
                Message = _scratch.WrittenSpan[..messageBytes],
                Scope = scope,
                Fields = fields,
            };
            _format.Write(_line, entry);
            WriteLine();
            Shrink(ref _line);
            Shrink(ref _scratch);
        }
    }

    private void WriteLine()
    {
        try
        {
            _output.Write(_line.WrittenSpan);
            _output.Flush();
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or UnauthorizedAccessException)
        {
            // See the remarks: a log that cannot be written must not take the sidecar down.
        }
    }

    private static void Shrink(ref ArrayBufferWriter<byte> buffer)
    {
        if (buffer.Capacity > KeptBufferBytes)
        {
            buffer = new ArrayBufferWriter<byte>(1024);
        }
    }

    /// <summary>
    /// Encodes an entry's message, then its field texts, into <paramref name="scratch"/>, and returns the fields sorted by name.
    /// </summary>
    internal delegate ReadOnlySpan<LogField> EntryText<TState>(TState state, ArrayBufferWriter<byte> scratch, out int messageBytes)
        where TState : allows ref struct;

    private sealed class ScopeLogger(DaprLogging logging, string scope, string? component, bool isForeign) : ILogger
    {
        private readonly LogField[] _componentField =
            component is null ? [] : [LogField.OfText("component", Encoding.UTF8.GetBytes(component))];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) =>
            logging.IsEnabled(logLevel) && (!isForeign || logging.IsEnabled(LogLevel.Debug));

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel))
            {
                return;
            }

            var message = formatter(state, exception);
            if (exception is not null)
            {
                // The stack is for those who asked for detail; an operator gets the reason.
                var reason = logging.IsEnabled(LogLevel.Debug) ? exception.ToString() : exception.Message;
                message = $"{message}: {reason}";
            }

            logging.Write(logLevel, scope, (Message: message, Fields: _componentField), Encode);
        }

        private static ReadOnlySpan<LogField> Encode(
            (string Message, LogField[] Fields) state, ArrayBufferWriter<byte> scratch, out int messageBytes)
        {
            Encoding.UTF8.GetBytes(state.Message, scratch);
            messageBytes = scratch.WrittenCount;
            return state.Fields;
        }
    }
}
