using System.Globalization;

namespace FastSidecar.Commands.Bench;

/// <summary>The table for a person.</summary>
internal sealed class BenchReport(BenchResult result, TextWriter output)
{
    private const double Mebibyte = 1024 * 1024;
    private const int TitleWidth = 32;
    private const int ColumnWidth = 19;

    public void Write()
    {
        var options = result.Options;
        output.WriteLine(
            $"POST of {options.SizeBytes} bytes, answered with the same, over {options.Connections} connections,");
        output.WriteLine("to an app itself (direct) and through two sidecars. Client and app are in this process.");
        output.WriteLine($"Medians of {options.Blocks} blocks, with 95 % intervals.");

        Part($"Latency at {options.Rate} requests/s", "p50", "p90", "p99");
        Latency("direct", static block => block.Rate.Direct.Latency);
        Latency("through both sidecars", static block => block.Rate.Through.Latency);
        var p50 = result.Added(static all => all.P50);
        var p90 = result.Added(static all => all.P90);
        var p99 = result.Added(static all => all.P99);
        Row("added", Time(p50.Median), Time(p90.Median), Time(p99.Median));
        Row("", Interval(p50), Interval(p90), Interval(p99));

        Part("CPU time for a request", "caller's sidecar", "callee's sidecar", "both");
        Cpu($"at {options.Rate} requests/s", static block => block.Rate.Through, result.RateCpu());
        Cpu("as fast as answers come", static block => block.Closed.Through, result.ClosedCpu());

        Part("Memory", "caller's sidecar", "callee's sidecar");
        Memory("before the load", result.ResidentBefore);
        Memory("after it", result.ResidentAfter);

        Part("As fast as answers come", "direct", "through both");
        Row("requests/s", PerSecond(static block => block.Closed.Direct), PerSecond(static block => block.Closed.Through));
        Pacing();
    }

    /// <summary>Which limits were exceeded, a line for each.</summary>
    public static void WriteExceeded(List<BenchLimit> limits, TextWriter error)
    {
        foreach (var limit in limits)
        {
            if (limit.IsExceeded)
            {
                error.WriteLine($"limit exceeded: {limit.Name} {Time(limit.Measured)}, at most {Time(limit.Limit)}");
            }
        }
    }

    private void Latency(string way, Func<BenchBlock, Quantiles> run) => Row(
        way,
        Time(result.Median(block => run(block).P50)),
        Time(result.Median(block => run(block).P90)),
        Time(result.Median(block => run(block).P99)));

    private void Cpu(string when, Func<BenchBlock, LoadRun> run, Estimate both)
    {
        var caller = result.Median(block => run(block).CallerCpu);
        var callee = result.Median(block => run(block).CalleeCpu);
        Row(when, Time(caller), Time(callee), Time(both.Median));
        Row("", "", "", Interval(both));
    }

    private void Memory(string when, double[] resident) => Row(when, Mebibytes(resident[0]), Mebibytes(resident[1]));

    private string PerSecond(Func<BenchBlock, LoadRun> run) =>
        result.Median(block => run(block).PerSecond).ToString("F0", CultureInfo.InvariantCulture);

    /// <summary>How well the load kept its schedule: what it is late by is part of both latencies, but not of their difference.</summary>
    private void Pacing()
    {
        var p50 = Time(result.Median(static block => block.Rate.Through.Lateness.P50));
        var p99 = Time(result.Median(static block => block.Rate.Through.Lateness.P99));
        output.WriteLine();
        output.WriteLine(
            $"Half of the requests left within {p50} of their time, 99 % within {p99}; {result.Waited} waited for a free connection.");
    }

    private void Part(string title, params ReadOnlySpan<string> columns)
    {
        output.WriteLine();
        Row(title, columns);
    }

    private void Row(string title, params ReadOnlySpan<string> columns)
    {
        output.Write("  " + title.PadRight(TitleWidth));
        foreach (var column in columns)
        {
            output.Write(column.PadLeft(ColumnWidth));
        }

        output.WriteLine();
    }

    private static string Interval(Estimate estimate) => $"{Number(estimate.Low)} to {Time(estimate.High)}";

    private static string Time(double microseconds) => $"{Number(microseconds)} µs";

    private static string Number(double microseconds) =>
        microseconds.ToString(Math.Abs(microseconds) < 100 ? "F1" : "F0", CultureInfo.InvariantCulture);

    private static string Mebibytes(double bytes) => $"{(bytes / Mebibyte).ToString("F1", CultureInfo.InvariantCulture)} MiB";
}
