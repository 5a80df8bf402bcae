namespace FastSidecar.Commands.Bench;

/// <summary>All that was measured.</summary>
/// <param name="options">What was asked for.</param>
/// <param name="blocks">At least one.</param>
/// <param name="residentBefore">Memory of the caller's and the callee's sidecar before any load, in bytes.</param>
/// <param name="residentAfter">The same after all of it.</param>
internal sealed class BenchResult(BenchOptions options, BenchBlock[] blocks, double[] residentBefore, double[] residentAfter)
{
    public BenchOptions Options => options;

    public double[] ResidentBefore => residentBefore;

    public double[] ResidentAfter => residentAfter;

    /// <summary>Requests of the open loop that waited for a free connection.</summary>
    public long Waited
    {
        get
        {
            var waited = 0L;
            foreach (var block in blocks)
            {
                waited += block.Rate.Direct.Waited + block.Rate.Through.Waited;
            }

            return waited;
        }
    }

    /// <summary>A value for each block.</summary>
    public double[] Each(Func<BenchBlock, double> value)
    {
        var values = new double[blocks.Length];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = value(blocks[i]);
        }

        return values;
    }

    public double Median(Func<BenchBlock, double> value) => Estimate.MedianOf(Each(value));

    /// <summary>What the sidecars add to a latency: the median of the differences within blocks.</summary>
    public Estimate Added(Func<Quantiles, double> quantile) =>
        Estimate.Of(Each(block => quantile(block.Rate.Through.Latency) - quantile(block.Rate.Direct.Latency)));

    /// <summary>CPU time of both sidecars for a request at the rate.</summary>
    public Estimate RateCpu() => Estimate.Of(Each(static block => block.Rate.Through.Cpu));

    /// <summary>CPU time of both sidecars for a request of the closed loop.</summary>
    public Estimate ClosedCpu() => Estimate.Of(Each(static block => block.Closed.Through.Cpu));

    /// <summary>The limits that were asked for, and how they stand.</summary>
    public List<BenchLimit> Limits()
    {
        List<BenchLimit> limits = [];
        Add("added p50", options.MaxAddedP50, Added(static all => all.P50));
        Add("added p99", options.MaxAddedP99, Added(static all => all.P99));
        Add("CPU per request of both sidecars", options.MaxCpu, ClosedCpu());
        return limits;

        void Add(string name, TimeSpan limit, Estimate measured)
        {
            if (limit > TimeSpan.Zero)
            {
                limits.Add(new BenchLimit(name, limit.TotalMicroseconds, measured.Median));
            }
        }
    }
}

/// <summary>A limit in microseconds, and the median that was measured.</summary>
internal sealed class BenchLimit(string name, double limit, double measured)
{
    public string Name => name;

    public double Limit => limit;

    public double Measured => measured;

    public bool IsExceeded => measured > limit;
}
