using System.Globalization;
using System.Text;
using FastSidecar.Configuration;

namespace FastSidecar.Commands.Bench;

/// <summary>All numbers for a program: times in microseconds, sizes in bytes. Names never change their meaning; new ones may come.</summary>
internal static class BenchJson
{
    public static string Of(BenchResult result)
    {
        var options = result.Options;
        return Object(
            ("version", $"\"{ProductVersion.Own}\""),
            ("rate", Number(options.Rate)),
            ("connections", Number(options.Connections)),
            ("sizeBytes", Number(options.SizeBytes)),
            ("secondsPerRun", Number(options.RunTime.TotalSeconds)),
            ("blocks", Number(options.Blocks)),
            ("latency", Object(
                ("p50", Latency(result, static all => all.P50)),
                ("p90", Latency(result, static all => all.P90)),
                ("p99", Latency(result, static all => all.P99)))),
            ("cpuPerRequest", Object(
                ("atRate", Cpu(result, static block => block.Through.CpuMicroseconds, result.RateCpu())),
                ("closedLoop", Cpu(result, static block => block.ThroughClosed.CpuMicroseconds, result.ClosedCpu())))),
            ("residentBytes", Object(("before", Array(result.Idle)), ("after", Array(result.AtEnd)))),
            ("closedLoopPerSecond", Object(
                ("direct", Array(result.Each(static block => block.DirectClosed.PerSecond))),
                ("through", Array(result.Each(static block => block.ThroughClosed.PerSecond))))),
            ("lateness", Object(
                ("p50", Array(result.Each(static block => block.Through.Lateness.P50))),
                ("p99", Array(result.Each(static block => block.Through.Lateness.P99))))),
            ("waited", Number(result.Blocks.Sum(static block => block.Direct.Waited + block.Through.Waited))),
            ("limits", $"[{string.Join(',', result.Limits().Select(Limit))}]"));
    }

    /// <summary>Block by block, and what comes out of it.</summary>
    private static string Latency(BenchResult result, Func<Quantiles, double> quantile) => Object(
        ("direct", Array(result.Each(block => quantile(block.Direct.Latency)))),
        ("through", Array(result.Each(block => quantile(block.Through.Latency)))),
        ("added", Interval(result.Added(quantile))));

    private static string Cpu(BenchResult result, Func<BenchBlock, double[]> run, Estimate both) => Object(
        ("caller", Array(result.Each(block => run(block)[0]))),
        ("callee", Array(result.Each(block => run(block)[1]))),
        ("both", Interval(both)));

    private static string Interval(Estimate estimate) =>
        Object(("median", Number(estimate.Median)), ("low", Number(estimate.Low)), ("high", Number(estimate.High)));

    private static string Limit(BenchLimit limit) => Object(
        ("name", $"\"{limit.Name}\""),
        ("limit", Number(limit.Limit)),
        ("measured", Number(limit.Measured)),
        ("exceeded", limit.IsExceeded ? "true" : "false"));

    /// <summary>Names and values are known not to need escaping.</summary>
    private static string Object(params ReadOnlySpan<(string Name, string Value)> fields)
    {
        var text = new StringBuilder("{");
        foreach (var (name, value) in fields)
        {
            text.Append(text.Length > 1 ? "," : "").Append('"').Append(name).Append("\":").Append(value);
        }

        return text.Append('}').ToString();
    }

    private static string Array(double[] numbers) => $"[{string.Join(',', numbers.Select(Number))}]";

    private static string Number(double number) => Math.Round(number, 3).ToString("R", CultureInfo.InvariantCulture);
}
