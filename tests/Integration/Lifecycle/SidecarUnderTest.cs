using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using FastSidecar.Integration.Samples;
using FastSidecar.Integration.Shared;
using FastSidecar.Tests.Shared;

namespace FastSidecar.Integration.Lifecycle;

/// <summary>The published program as a sidecar on 127.0.0.1, with ports of its own. Disposing kills it if it still runs.</summary>
internal sealed partial class SidecarUnderTest : IAsyncDisposable
{
    public const int SigHup = 1;
    public const int SigInt = 2;
    public const int SigQuit = 3;
    public const int SigUsr1 = 10;
    public const int SigTerm = 15;
    public const string AppId = "under-test";

    private readonly Process _process;
    private readonly StringBuilder _log = new();
    private readonly Task _reading;
    private readonly FairClock _started = new();
    private FairClock? _signalled;

    private SidecarUnderTest(SidecarPortNumbers ports, Process process)
    {
        Ports = ports;
        _process = process;
        _reading = ReadAsync();
    }

    public SidecarPortNumbers Ports { get; }

    public bool HasEnded => _process.HasExited;

    /// <summary>All lines so far.</summary>
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

    /// <summary>Starts one with the flags added to the usual ones; does not wait for anything.</summary>
    public static SidecarUnderTest Start(params IEnumerable<string> flags) => Start(SidecarPortNumbers.Choose(), flags);

    public static SidecarUnderTest Start(SidecarPortNumbers ports, params IEnumerable<string> flags)
    {
        var start = new ProcessStartInfo(
            Repository.Binary,
            [
                "--app-id", AppId, "--mdns-interface", "lo", "--dapr-listen-addresses", "127.0.0.1", "--dapr-public-listen-address", "127.0.0.1",
                "--metrics-listen-address", "127.0.0.1", "--dapr-internal-grpc-listen-address", "127.0.0.1",
                "--dapr-http-port", $"{ports.Http}", "--dapr-grpc-port", $"{ports.Grpc}", "--dapr-internal-grpc-port", $"{ports.Internal}",
                "--dapr-public-port", $"{ports.Public}", "--metrics-port", $"{ports.Metrics}", .. flags,
            ])
        {
            RedirectStandardOutput = true,
        };
        return new SidecarUnderTest(ports, Process.Start(start)!);
    }

    /// <summary>Starts one and waits until it is ready.</summary>
    public static async Task<SidecarUnderTest> StartReadyAsync(params IEnumerable<string> flags)
    {
        var sidecar = Start(flags);
        await sidecar.LogsAsync("dapr initialized");
        return sidecar;
    }

    public void Signal(int number)
    {
        _signalled = new FairClock();
        Assert0(Kill(_process.Id, number));
    }

    /// <summary>Waits for a line that contains <paramref name="text"/>.</summary>
    public async Task LogsAsync(string text)
    {
        var deadline = Task.Delay(TestTimeouts.Default);
        while (!Log.Contains(text, StringComparison.Ordinal))
        {
            if (deadline.IsCompleted || (_process.HasExited && _reading.IsCompleted && !Log.Contains(text, StringComparison.Ordinal)))
            {
                throw new InvalidOperationException($"never logged: {text}\n{Log}");
            }

            await Task.Delay(5);
        }
    }

    /// <summary>Waits for the end; all of the log has been read then.</summary>
    public async Task<Ending> EndsAsync()
    {
        var since = _signalled ?? new FairClock();
        await _process.WaitForExitAsync().Within($"end of the sidecar; its log:\n{Log}");
        var (waited, fairlyWaited, fairlyLived) = (since.Elapsed, since.Fair, _started.Fair);
        await _reading.Within("end of its log");
        return new Ending(_process.ExitCode, waited, fairlyWaited, fairlyLived, Log);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync().Within("end of a killed sidecar");
        }

        _process.Dispose();
    }

    private async Task ReadAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            var message = Message().Match(line);
            lock (_log)
            {
                _log.Append(message.Success ? $"{message.Groups[1].Value} {Regex.Unescape(message.Groups[2].Value)}" : line).Append('\n');
            }
        }
    }

    private static void Assert0(int result)
    {
        if (result != 0)
        {
            throw new InvalidOperationException("the signal could not be sent");
        }
    }

    [GeneratedRegex("""level=(\w+) msg="?((?:[^"\\]|\\.)*?)"? app_id=""")]
    private static partial Regex Message();

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}

/// <summary>How a sidecar ended.</summary>
/// <param name="ExitCode">Its exit code.</param>
/// <param name="Waited">Since the last signal, or since the test began to wait for it.</param>
/// <param name="FairlyWaited">The same, as <see cref="FairClock"/> has it.</param>
/// <param name="FairlyLived">Since it was started, likewise.</param>
/// <param name="Log">Its lines: level and message.</param>
internal sealed record Ending(int ExitCode, TimeSpan Waited, TimeSpan FairlyWaited, TimeSpan FairlyLived, string Log)
{
    /// <summary>For the message of a test that fails.</summary>
    public override string ToString() => $"exit {ExitCode}, waited {Waited.TotalSeconds:F1} s, fairly {FairlyWaited.TotalSeconds:F1} s, "
        + $"lived fairly {FairlyLived.TotalSeconds:F1} s; end of its log:\n{Log[Math.Max(0, Log.Length - 600)..]}";
}

/// <summary>The ports of one sidecar, free when they were chosen.</summary>
internal sealed record SidecarPortNumbers(int Http, int Grpc, int Internal, int Public, int Metrics)
{
    public static SidecarPortNumbers Choose() =>
        new SidecarPortNumbers(FreePorts.Next(), FreePorts.Next(), FreePorts.Next(), FreePorts.Next(), FreePorts.Next());
}
