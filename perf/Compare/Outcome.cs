namespace FastSidecar.Compare;

/// <summary>All runs of a scenario through an arm: a value for each block and metric.</summary>
internal sealed class Outcome(string arm, string scenario, IReadOnlyList<Run> runs)
{
    private static readonly IReadOnlyList<(string Name, Func<Run, double> Value)> Metrics =
    [
        (Metric.ProxyCpu, run => run.ProxyCpu),
        (Metric.AppCpu, run => run.Costs.Where(cost => cost.IsApp).Sum(cost => cost.Cpu)),
        (Metric.GeneratorCpu, run => run.Load!.GeneratorCpu),
        (Metric.PerSecond, run => run.Load!.PerSecond),
        (Metric.MegabytesPerSecond, run => run.Load!.MegabytesPerSecond),
        (Metric.P50, run => run.Load!.Latency.P50),
        (Metric.P90, run => run.Load!.Latency.P90),
        (Metric.P99, run => run.Load!.Latency.P99),
        (Metric.P999, run => run.Load!.Latency.P999),
        (Metric.LatenessP99, run => run.Load!.Lateness.P99),
        (Metric.SystemShare, run => run.Costs.Where(cost => !cost.IsApp).Select(cost => cost.SystemShare ?? double.NaN)
            .DefaultIfEmpty(double.NaN).Average()),
        (Metric.VoluntarySwitches, run => run.Costs.Where(cost => !cost.IsApp).Sum(cost => cost.VoluntarySwitches)),
        (Metric.InvoluntarySwitches, run => run.Costs.Where(cost => !cost.IsApp).Sum(cost => cost.InvoluntarySwitches)),
        (Metric.Allocated, run => run.Costs.Select(cost => cost.AllocatedBytes ?? double.NaN).Where(double.IsFinite)
            .DefaultIfEmpty(double.NaN).Max()),
        (Metric.Others, run => run.OtherCpuShare * 100),
    ];

    public string Arm { get; } = arm;

    public string Scenario { get; } = scenario;

    /// <summary>The blocks whose run counts.</summary>
    public IReadOnlyList<Run> Runs { get; } = [.. runs.Where(run => run.Void is null).OrderBy(run => run.Block)];

    public int Voids { get; } = runs.Count(run => run.Void is not null);

    public static IReadOnlyList<string> MetricNames { get; } = [.. Metrics.Select(metric => metric.Name)];

    public static IReadOnlyList<Outcome> Of(IEnumerable<Run> runs) =>
        [.. runs.GroupBy(run => (run.Arm, run.Scenario)).Select(group => new Outcome(group.Key.Arm, group.Key.Scenario, [.. group]))];

    /// <summary>Values by block.</summary>
    public IReadOnlyDictionary<int, double> Values(string metric)
    {
        var value = Metrics.Single(one => one.Name == metric).Value;
        return Runs.Select(run => (run.Block, Value: value(run))).Where(one => double.IsFinite(one.Value))
            .ToDictionary(one => one.Block, one => one.Value);
    }

    public double Median(string metric) => Statistics.Median(Values(metric).Values);

    /// <summary>The percentile curve: at every quantile that all runs reach, the median of their values.</summary>
    public IReadOnlyList<double[]> Curve()
    {
        if (Runs.Count == 0)
        {
            return [];
        }

        var points = Runs.Min(run => run.Load!.Latency.Curve.Count);
        var curves = Runs.Select(run => run.Load!.Latency.Curve).ToArray();
        return
        [
            .. Enumerable.Range(0, points).Select(i => new[] { curves[0][i][0], Statistics.Median(curves.Select(curve => curve[i][1])) }),
        ];
    }
}

/// <summary>Names of what is measured, with their units.</summary>
internal static class Metric
{
    public const string ProxyCpu = "proxyCpuUs";
    public const string AppCpu = "appCpuUs";
    public const string GeneratorCpu = "generatorCpuUs";
    public const string PerSecond = "requestsPerSecond";
    public const string MegabytesPerSecond = "megabytesPerSecond";
    public const string P50 = "p50Us";
    public const string P90 = "p90Us";
    public const string P99 = "p99Us";
    public const string P999 = "p999Us";
    public const string LatenessP99 = "generatorLatenessP99Us";
    public const string SystemShare = "proxySystemShare";
    public const string VoluntarySwitches = "proxyVoluntarySwitches";
    public const string InvoluntarySwitches = "proxyInvoluntarySwitches";

    /// <summary>Of the process that allocates most.</summary>
    public const string Allocated = "managedBytesAllocated";
    public const string Others = "othersCpuPercent";
}
