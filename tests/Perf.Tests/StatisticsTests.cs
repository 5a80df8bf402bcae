using FastSidecar.Compare;
using Xunit;

namespace FastSidecar.Perf.Tests;

public sealed class StatisticsTests
{
    [Theory]
    [InlineData(new[] { 3.0, 1, 2 }, 2)]
    [InlineData(new[] { 4.0, 1, 2, 3 }, 2.5)]
    [InlineData(new[] { 7.0 }, 7)]
    public void Median_IsTheMiddle(double[] values, double median) => Assert.Equal(median, Statistics.Median(values));

    [Fact]
    public void EqualBlocks_TheIntervalIsAPoint() => Assert.Equal(new Estimate(1.5, 1.5, 1.5), Statistics.Bootstrap([1.5, 1.5, 1.5, 1.5]));

    [Fact]
    public void NoBlocks_IsNoNumber() => Assert.True(double.IsNaN(Statistics.Bootstrap([]).Median));

    /// <summary>
    /// The promise of a 95 % interval, with some room for medians of ten blocks: bootstrap intervals of medians are a little narrow or
    /// wide.
    /// </summary>
    [Fact]
    public void ManyExperiments_TheTrueMedianLiesInTheIntervalAboutNineteenTimesOfTwenty()
    {
        var random = new Random(11);
        const int experiments = 300;
        var inside = 0;
        for (var i = 0; i < experiments; i++)
        {
            // Lognormal with median 1, as ratios of noisy times are.
            var blocks = Enumerable.Range(0, 10).Select(_ => Math.Exp(0.2 * Normal(random))).ToArray();
            var estimate = Statistics.Bootstrap(blocks);
            inside += estimate.Low <= 1 && 1 <= estimate.High ? 1 : 0;
        }

        Assert.InRange(inside / (double)experiments, 0.90, 0.995);
    }

    private static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
