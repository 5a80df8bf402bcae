namespace FastSidecar.Commands.Bench;

/// <summary>The four runs of a block: each of the two ways at the rate, and as fast as answers come.</summary>
internal sealed record BenchBlock(LoadRun Direct, LoadRun Through, LoadRun DirectClosed, LoadRun ThroughClosed);

/// <summary>All that was measured.</summary>
/// <param name="Options">What was asked for.</param>
/// <param name="Blocks">At least one.</param>
/// <param name="Idle">Resident memory of the two sidecars before any load, in bytes.</param>
/// <param name="AtEnd">The same after all of it.</param>
internal sealed record BenchResult(BenchOptions Options, IReadOnlyList<BenchBlock> Blocks, double[] Idle, double[] AtEnd)
{
    /// <summary>What was compared, in microseconds, a value for each block.</summary>
    public double[] Each(Func<BenchBlock, double> value) => [.. Blocks.Select(value)];

    public double Median(Func<BenchBlock, double> value) => Estimate.MedianOf(Each(value));

    /// <summary>What the sidecars add to a latency: the median of the differences within blocks.</summary>
    public Estimate Added(Func<Quantiles, double> quantile) =>
        Estimate.Of(Each(block => quantile(block.Through.Latency) - quantile(block.Direct.Latency)));

    /// <summary>CPU time of both sidecars for a request of the closed loop.</summary>
    public Estimate ClosedCpu() => Estimate.Of(Each(static block => block.ThroughClosed.CpuMicroseconds.Sum()));

    /// <summary>CPU time of both sidecars for a request at the rate.</summary>
    public Estimate RateCpu() => Estimate.Of(Each(static block => block.Through.CpuMicroseconds.Sum()));

    /// <summary>The limits that were asked for, and how they stand.</summary>
    public IReadOnlyList<BenchLimit> Limits()
    {
        List<BenchLimit> limits = [];
        Add("added p50", Options.MaxAddedP50, Added(static quantiles => quantiles.P50));
        Add("added p99", Options.MaxAddedP99, Added(static quantiles => quantiles.P99));
        Add("CPU per request of both sidecars", Options.MaxCpu, ClosedCpu());
        return limits;

        void Add(string name, TimeSpan? limit, Estimate measured)
        {
            if (limit is { } most)
            {
                limits.Add(new BenchLimit(name, most.TotalMicroseconds, measured.Median));
            }
        }
    }
}

/// <summary>A limit in microseconds, and the median that was measured.</summary>
internal sealed record BenchLimit(string Name, double Limit, double Measured)
{
    public bool IsExceeded => Measured > Limit;
}
