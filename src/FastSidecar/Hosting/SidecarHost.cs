using FastSidecar.Configuration;
using FastSidecar.Observability.Logging;
using Microsoft.Extensions.Logging;

namespace FastSidecar.Hosting;

/// <summary>One life of a sidecar: start, serve until somebody asks for the end, shut down.</summary>
internal sealed partial class SidecarHost
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

    private SidecarHost(SidecarOptions options, ConfigurationResource configuration, EnvironmentVariables environment, SidecarNode node, DaprLogging logging, TimeProvider time)
    {
        _options = options;
        _time = time;
        _log = logging.CreateLogger("dapr.runtime");
        _apiLog = logging.CreateLogger("dapr.api");
        _sidecar = new Sidecar(options, configuration, environment, node, logging, OnApiShutdown, time);
        _shutdown = new ShutdownSequence(_sidecar.Parts, _sidecar.Readiness, options, time, _log, logging.CreateLogger("dapr.runtime.http"));
    }

    /// <summary>
    /// Runs a sidecar until the API or <paramref name="shutdown"/> asks for the end, takes it down and returns the exit code. Throws <see cref="SidecarStartException"/>
    /// when it cannot start.
    /// </summary>
    public static async Task<int> RunAsync(SidecarOptions options, EnvironmentVariables environment, DaprLogging logging, CancellationToken shutdown)
    {
        var log = logging.CreateLogger("dapr.runtime");
        if (!options.MtlsEnabled)
        {
            Log.MtlsOff(logging.CreateLogger("dapr.runtime.security"));
        }

        var node = SidecarNode.Of(options, environment);
        var configuration = StartConfiguration.Load(options, environment, node.InternalPort, node.HostAddress, log);
        return await new SidecarHost(options, configuration, environment, node, logging, TimeProvider.System).RunAsync(shutdown);
    }

    private async Task<int> RunAsync(CancellationToken shutdown)
    {
        if (_options.GracefulShutdown == Timeout.InfiniteTimeSpan)
        {
            Log.InfiniteGrace(_log);
        }

        using var startOver = CancellationTokenSource.CreateLinkedTokenSource(shutdown);
        var starting = _sidecar.StartAsync(startOver.Token);
        var signalled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = shutdown.UnsafeRegister(static state => ((TaskCompletionSource)state!).TrySetResult(), signalled);
        var end = await Task.WhenAny(_asked.Task, signalled.Task, ObserveStart(starting));
        if (end == signalled.Task && starting.IsCompletedSuccessfully)
        {
            await _shutdown.BlockAsync(CancellationToken.None);
        }

        await startOver.CancelAsync();
        await ThrowIfNotStartedAsync(starting);
        if (await _shutdown.RunAsync() is { } failure)
        {
            Log.Fatal(_log, failure);
            return 1;
        }

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

    /// <summary>A start that failed is the caller's to report; one that was called off is not a failure.</summary>
    private static async Task ThrowIfNotStartedAsync(Task starting)
    {
        try
        {
            await starting;
        }
        catch (OperationCanceledException)
        {
            // Whoever called it off knows.
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
        [LoggerMessage(Level = LogLevel.Warning, Message = "mTLS is disabled. Skipping certificate request and tls validation")]
        public static partial void MtlsOff(ILogger logger);

        [LoggerMessage(Level = LogLevel.Warning, Message = "Graceful shutdown timeout is infinite, will wait indefinitely to shutdown")]
        public static partial void InfiniteGrace(ILogger logger);

        [LoggerMessage(Level = LogLevel.Information, Message = "Shutdown requested via API")]
        public static partial void ApiShutdown(ILogger logger);

        [LoggerMessage(Level = LogLevel.Warning, Message = "Force shutdown requested, exiting immediately without graceful shutdown")]
        public static partial void ForcedShutdown(ILogger logger);

        [LoggerMessage(Level = LogLevel.Critical, Message = "{Reason}")]
        public static partial void Fatal(ILogger logger, string reason);
    }
}
