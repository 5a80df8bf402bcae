using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;

namespace FastSidecar.Commands.Demo;

/// <summary>A sidecar of the demo: this program once more, as a process of its own.</summary>
internal sealed class DemoSidecar : IAsyncDisposable
{
    private const int LogLinesKept = 100;

    private static readonly TimeSpan ReadyLimit = TimeSpan.FromSeconds(6);
    private static readonly TimeSpan ReadyPoll = TimeSpan.FromMilliseconds(5);

    /// <summary>A sidecar's own grace period is five seconds; it has nothing to wait for here.</summary>
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(3);

    private readonly TimeProvider _time;
    private readonly DemoApp _app;
    private readonly Queue<string> _log = new();
    private Process? _process;
    private long _started;

    public DemoSidecar(DemoApp app, FreePorts ports, TimeProvider time)
    {
        _app = app;
        _time = time;
        HttpPort = ports.Take();
        GrpcPort = ports.Take();
        InternalPort = ports.Take();
        MetricsPort = ports.Take();
        Api = new DemoClient(HttpPort, time);
        Metrics = new DemoClient(MetricsPort, time);
    }

    public string AppId => _app.Id;

    public int HttpPort { get; }

    public int GrpcPort { get; }

    public int InternalPort { get; }

    public int MetricsPort { get; }

    public int ProcessId => _process?.Id ?? 0;

    /// <summary>From the start of the process to the first 204 of its health endpoint.</summary>
    public TimeSpan StartTime { get; private set; }

    /// <summary>A client of its HTTP API: what the app would use.</summary>
    public DemoClient Api { get; }

    public DemoClient Metrics { get; }

    public void Start()
    {
        var program = Environment.ProcessPath ?? throw new DemoException("the path of this program is unknown, so that no sidecar can be started");
        var start = new ProcessStartInfo(program, Arguments())
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        KeepOutSettings(start.Environment);
        _started = _time.GetTimestamp();
        try
        {
            _process = Process.Start(start) ?? throw new DemoException($"{program} could not be started");
        }
        catch (Win32Exception e)
        {
            throw new DemoException($"{program} could not be started: {e.Message}");
        }

        _process.OutputDataReceived += OnLogLine;
        _process.ErrorDataReceived += OnLogLine;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Waits for its health endpoint to answer 204; throws when that takes too long, or the process ends.</summary>
    public async Task WaitUntilReadyAsync(CancellationToken interrupted)
    {
        using var limit = new CancellationTokenSource(ReadyLimit, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, interrupted);
        var last = "no answer yet";
        try
        {
            while (!_process!.HasExited)
            {
                try
                {
                    var answer = await Api.GetAsync("/v1.0/healthz", either.Token);
                    if (answer.Status == 204)
                    {
                        StartTime = _time.GetElapsedTime(_started);
                        return;
                    }

                    last = $"status {answer.Status}";
                }
                catch (Exception e) when (e is SocketException or IOException)
                {
                    last = e.Message;
                }

                await Task.Delay(ReadyPoll, _time, either.Token);
            }

            await _process.WaitForExitAsync(either.Token);
            throw new DemoException($"the sidecar of {AppId} ended with code {_process.ExitCode} instead of getting ready");
        }
        catch (OperationCanceledException) when (!interrupted.IsCancellationRequested)
        {
            throw new DemoException($"the sidecar of {AppId} was not ready after {ReadyLimit.TotalSeconds} s (GET http://127.0.0.1:{HttpPort}/v1.0/healthz: {last})");
        }
    }

    /// <summary>SIGTERM to the process, and SIGKILL when it stays. Gives its exit code.</summary>
    public async Task<int> StopAsync()
    {
        var process = _process!;
        if (!process.HasExited)
        {
            NativeProcess.SignalProcess(process.Id, NativeProcess.SigTerm);
        }

        using var limit = new CancellationTokenSource(StopLimit, _time);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            await process.WaitForExitAsync(CancellationToken.None);
            throw new DemoException($"the sidecar of {AppId} did not end within {StopLimit.TotalSeconds} s of SIGTERM and was killed");
        }

        return process.ExitCode;
    }

    /// <summary>The last lines it logged. Complete once the object is disposed.</summary>
    public string[] Log()
    {
        lock (_log)
        {
            return [.. _log];
        }
    }

    /// <summary>Gives everything back; a process that still runs is one nobody stopped, because something went wrong before.</summary>
    public async ValueTask DisposeAsync()
    {
        await Api.DisposeAsync();
        await Metrics.DisposeAsync();
        if (_process is not { } process)
        {
            return;
        }

        try
        {
            await StopAsync();
        }
        catch (DemoException)
        {
            // What went wrong before is what the user is told.
        }

        process.Dispose();
    }

    private string[] Arguments() =>
    [
        "--app-id", AppId,
        "--app-port", Text(_app.Port),
        "--dapr-http-port", Text(HttpPort),
        "--dapr-grpc-port", Text(GrpcPort),
        "--dapr-internal-grpc-port", Text(InternalPort),
        "--metrics-port", Text(MetricsPort),
        "--dapr-listen-addresses", "127.0.0.1",
        "--dapr-internal-grpc-listen-address", "127.0.0.1",
        "--metrics-listen-address", "127.0.0.1",
        "--mdns-interface", "lo",
        "--log-level", "warn",
    ];

    /// <summary>The demo is the same wherever it runs: tokens, namespaces and the like of the surroundings are not its sidecars'.</summary>
    private static void KeepOutSettings(IDictionary<string, string?> environment)
    {
        foreach (var name in environment.Keys.ToArray())
        {
            if (name.StartsWith("DAPR_", StringComparison.Ordinal) || name.StartsWith("APP_", StringComparison.Ordinal) || name is "NAMESPACE" or "POD_NAME")
            {
                environment.Remove(name);
            }
        }
    }

    private void OnLogLine(object sender, DataReceivedEventArgs line)
    {
        if (line.Data is null)
        {
            return;
        }

        lock (_log)
        {
            _log.Enqueue(line.Data);
            if (_log.Count > LogLinesKept)
            {
                _log.Dequeue();
            }
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
