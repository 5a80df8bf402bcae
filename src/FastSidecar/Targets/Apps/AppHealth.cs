using Microsoft.Extensions.Logging;

namespace FastSidecar.Targets.Apps;

/// <summary>Asks the app once; null when it is well, otherwise why not. A failure of any kind is an answer, never an exception.</summary>
internal delegate Task<string?> AppProbe(CancellationToken cancellationToken);

/// <summary>When and how often the app is asked; defaults are Dapr's.</summary>
internal sealed record AppHealthOptions
{
    /// <summary>Between two probes.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A probe that takes longer has failed.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Failed probes until the app counts as unhealthy.</summary>
    public int Threshold { get; init; } = 3;
}

/// <summary>
/// Whether the app is well, by probes at an interval (dapr pkg/apphealth/health.go v1.18.3). It is not until the first good probe; one good
/// probe is enough then. Of a healthy app every failed probe counts, also when good ones lie between: Dapr's documents say otherwise, its
/// program does not.
/// </summary>
internal sealed partial class AppHealth : IAsyncDisposable
{
    private readonly AppHealthOptions _options;
    private readonly AppProbe _probe;
    private readonly Func<CancellationToken, Task> _firstHealthy;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private volatile bool _isHealthy = true;
    private int _failures;
    private bool _wasHealthy;
    private Task _loop = Task.CompletedTask;
    private Task _announcement = Task.CompletedTask;
    private volatile TaskCompletionSource _unhealthy = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="options">When and how often.</param>
    /// <param name="probe">Asks the app.</param>
    /// <param name="firstHealthy">Runs once, when the app is found healthy for the first time.</param>
    /// <param name="time">The program's clock.</param>
    /// <param name="log">Of the scope dapr.apphealth.</param>
    public AppHealth(AppHealthOptions options, AppProbe probe, Func<CancellationToken, Task> firstHealthy, TimeProvider time, ILogger log)
    {
        _options = options;
        _probe = probe;
        _firstHealthy = firstHealthy;
        _time = time;
        _log = log;
    }

    /// <summary>Calls may go to the app. True as long as nobody has begun to ask.</summary>
    public bool IsHealthy => _isHealthy;

    /// <summary>Completes when the app is not well: is completed as long as it is not.</summary>
    public Task Unhealthy => _unhealthy.Task;

    /// <summary>Begins to ask: from here on the app is unhealthy until it says otherwise.</summary>
    public void Start()
    {
        _failures = _options.Threshold;
        _isHealthy = false;
        _unhealthy.TrySetResult();
        Log.Starting(_log);
        _loop = RunAsync(_stop.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        try
        {
            await _announcement;
        }
        catch (OperationCanceledException)
        {
            // It was cut off by this.
        }

        _stop.Dispose();
    }

    private async Task RunAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(_options.Interval, _time);
        try
        {
            do
            {
                Take(await AskAsync(cancellationToken), cancellationToken);
            }
            while (await timer.WaitForNextTickAsync(cancellationToken));
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            Log.Stopping(_log);
        }
    }

    private async Task<string?> AskAsync(CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(_options.Timeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        var reason = await _probe(either.Token);
        cancellationToken.ThrowIfCancellationRequested();
        return reason;
    }

    private void Take(string? reason, CancellationToken cancellationToken)
    {
        if (reason is not null)
        {
            if (_isHealthy && ++_failures == _options.Threshold)
            {
                _isHealthy = false;
                Log.Unhealthy(_log, reason);
                _unhealthy.TrySetResult();
            }

            return;
        }

        if (_isHealthy)
        {
            return;
        }

        _failures = 0;
        _unhealthy = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _isHealthy = true;
        Log.Healthy(_log);
        if (!_wasHealthy)
        {
            // Beside the probes: an app that takes its time over this is still asked whether it is well.
            _wasHealthy = true;
            _announcement = _firstHealthy(cancellationToken);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "App health probes starting")]
        public static partial void Starting(ILogger logger);

        [LoggerMessage(Level = LogLevel.Information, Message = "App health probes stopping")]
        public static partial void Stopping(ILogger logger);

        [LoggerMessage(Level = LogLevel.Information, Message = "App entered healthy status")]
        public static partial void Healthy(ILogger logger);

        [LoggerMessage(Level = LogLevel.Warning, Message = "App entered un-healthy status: {Reason}")]
        public static partial void Unhealthy(ILogger logger, string reason);
    }
}
