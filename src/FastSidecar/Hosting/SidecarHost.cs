using System.Runtime.ExceptionServices;
using FastSidecar.Configuration;
using FastSidecar.Observability.Logging;
using Microsoft.Extensions.Logging;

namespace FastSidecar.Hosting;

/// <summary>One life of a sidecar: start, serve until somebody asks for the end, shut down.</summary>
internal sealed partial class SidecarHost
{
    /// <summary>How long after its answer a forced shutdown ends the process (dapr pkg/api/universal/shutdown.go v1.18.3).</summary>
    private static readonly TimeSpan ForcedAfter = TimeSpan.FromMilliseconds(100);

    private static readonly Task Never = new TaskCompletionSource().Task;

    private readonly SidecarOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly ILogger _apiLog;
    private readonly Sidecar _sidecar;
    private readonly ShutdownSequence _shutdown;
    private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _forced = new(TaskCreationOptions.RunContinuationsAsynchronously);

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
        SecurityStart.Check(options, environment, Environment.IsPrivilegedProcess, logging.CreateLogger("dapr.runtime.security"));
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

        var running = RunGracefullyAsync(shutdown);
        if (await Task.WhenAny(running, _forced.Task) == running)
        {
            return await running;
        }

        // Nothing is taken down: the process ends under it.
        await Task.Delay(ForcedAfter, _time, CancellationToken.None);
        return 1;
    }

    private async Task<int> RunGracefullyAsync(CancellationToken shutdown)
    {
        using var startOver = new CancellationTokenSource();
        var starting = _sidecar.StartAsync(startOver.Token);
        var signalled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = shutdown.UnsafeRegister(static state => ((TaskCompletionSource)state!).TrySetResult(), signalled);
        var end = await Task.WhenAny(_asked.Task, signalled.Task, FailureOf(starting));
        if (end == signalled.Task)
        {
            await _shutdown.BlockAsync(appUnhealthy: starting.IsCompletedSuccessfully ? _sidecar.Parts.App?.Health?.Unhealthy ?? Never : Task.CompletedTask, _asked.Task);
        }

        await startOver.CancelAsync();
        var problem = await ProblemAsync(starting);
        var failure = await _shutdown.RunAsync();
        problem?.Throw();
        if (failure is null)
        {
            return 0;
        }

        Log.Fatal(_log, failure);
        return 1;
    }

    /// <summary>Completes only when the start failed: a start that succeeded is no reason to stop.</summary>
    private static async Task FailureOf(Task starting)
    {
        if (await ProblemAsync(starting) is null)
        {
            await Never;
        }
    }

    /// <summary>Why the start failed; null when it did not, or was called off.</summary>
    private static async Task<ExceptionDispatchInfo?> ProblemAsync(Task starting)
    {
        try
        {
            await starting;
            return null;
        }
        catch (OperationCanceledException)
        {
            // Whoever called it off knows.
            return null;
        }
        catch (Exception e)
        {
            // Thrown again when what had come up is down; the command says it.
            return ExceptionDispatchInfo.Capture(e);
        }
    }

    private void OnApiShutdown(bool force)
    {
        if (force)
        {
            Log.ForcedShutdown(_apiLog);
            _forced.TrySetResult();
        }
        else
        {
            Log.ApiShutdown(_apiLog);
            _asked.TrySetResult();
        }
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
    }
}
