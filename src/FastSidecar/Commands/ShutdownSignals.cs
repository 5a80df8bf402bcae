using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;

namespace FastSidecar.Commands;

/// <summary>
/// SIGINT and SIGTERM: the first asks for an orderly end, a second ends the process at once with 1 (dapr/kit signals/signals.go). SIGQUIT
/// ends it with 2, as Go's runtime does. SIGHUP is held off; so are signals that a Go program outlives and others do not.
/// </summary>
internal sealed partial class ShutdownSignals : IDisposable
{
    private const int QuitExitCode = 2;

    /// <summary>By their numbers on Linux: .NET has no names for them.</summary>
    private const PosixSignal User1 = (PosixSignal)10, User2 = (PosixSignal)12;

    private readonly CancellationTokenSource _requested = new();
    private readonly ILogger _log;
    private readonly Action<int> _exit;
    private readonly PosixSignalRegistration[] _registrations;
    private int _count;

    /// <param name="log">Scope <c>dapr.signals</c>.</param>
    /// <param name="exit">Ends the process.</param>
    public ShutdownSignals(ILogger log, Action<int> exit)
    {
        _log = log;
        _exit = exit;
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, context => OnSignal(context, "interrupt")),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => OnSignal(context, "terminated")),
            PosixSignalRegistration.Create(PosixSignal.SIGQUIT, OnQuit),
            PosixSignalRegistration.Create(PosixSignal.SIGHUP, OnHangup),
            PosixSignalRegistration.Create(User1, static context => context.Cancel = true),
            PosixSignalRegistration.Create(User2, static context => context.Cancel = true),
        ];
    }

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Requested => _requested.Token;

    public void Dispose()
    {
        foreach (var registration in _registrations)
        {
            registration.Dispose();
        }

        _requested.Dispose();
    }

    /// <summary>What a signal does; <paramref name="name"/> is Go's word for it.</summary>
    internal void Handle(string name)
    {
        if (Interlocked.Increment(ref _count) > 1)
        {
            Log.Again(_log, name);
            _exit(1);
            return;
        }

        Log.First(_log, name);
        _requested.Cancel();
    }

    private void OnSignal(PosixSignalContext context, string name)
    {
        context.Cancel = true;
        Handle(name);
    }

    private void OnQuit(PosixSignalContext context)
    {
        context.Cancel = true;
        Log.Quit(_log);
        _exit(QuitExitCode);
    }

    private void OnHangup(PosixSignalContext context)
    {
        // A terminal that goes away, or a script that reloads daprd this way, must not kill the sidecar.
        context.Cancel = true;
        Log.Hangup(_log);
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "Received signal '{Name}'; beginning shutdown")]
        public static partial void First(ILogger logger, string name);

        [LoggerMessage(Level = LogLevel.Critical, Message = "Received signal '{Name}' during shutdown; exiting immediately")]
        public static partial void Again(ILogger logger, string name);

        [LoggerMessage(Level = LogLevel.Critical, Message = "Received signal 'quit'; exiting immediately")]
        public static partial void Quit(ILogger logger);

        [LoggerMessage(Level = LogLevel.Information, Message = "Received signal 'hangup'; ignored: this version does not reload")]
        public static partial void Hangup(ILogger logger);
    }
}
