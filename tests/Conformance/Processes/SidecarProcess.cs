using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace FastSidecar.Conformance.Processes;

/// <summary>How one sidecar of a topology is started.</summary>
internal sealed record SidecarOptions
{
    public required string Binary { get; init; }

    public required string AppId { get; init; }

    /// <summary>Log of the process, stdout and stderr together.</summary>
    public required string LogFile { get; init; }

    public required SidecarPorts Ports { get; init; }

    public int? AppPort { get; init; }

    public string? ResourcesFolder { get; init; }

    public IReadOnlyList<string> Flags { get; init; } = [];

    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    public string LogLevel { get; init; } = "info";
}

internal sealed record SidecarPorts(int Http, int Grpc, int Internal, int Metrics, int Public)
{
    public static SidecarPorts From(FreePorts ports) => new(ports.Next(), ports.Next(), ports.Next(), ports.Next(), ports.Next());

    public IEnumerable<(string Name, int Port)> All =>
        [("HTTP", Http), ("GRPC", Grpc), ("INTERNAL", Internal), ("METRICS", Metrics), ("PUBLIC", Public)];
}

/// <summary>A running sidecar, its log and its end. It sees PATH and HOME of our environment and nothing else.</summary>
internal sealed partial class SidecarProcess : IDisposable
{
    public const int SigHup = 1;
    public const int SigInt = 2;
    public const int SigQuit = 3;
    public const int SigKill = 9;
    public const int SigUsr1 = 10;
    public const int SigPipe = 13;
    public const int SigTerm = 15;

    private readonly Process _process;
    private readonly StringBuilder _log = new();
    private readonly StreamWriter? _logFile;

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int pid, int signal);

    public SidecarProcess(SidecarOptions options)
        : this(options.Binary, ArgumentsOf(options), options.Environment, options.LogFile)
    {
        Options = options;
    }

    /// <summary>Starts the binary with exactly these arguments.</summary>
    public SidecarProcess(string binary, IEnumerable<string> arguments, IReadOnlyDictionary<string, string> environment, string? logFile = null, string? folder = null)
    {
        var start = new ProcessStartInfo(binary, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        };
        start.WorkingDirectory = folder ?? Environment.CurrentDirectory;
        start.Environment.Clear();
        start.Environment["PATH"] = Environment.GetEnvironmentVariable("PATH");
        start.Environment["HOME"] = Environment.GetEnvironmentVariable("HOME") ?? "/tmp";
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        _logFile = logFile is null ? null : new StreamWriter(logFile, append: true) { AutoFlush = true };
        _process = new Process { StartInfo = start, EnableRaisingEvents = true };
        _process.OutputDataReceived += (_, e) => Write(e.Data, error: false);
        _process.ErrorDataReceived += (_, e) => Write(e.Data, error: true);
        _process.Start();
        _process.StandardInput.Close();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Null for a process started with bare arguments.</summary>
    public SidecarOptions? Options { get; }

    public SidecarPorts Ports => Options!.Ports;

    public int Id => _process.Id;

    public bool HasEnded => _process.HasExited;

    public int ExitCode => _process.ExitCode;

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

    /// <summary>Standard output alone; complete once the process has ended.</summary>
    public StringBuilder Output { get; } = new();

    /// <summary>Standard error alone; complete once the process has ended.</summary>
    public StringBuilder Errors { get; } = new();

    public void Signal(int signal) => _ = Kill(_process.Id, signal);

    /// <summary>Waits for the end and for the last line of the log.</summary>
    public async Task<bool> EndedWithinAsync(TimeSpan patience)
    {
        using var timeout = new CancellationTokenSource(patience);
        try
        {
            await _process.WaitForExitAsync(timeout.Token);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>SIGTERM, and SIGKILL when that does not end it in time.</summary>
    public async Task StopAsync()
    {
        if (!HasEnded)
        {
            Signal(SigTerm);
            if (!await EndedWithinAsync(TimeSpan.FromSeconds(8)))
            {
                _process.Kill();
                await EndedWithinAsync(TimeSpan.FromSeconds(5));
            }
        }

        Dispose();
    }

    public void Dispose()
    {
        if (!HasEnded)
        {
            _process.Kill();
        }

        _logFile?.Dispose();
    }

    private static List<string> ArgumentsOf(SidecarOptions options)
    {
        List<string> arguments =
        [
            "--app-id", options.AppId,
            "--dapr-http-port", Text(options.Ports.Http),
            "--dapr-grpc-port", Text(options.Ports.Grpc),
            "--dapr-internal-grpc-port", Text(options.Ports.Internal),
            "--metrics-port", Text(options.Ports.Metrics),
            "--log-level", options.LogLevel,
        ];
        if (options.Ports.Public != 0)
        {
            arguments.AddRange(["--dapr-public-port", Text(options.Ports.Public)]);
        }

        if (options.AppPort is { } appPort)
        {
            arguments.AddRange(["--app-port", Text(appPort)]);
        }

        if (options.ResourcesFolder is { } folder)
        {
            Directory.CreateDirectory(folder);
            arguments.AddRange(["--resources-path", folder]);
        }

        return [.. arguments, .. options.Flags];

        static string Text(int port) => port.ToString(System.Globalization.CultureInfo.InvariantCulture);
    }

    private void Write(string? line, bool error)
    {
        if (line is null)
        {
            return;
        }

        lock (_log)
        {
            _log.Append(line).Append('\n');
            (error ? Errors : Output).Append(line).Append('\n');

            try
            {
                _logFile?.WriteLine(line);
            }
            catch (ObjectDisposedException)
            {
                // The topology is already down; the line stays in memory.
            }
        }
    }
}
