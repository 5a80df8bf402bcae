using System.Globalization;

namespace FastSidecar.Commands.Bench;

/// <summary>The table for a person.</summary>
internal sealed class BenchReport(BenchResult result, TextWriter output)
{
    private const double Mebibyte = 1024 * 1024;

    public void Write()
    {
        var options = result.Options;
        output.WriteLine($"POST of {options.SizeBytes} bytes, answered with the same, over {options.Connections} connections: to an app itself, and through two sidecars.");
        output.WriteLine($"Client and app are in this process, each sidecar is a process of its own. Medians of {options.Blocks} blocks, with 95 % intervals.");

        Row($"Latency at {options.Rate} requests/s", "p50", "p90", "p99");
        Row("direct", Latency(static block => block.Direct.Latency));
        Row("through both sidecars", Latency(static block => block.Through.Latency));
        Estimate[] added = [result.Added(static all => all.P50), result.Added(static all => all.P90), result.Added(static all => all.P99)];
        Row("added", [.. added.Select(static one => Time(one.Median))]);
        Row("", [.. added.Select(Interval)]);

        Row("CPU time for a request", "caller's sidecar", "callee's sidecar", "both");
        Cpu($"at {options.Rate} requests/s", static block => block.Through.CpuMicroseconds, result.RateCpu());
        Cpu("as fast as answers come", static block => block.ThroughClosed.CpuMicroseconds, result.ClosedCpu());

        Row("Memory", "caller's sidecar", "callee's sidecar");
        Row("before the load", [.. result.Idle.Select(Mebibytes)]);
        Row("after it", [.. result.AtEnd.Select(Mebibytes)]);

        Row("As fast as answers come", "direct", "through both");
        Row("requests/s", Count(result.Median(static block => block.DirectClosed.PerSecond)), Count(result.Median(static block => block.ThroughClosed.PerSecond)));
        Pacing();
    }

    /// <summary>Which limits were exceeded, a line for each.</summary>
    public static void WriteExceeded(IEnumerable<BenchLimit> limits, TextWriter error)
    {
        foreach (var limit in limits.Where(static limit => limit.IsExceeded))
        {
            error.WriteLine($"limit exceeded: {limit.Name} {Time(limit.Measured)}, at most {Time(limit.Limit)}");
        }
    }

    private string[] Latency(Func<BenchBlock, Quantiles> run) =>
    [
        Time(result.Median(block => run(block).P50)),
        Time(result.Median(block => run(block).P90)),
        Time(result.Median(block => run(block).P99)),
    ];

    private void Cpu(string when, Func<BenchBlock, double[]> run, Estimate both)
    {
        Row(when, Time(result.Median(block => run(block)[0])), Time(result.Median(block => run(block)[1])), Time(both.Median));
        Row("", "", "", Interval(both));
    }

    /// <summary>How well the load kept its schedule: what it is late by is part of both latencies, but not of their difference.</summary>
    private void Pacing()
    {
        var late = result.Blocks.SelectMany(static block => new[] { block.Direct, block.Through }).ToArray();
        var p50 = Time(Estimate.MedianOf([.. late.Select(static run => run.Lateness.P50)]));
        var p99 = Time(Estimate.MedianOf([.. late.Select(static run => run.Lateness.P99)]));
        output.WriteLine();
        output.WriteLine($"Half of the requests left within {p50} of their time, 99 % within {p99}; {late.Sum(static run => run.Waited)} waited for a free connection.");
    }

    /// <summary>A line of the table; one with a title that begins a part of it has an empty line in front.</summary>
    private void Row(string title, params ReadOnlySpan<string> columns)
    {
        if (title.Length > 0 && char.IsUpper(title[0]))
        {
            output.WriteLine();
        }

        output.Write($"  {title,-32}");
        foreach (var column in columns)
        {
            output.Write($"{column,19}");
        }

        output.WriteLine();
    }

    private static string Interval(Estimate estimate) => $"{Number(estimate.Low)} to {Time(estimate.High)}";

    private static string Time(double microseconds) => $"{Number(microseconds)} µs";

    private static string Number(double microseconds) => microseconds.ToString(Math.Abs(microseconds) < 100 ? "F1" : "F0", CultureInfo.InvariantCulture);

    private static string Count(double number) => number.ToString("F0", CultureInfo.InvariantCulture);

    private static string Mebibytes(double bytes) => $"{(bytes / Mebibyte).ToString("F1", CultureInfo.InvariantCulture)} MiB";
}
