using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Integration.Shared;

/// <summary>A running sidecar. It sees PATH and HOME of our environment and nothing else. Disposing asks it to end, and kills it when it does not.</summary>
internal sealed partial class SidecarProcess : IAsyncDisposable
{
    public const int SigTerm = 15;

    /// <summary>The idle connections to an app that are kept, and a few to other sidecars and from them.</summary>
    private const int MostPooled = 64 + 24;

    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(10);

    private readonly Process _process;
    private readonly StringBuilder _log = new();
    private string? _configurationFile;

    private SidecarProcess(SidecarSettings settings)
    {
        AppId = settings.AppId;
        HttpPort = FreePorts.Next();
        GrpcPort = FreePorts.Next();
        InternalPort = settings.InternalPort == 0 ? FreePorts.Next() : settings.InternalPort;
        MetricsPort = FreePorts.Next();
        var start = new ProcessStartInfo(SidecarBinary.Path, Arguments(settings)) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment.Clear();
        start.Environment["PATH"] = Environment.GetEnvironmentVariable("PATH");
        start.Environment["HOME"] = Environment.GetEnvironmentVariable("HOME") ?? "/tmp";
        start.Environment["DAPR_HOST_IP"] = "127.0.0.1";
        foreach (var (name, value) in settings.Environment)
        {
            start.Environment[name] = value;
        }

        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += OnLine;
        _process.ErrorDataReceived += OnLine;
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public string AppId { get; }

    public int HttpPort { get; }

    public int GrpcPort { get; }

    public int InternalPort { get; }

    public int MetricsPort { get; }

    public int Id => _process.Id;

    /// <summary>What it printed so far on both streams.</summary>
    public string Log
    {
        get
        {
            lock (_log)
            {
                return _log.ToString();
            }
        }
    }

    public static async Task<SidecarProcess> StartAsync(SidecarSettings settings)
    {
        var sidecar = new SidecarProcess(settings);
        try
        {
            if (settings.WaitsForReady)
            {
                await sidecar.ReadyAsync();
            }

            return sidecar;
        }
        catch
        {
            await sidecar.DisposeAsync();
            throw;
        }
    }

    /// <summary>Waits until <c>healthz</c> answers 204.</summary>
    public async Task ReadyAsync()
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(2) };
        await Eventually.TrueAsync(
            async () =>
            {
                Assert.False(_process.HasExited, $"{AppId} ended while it started; its log:\n{Log}");
                try
                {
                    using var answer = await http.GetAsync($"http://127.0.0.1:{HttpPort}/v1.0/healthz");
                    return (int)answer.StatusCode == 204;
                }
                catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
                {
                    return false;
                }
            },
            () => $"{AppId} did not become ready; its log:\n{Log}");
    }

    public void Signal(int signal) => Assert.Equal(0, Kill(_process.Id, signal));

    public async Task<int> EndsAsync()
    {
        await _process.WaitForExitAsync().Within($"the end of {AppId}, which printed so far\n{Log}");
        return _process.ExitCode;
    }

    /// <summary>It runs, and has said nothing that an operator would be woken for.</summary>
    public void AssertHealthy()
    {
        Assert.False(_process.HasExited, $"{AppId} has ended; its log:\n{Log}");
        var log = Log;
        Assert.False(Alarm().IsMatch(log), $"an error in the log of {AppId}:\n{log}");
    }

    /// <summary>Open file descriptors, without the connections that a pool keeps.</summary>
    public int Descriptors() => new OpenFiles(_process.Id).NotPooled;

    /// <summary>Resident memory in bytes, as the kernel counts it now.</summary>
    public long ResidentBytes() => MemoryBytes("VmRSS:");

    /// <summary>The most there ever was of it.</summary>
    public long PeakResidentBytes() => MemoryBytes("VmHWM:");

    /// <summary>The value of a metric without labels.</summary>
    public async Task<double> MetricAsync(string name)
    {
        using var http = new HttpClient();
        var text = await http.GetStringAsync($"http://127.0.0.1:{MetricsPort}/").Within("the metrics");
        var line = text.Split('\n').Single(line => line.StartsWith(name + " ", StringComparison.Ordinal));
        return double.Parse(line.AsSpan(name.Length), CultureInfo.InvariantCulture);
    }

    /// <summary>Waits until no more descriptors are open than there were, and no more connections kept than a pool may.</summary>
    public Task DescriptorsReturnAsync(int atMost)
    {
        OpenFiles files = null!;
        return Eventually.TrueAsync(
            () =>
            {
                files = new OpenFiles(_process.Id);
                return files.NotPooled <= atMost && files.Pooled <= MostPooled;
            },
            () => $"{AppId} has {files.NotPooled} descriptors open, before it were {atMost}, and {files.Pooled} established connections:\n{files}");
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _ = Kill(_process.Id, SigTerm);
            using var patience = new CancellationTokenSource(StopPatience);
            try
            {
                await _process.WaitForExitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                _process.Kill();
            }
        }

        _process.Dispose();
        if (_configurationFile is not null)
        {
            File.Delete(_configurationFile);
        }
    }

    private long MemoryBytes(string name)
    {
        var line = File.ReadLines($"/proc/{_process.Id}/status").First(line => line.StartsWith(name, StringComparison.Ordinal));
        return long.Parse(Digits().Match(line).Value, CultureInfo.InvariantCulture) * 1024;
    }

    private List<string> Arguments(SidecarSettings settings)
    {
        List<string> arguments =
        [
            "--app-id", AppId,
            "--dapr-http-port", Text(HttpPort),
            "--dapr-grpc-port", Text(GrpcPort),
            "--dapr-internal-grpc-port", Text(InternalPort),
            "--metrics-port", Text(MetricsPort),
            "--dapr-listen-addresses", "127.0.0.1",
            "--mdns-interface", "lo",
            "--dapr-graceful-shutdown-seconds", "1",
        ];
        if (settings.AppPort is { } port)
        {
            arguments.AddRange(["--app-port", Text(port)]);
        }

        if (settings.Configuration.Length > 0)
        {
            _configurationFile = Path.Combine(Path.GetTempPath(), $"fastsidecar-{AppId}.yaml");
            File.WriteAllText(_configurationFile, settings.Configuration);
            arguments.AddRange(["--config", _configurationFile]);
        }

        return [.. arguments, .. settings.Flags];

        static string Text(int port) => port.ToString(CultureInfo.InvariantCulture);
    }

    private void OnLine(object sender, DataReceivedEventArgs line)
    {
        if (line.Data is not null)
        {
            lock (_log)
            {
                _log.Append(line.Data).Append('\n');
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int processId, int signal);

    [GeneratedRegex("level=(error|fatal)|unhandled exception|^fail: |^crit: |   at [A-Z]", RegexOptions.IgnoreCase | RegexOptions.Multiline)]
    private static partial Regex Alarm();

    [GeneratedRegex("[0-9]+")]
    private static partial Regex Digits();
}
