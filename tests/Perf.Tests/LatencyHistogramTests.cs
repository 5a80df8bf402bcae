using FastSidecar.Load;
using Xunit;

namespace FastSidecar.Perf.Tests;

public sealed class LatencyHistogramTests
{
    [Fact]
    public void AnyValueAlone_EveryQuantileIsWithinHalfAPercent()
    {
        for (var value = 1.0; value < 1e12; value *= 1.0137)
        {
            var histogram = new LatencyHistogram();
            histogram.Record((long)value);
            histogram.Record((1L << 40) - 1);
            var error = Math.Abs(histogram.Quantile(0.5) - (long)value) / (long)value;
            Assert.True(error <= 0.005, $"{(long)value} ns was told as {histogram.Quantile(0.5)}");
        }
    }

    [Fact]
    public void ManyValues_QuantilesAreThoseOfTheSortedValuesWithinOnePercent()
    {
        var random = new Random(7);
        var values = Enumerable.Range(0, 50_000).Select(_ => (long)Math.Exp(random.NextDouble() * 20)).ToArray();
        var histogram = new LatencyHistogram();
        foreach (var value in values)
        {
            histogram.Record(value);
        }

        Array.Sort(values);
        foreach (var quantile in new[] { 0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999 })
        {
            var exact = values[(int)Math.Ceiling(quantile * values.Length) - 1];
            Assert.InRange(histogram.Quantile(quantile), exact * 0.99, exact * 1.01);
        }

        Assert.Equal(values[^1], histogram.Quantile(1));
        Assert.Equal(values.Length, histogram.Count);
        Assert.Equal(values.Average(value => (double)value), histogram.Mean, 3);
    }

    [Fact]
    public void Negative_CountsAsZero()
    {
        var histogram = new LatencyHistogram();
        histogram.Record(-5);
        Assert.Equal((1L, 0.0), (histogram.Count, histogram.Quantile(0.5)));
    }

    [Fact]
    public void BeyondTheRange_IsNotLost()
    {
        var histogram = new LatencyHistogram();
        histogram.Record(long.MaxValue);
        Assert.Equal((1L, long.MaxValue), (histogram.Count, histogram.Max));
        Assert.True(histogram.Quantile(0.5) > 1e12);
    }

    [Fact]
    public void Added_IsAsIfRecordedInOne()
    {
        var (one, other, both) = (new LatencyHistogram(), new LatencyHistogram(), new LatencyHistogram());
        for (var i = 0; i < 1000; i++)
        {
            (i % 3 == 0 ? one : other).Record(i * i);
            both.Record(i * i);
        }

        one.Add(other);
        Assert.Equal((both.Count, both.Max, both.Mean), (one.Count, one.Max, one.Mean));
        Assert.Equal(both.Quantile(0.77), one.Quantile(0.77));
    }

    [Fact]
    public void Empty_IsZero() => Assert.Equal(0, new LatencyHistogram().Quantile(0.99));
}
