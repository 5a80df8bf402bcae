using FastSidecar.Configuration;
using FastSidecar.Observability.Logging;
using Microsoft.Extensions.Logging;

namespace FastSidecar.Hosting;

/// <summary>One life of a sidecar: start, serve until somebody asks for the end, shut down.</summary>
internal sealed partial class SidecarRun
{
    /// <summary>How long after its answer a forced shutdown ends the process (dapr pkg/api/universal/shutdown.go v1.18.3).</summary>
    private static readonly TimeSpan ForcedAfter = TimeSpan.FromMilliseconds(100);

    private readonly SidecarOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly ILogger _apiLog;
    private readonly Sidecar _sidecar;
    private readonly ShutdownSequence _shutdown;
    private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _startOver = new();

    public SidecarRun(SidecarOptions options, ConfigurationResource configuration, EnvironmentVariables environment, DaprLogging logging, TimeProvider time)
    {
        _options = options;
        _time = time;
        _log = logging.CreateLogger("dapr.runtime");
        _apiLog = logging.CreateLogger("dapr.api");
        _sidecar = new Sidecar(options, configuration, environment, logging, OnApiShutdown, time);
        _shutdown = new ShutdownSequence(_sidecar.Parts, _sidecar.Readiness, options, time, _log, logging.CreateLogger("dapr.runtime.http"));
    }

    /// <summary>
    /// Runs to the end and returns the exit code. <paramref name="signalled"/> completes with the first signal to stop; the API may ask as well, and then skips the block period.
    /// </summary>
    public async Task<int> RunAsync(Task signalled)
    {
        if (_options.GracefulShutdown == Timeout.InfiniteTimeSpan)
        {
            Log.InfiniteGrace(_log);
        }

        var starting = _sidecar.StartAsync(_startOver.Token);
        var end = await Task.WhenAny(_asked.Task, signalled, ObserveStart(starting));
        if (end == signalled)
        {
            await _shutdown.BlockAsync(CancellationToken.None);
        }

        await _startOver.CancelAsync();
        if (await StartProblemAsync(starting) is { } problem)
        {
            Log.Fatal(_log, problem.Message);
            return 1;
        }

        if (await _shutdown.RunAsync() is { } failure)
        {
            Log.Fatal(_log, failure);
            return 1;
        }

        Log.Graceful(_log);
        return 0;
    }

    /// <summary>Completes only when the start failed: a start that succeeded is no reason to stop.</summary>
    private static async Task ObserveStart(Task starting)
    {
        try
        {
            await starting;
        }
        catch (Exception e) when (e is SidecarStartException or OperationCanceledException)
        {
            return;
        }

        await new TaskCompletionSource().Task;
    }

    private static async Task<StartProblem?> StartProblemAsync(Task starting)
    {
        try
        {
            await starting;
            return null;
        }
        catch (SidecarStartException e)
        {
            return e.Problem;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    private void OnApiShutdown(bool force)
    {
        if (!force)
        {
            Log.ApiShutdown(_apiLog);
            _asked.TrySetResult();
            return;
        }

        Log.ForcedShutdown(_apiLog);
        _ = _time.CreateTimer(static _ => Environment.Exit(1), null, ForcedAfter, Timeout.InfiniteTimeSpan);
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "Graceful shutdown timeout is infinite, will wait indefinitely to shutdown")]
        public static partial void InfiniteGrace(ILogger logger);

        [LoggerMessage(Level = LogLevel.Information, Message = "Shutdown requested via API")]
        public static partial void ApiShutdown(ILogger logger);

        [LoggerMessage(Level = LogLevel.Warning, Message = "Force shutdown requested, exiting immediately without graceful shutdown")]
        public static partial void ForcedShutdown(ILogger logger);

        [LoggerMessage(Level = LogLevel.Critical, Message = "{Reason}")]
        public static partial void Fatal(ILogger logger, string reason);

        [LoggerMessage(Level = LogLevel.Information, Message = "Daprd shutdown gracefully")]
        public static partial void Graceful(ILogger logger);
    }
}
