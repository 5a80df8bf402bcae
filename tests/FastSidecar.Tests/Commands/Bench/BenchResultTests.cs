using System.Text.Json;
using FastSidecar.Commands.Bench;
using Xunit;

namespace FastSidecar.Tests.Commands.Bench;

public sealed class BenchResultTests
{
    [Fact]
    public void Quantiles_OfTimes_AreExact()
    {
        var times = Enumerable.Range(1, 1000).Select(static number => number * 1000L).Reverse().ToArray();

        var quantiles = Quantiles.Of(times, ticksPerSecond: 1e9);

        Assert.Equal((500, 900, 990), (quantiles.P50, quantiles.P90, quantiles.P99));
    }

    [Theory]
    [InlineData(new double[] { 7 }, 7, 7, 7)]
    [InlineData(new double[] { 5, 5, 5, 5 }, 5, 5, 5)]
    [InlineData(new double[] { 1, 2, 3 }, 2, 1, 3)]
    public void Estimate_OfFewBlocks_IsMedianAndEnds(double[] blocks, double median, double low, double high)
    {
        var estimate = Estimate.Of(blocks);

        Assert.Equal((median, low, high), (estimate.Median, estimate.Low, estimate.High));
    }

    [Fact]
    public void Estimate_OfManyBlocks_LeavesOutTheEnds()
    {
        var estimate = Estimate.Of([.. Enumerable.Range(1, 20).Select(static number => (double)number)]);

        Assert.Equal(10.5, estimate.Median);
        Assert.InRange(estimate.Low, 4, 8.5);
        Assert.InRange(estimate.High, 12.5, 17);
    }

    [Fact]
    public void Added_IsTheMedianOfDifferencesNotTheDifferenceOfMedians()
    {
        // Medians 20 and 25; differences 4, 1 and 15.
        var result = Result(new BenchOptions(), (10, 14), (20, 21), (30, 45));

        Assert.Equal(4, result.Added(static all => all.P50).Median);
    }

    [Theory]
    [InlineData(149, true)]
    [InlineData(150, false)]
    public void Limit_BelowTheMedian_IsExceeded(int limitMicroseconds, bool exceeded)
    {
        var limit = TimeSpan.FromMicroseconds(limitMicroseconds);
        var options = new BenchOptions { MaxAddedP50 = limit, MaxAddedP99 = limit, MaxCpu = limit };

        var limits = Result(options, (100, 250)).Limits();

        // The 99th percentiles are twice the medians, and processor time is half of the latency.
        Assert.Equal(["added p50", "added p99", "CPU per request of both sidecars"], limits.Select(static one => one.Name));
        Assert.Equal([exceeded, true, false], limits.Select(static one => one.IsExceeded));
    }

    [Fact]
    public void ExceededLimit_IsNamedWithBothNumbers()
    {
        var text = new StringWriter();

        BenchReport.WriteExceeded(Result(new BenchOptions { MaxAddedP50 = TimeSpan.FromMicroseconds(50) }, (100, 250)).Limits(), text);

        Assert.Equal("limit exceeded: added p50 150 µs, at most 50.0 µs", text.ToString().TrimEnd());
    }

    [Fact]
    public void Json_HasEveryNumber()
    {
        var options = new BenchOptions { Blocks = 2, MaxAddedP99 = TimeSpan.FromMilliseconds(1) };

        using var json = JsonDocument.Parse(BenchJson.Of(Result(options, (100, 250), (110, 260))));

        var root = json.RootElement;
        Assert.Equal(1000, root.GetProperty("rate").GetInt32());
        var p50 = root.GetProperty("latency").GetProperty("p50");
        Assert.Equal([100, 110], p50.GetProperty("direct").EnumerateArray().Select(static one => one.GetDouble()));
        Assert.Equal([250, 260], p50.GetProperty("through").EnumerateArray().Select(static one => one.GetDouble()));
        Assert.Equal(150, p50.GetProperty("added").GetProperty("median").GetDouble());
        Assert.Equal(100, root.GetProperty("cpuPerRequest").GetProperty("closedLoop").GetProperty("both").GetProperty("low").GetDouble());
        Assert.Equal(4e6, root.GetProperty("residentBytes").GetProperty("after").GetProperty("callee").GetDouble());
        var limit = Assert.Single(root.GetProperty("limits").EnumerateArray());
        Assert.Equal(("added p99", 1000, 300, false), (
            limit.GetProperty("name").GetString(),
            limit.GetProperty("limit").GetInt32(),
            limit.GetProperty("measured").GetInt32(),
            limit.GetProperty("exceeded").GetBoolean()));
    }

    [Fact]
    public void Table_ShowsBothWaysAndTheDifference()
    {
        var text = new StringWriter();

        new BenchReport(Result(new BenchOptions { Blocks = 1 }, (80, 250)), text).Write();

        Assert.Matches(@"direct +80\.0 µs +80\.0 µs +160 µs", text.ToString());
        Assert.Matches(@"through both sidecars +250 µs +250 µs +500 µs", text.ToString());
        Assert.Matches(@"added +170 µs +170 µs +340 µs", text.ToString());
    }

    /// <summary>Blocks with these median latencies of the two ways.</summary>
    private static BenchResult Result(BenchOptions options, params (double Direct, double Through)[] blocks) => new(
        options,
        [.. blocks.Select(static block => new BenchBlock(Pair(block.Direct, block.Through), Pair(block.Direct, block.Through)))],
        [1e6, 2e6],
        [3e6, 4e6]);

    private static LoadPair Pair(double direct, double through) => new(Run(direct, 0), Run(through, 100));

    private static LoadRun Run(double latency, double cpu) =>
        new(1000, 1000, 1000, new Quantiles(latency, latency, latency * 2), new Quantiles(1, 2, 3), 0, cpu / 2, cpu / 2);
}
