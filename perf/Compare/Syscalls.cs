using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace FastSidecar.Compare;

/// <summary>
/// System calls for a request, counted in short runs of their own because counting slows a program down. perf counts at the kernel's
/// tracepoint, which costs little; where it may not, strace stops the program at every call.
/// </summary>
internal sealed partial record Syscalls(string Arm, string Scenario, string Program, double PerRequest, string Tool)
{
    /// <summary>It has to be attached before the load begins; its few calls more or less drown in thousands of requests.</summary>
    private static readonly TimeSpan AttachTime = TimeSpan.FromMilliseconds(300);

    public static async Task<IReadOnlyList<Syscalls>> MeasureAsync(Bench bench, Arm arm, Scenario scenario, double seconds)
    {
        var tool = PerfWorks.Value ? "perf" : "strace";
        var counters = arm.Processes.Select(
            process => (process.Name, Output: Path.Combine(arm.Places["work"], process.Name + ".calls"), process.Id)).ToArray();
        var running = counters.Select(counter => Count(tool, counter.Output, counter.Id)).ToArray();
        try
        {
            await Task.Delay(AttachTime);
            var load = await bench.Load.RunAsync(arm.Url(scenario.Path), scenario, seconds, 0, []);
            foreach (var counter in running)
            {
                Programs.Output("kill", "-INT", counter.Id.ToString(CultureInfo.InvariantCulture));
                await counter.WaitForExitAsync();
            }

            return
            [
                .. counters.Select(counter =>
                    new Syscalls(arm.Name, scenario.Name, counter.Name, CallsFor(load.AllAnswers, counter.Output), tool)),
            ];
        }
        finally
        {
            foreach (var counter in running)
            {
                if (!counter.HasExited)
                {
                    counter.Kill();
                }

                counter.Dispose();
            }
        }
    }

    private static double CallsFor(long requests, string output) => Math.Round(Total(File.ReadAllText(output)) / requests, 2);

    private static Process Count(string tool, string output, int process)
    {
        var id = process.ToString(CultureInfo.InvariantCulture);
        IReadOnlyList<string> arguments = tool == "perf"
            ? ["stat", "-x", ",", "-o", output, "-e", "raw_syscalls:sys_enter", "-p", id]
            : ["-f", "-c", "-o", output, "-p", id];
        return Process.Start(new ProcessStartInfo(tool, arguments) { RedirectStandardError = true })!;
    }

    /// <summary>Whether anything here can count.</summary>
    public static bool IsPossible => PerfWorks.Value || Programs.Exists("strace");

    private static Lazy<bool> PerfWorks { get; } =
        new(() => Programs.Output("perf", "stat", "-e", "raw_syscalls:sys_enter", "true") is { } text
        && !text.Contains("not supported", StringComparison.Ordinal) && !text.Contains("not counted", StringComparison.Ordinal));

    /// <summary>The count of perf's line, or the calls of strace's line "total".</summary>
    public static double Total(string output) =>
        PerfLine().Match(output) is { Success: true } perf ? double.Parse(perf.Groups[1].ValueSpan, CultureInfo.InvariantCulture)
        : StraceTotal().Match(output) is { Success: true } strace ? double.Parse(strace.Groups[1].ValueSpan, CultureInfo.InvariantCulture)
        : throw new CompareException($"system calls were not counted: {output}");

    [GeneratedRegex(@"^(\d+),.*raw_syscalls:sys_enter", RegexOptions.Multiline)]
    private static partial Regex PerfLine();

    [GeneratedRegex(@"^100\.00\s+\S+\s+\S+\s+(\d+)\s.*total$", RegexOptions.Multiline)]
    private static partial Regex StraceTotal();
}
