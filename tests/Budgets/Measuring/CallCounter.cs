using System.Diagnostics;
using System.Globalization;
using FastSidecar.Compare;
using FastSidecar.Tests.Shared;

namespace FastSidecar.Budgets.Measuring;

/// <summary>
/// System calls of a process while it exists: perf at the kernel's tracepoint, or strace where perf may not. With one request at a time
/// both count the same.
/// </summary>
internal sealed class CallCounter : IDisposable
{
    /// <summary>Neither says when it is attached.</summary>
    private static readonly TimeSpan AttachTime = TimeSpan.FromMilliseconds(500);

    private readonly Process _counter;
    private readonly string _output;

    private CallCounter(Process counter, string output)
    {
        _counter = counter;
        _output = output;
    }

    /// <summary>What counts here.</summary>
    public static string Tool => PerfWorks.Value ? "perf" : "strace";

    private static Lazy<bool> PerfWorks { get; } =
        new(static () => Programs.Output("perf", "stat", "-x", ",", "-e", "raw_syscalls:sys_enter", "true") is { } text
        && char.IsAsciiDigit(text.FirstOrDefault()));

    public static async Task<CallCounter> StartAsync(int process)
    {
        var output = Path.GetTempFileName();
        var id = process.ToString(CultureInfo.InvariantCulture);
        var start = new ProcessStartInfo(Tool, PerfWorks.Value
            ? ["stat", "-x", ",", "-o", output, "-e", "raw_syscalls:sys_enter", "-p", id]
            : ["-f", "-c", "-o", output, "-p", id])
        {
            RedirectStandardError = true,
        };
        var counter = new CallCounter(Process.Start(start)!, output);
        await Task.Delay(AttachTime);
        return counter;
    }

    public async Task<double> StopAsync()
    {
        Programs.Output("kill", "-INT", _counter.Id.ToString(CultureInfo.InvariantCulture));
        await _counter.WaitForExitAsync().Within("the end of the counting");
        return Syscalls.Total(File.ReadAllText(_output));
    }

    public void Dispose()
    {
        if (!_counter.HasExited)
        {
            _counter.Kill();
        }

        _counter.Dispose();
        File.Delete(_output);
    }
}
