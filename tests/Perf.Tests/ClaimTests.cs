using FastSidecar.Compare;
using FastSidecar.Load;
using Xunit;

namespace FastSidecar.Perf.Tests;

public sealed class ClaimTests
{
    [Theory]
    [InlineData(true, 0.9, 1.2, true)]
    [InlineData(true, 1.01, 1.2, false)]
    [InlineData(false, 0.7, 0.99, false)]
    [InlineData(false, 0.7, 1.0, true)]
    public void RatioBar_HoldsWhenTheIntervalTouchesItsSide(bool isUpper, double low, double high, bool holds) =>
        Assert.Equal(holds, new Claim("x", 1.0, isUpper, Claim.RatioUnit, new Estimate((low + high) / 2, low, high), 10, "").Holds);

    [Fact]
    public void AbsoluteBar_HoldsWhenTheMedianDoes()
    {
        Assert.False(new Claim("x", 30, true, "ms", new Estimate(31, 10, 40), 10, "").Holds);
        Assert.True(new Claim("x", 30, true, "ms", new Estimate(29, 10, 40), 10, "").Holds);
    }

    [Fact]
    public void NotMeasured_DoesNotHold() =>
        Assert.False(new Claim("x", 30, true, "ms", new Estimate(double.NaN, double.NaN, double.NaN), 0, "").Holds);

    /// <summary>A block that is slow for everybody leaves the ratio alone.</summary>
    [Fact]
    public void RatioOfCpu_IsTakenBlockByBlock()
    {
        var runs = new List<Run>();
        for (var block = 0; block < 10; block++)
        {
            var slow = 1 + block;
            runs.Add(RunOf(block, "fastsidecar", cpu: 12 * slow, latency: 300 * slow));
            runs.Add(RunOf(block, "haproxy", cpu: 10 * slow, latency: 200 * slow));
            runs.Add(RunOf(block, "nginx", cpu: 20 * slow, latency: 500 * slow));
            runs.Add(RunOf(block, "direct", cpu: 0, latency: 100 * slow));
        }

        var claims = new Claims(Outcome.Of(runs), [], [], [], 10_000_000).All();
        var cpu = claims.Single(claim => claim.Name.StartsWith("CPU per request, 16 ", StringComparison.Ordinal));
        Assert.Equal(1.2, cpu.Value.Low, 9);
        Assert.Equal(1.2, cpu.Value.High, 9);
        Assert.False(cpu.Holds);
        var added = claims.Single(claim => claim.Name.StartsWith("added p50", StringComparison.Ordinal));
        Assert.False(added.IsMeasured);
        Assert.True(claims.Single(claim => claim.Name == "binary").Holds);
    }

    [Fact]
    public void VoidRun_CountsForNothing()
    {
        var outcome = Outcome.Of([RunOf(0, "nginx", 10, 100), RunOf(1, "nginx", 1000, 100) with { Void = "wrong hash" }]).Single();
        Assert.Equal((10.0, 1), (outcome.Median(Metric.ProxyCpu), outcome.Voids));
    }

    private static Run RunOf(int block, string arm, double cpu, double latency)
    {
        var distribution = new Distribution(1, latency, latency, latency, latency, latency, latency, [[0, latency], [0.5, latency]]);
        return new Run
        {
            Block = block,
            Arm = arm,
            Scenario = Scenarios.Sixteen,
            Costs = [new ProcessCost("front", false, cpu, 0.5, 1, 1, 1, 1, null), new ProcessCost("app", true, 5, 0.5, 1, 1, 1, 1, null)],
            Load = new LoadResult
            {
                Answers = 1, Seconds = 1, PerSecond = 1, MegabytesPerSecond = 1, AllAnswers = 1, CostAnswers = 1, Latency = distribution,
                    Lateness = distribution,
                Queued = 0, Reconnects = 0, GeneratorCpu = 1, Processes = [],
            },
        };
    }
}
