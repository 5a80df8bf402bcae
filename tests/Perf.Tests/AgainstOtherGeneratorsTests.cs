using System.Globalization;
using System.Text.RegularExpressions;
using FastSidecar.Compare;
using FastSidecar.Load;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Perf.Tests;

/// <summary>
/// The generator beside wrk and h2load: the same server, the same connections, taken in turn, medians of five. The margins are wide
/// because the test runs beside other programs and the generator under the SDK's runtime; a wrong clock, a wrong count or a request
/// that is not really sent is off by far more.
/// </summary>
public sealed partial class AgainstOtherGeneratorsTests
{
    private const int Rounds = 5;

    /// <summary>Ours divided by theirs: throughput of a closed loop, which server and generator limit together.</summary>
    private const double ThroughputMargin = 2.0;

    /// <summary>Latency: the median beside wrk, the mean beside h2load.</summary>
    private const double LatencyMargin = 2.0;

    [ToolFact("nginx", "wrk")]
    public async Task Wrk_ThroughputAndMedianAgree()
    {
        using var app = await TestApp.StartAsync();
        var (ours, theirs) = (new List<Sample>(), new List<Sample>());
        for (var round = 0; round < Rounds; round++)
        {
            ours.Add(await OursAsync(app, latency => latency.P50));
            var output = Programs.Output("wrk", "-t1", "-c8", "-d1", "--latency", app.App.Url("/1k"))!;
            theirs.Add(new Sample(Number(WrkRate(), output), Microseconds(WrkMedian().Match(output))));
        }

        Compare(ours, theirs);
    }

    [ToolFact("nginx", "h2load")]
    public async Task H2Load_ThroughputAndMeanAgree()
    {
        using var app = await TestApp.StartAsync();
        var (ours, theirs) = (new List<Sample>(), new List<Sample>());
        for (var round = 0; round < Rounds; round++)
        {
            ours.Add(await OursAsync(app, latency => latency.Mean));
            var output = Programs.Output("h2load", "--h1", "-t1", "-c8", "-D1", app.App.Url("/1k"))!;

            // h2load tells no median.
            theirs.Add(new Sample(Number(H2LoadRate(), output), Microseconds(H2LoadMean().Match(output))));
        }

        Compare(ours, theirs);
    }

    private static async Task<Sample> OursAsync(TestApp app, Func<Distribution, double> latency)
    {
        var result = await app.LoadAsync(new LoadOptions { Connections = 8, Seconds = 1, ExpectBody = 1024 }).Within("the run");
        return new Sample(result.PerSecond, latency(result.Latency));
    }

    private static void Compare(List<Sample> ours, List<Sample> theirs)
    {
        var rate = Statistics.Median(ours.Select(one => one.Rate)) / Statistics.Median(theirs.Select(one => one.Rate));
        var latency = Statistics.Median(ours.Select(one => one.Latency)) / Statistics.Median(theirs.Select(one => one.Latency));
        var samples = $"{string.Join(" ", ours)} | {string.Join(" ", theirs)}";
        Assert.True(rate is > 1 / ThroughputMargin and < ThroughputMargin, $"throughput is {rate:0.00} of theirs: {samples}");
        Assert.True(latency is > 1 / LatencyMargin and < LatencyMargin, $"latency is {latency:0.00} of theirs: {samples}");
    }

    private static double Number(Regex pattern, string output) => pattern.Match(output) is { Success: true } match
        ? double.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture)
        : throw new InvalidOperationException($"{pattern} is not in: {output}");

    private static double Microseconds(Match time) => double.Parse(time.Groups[1].ValueSpan, CultureInfo.InvariantCulture)
        * time.Groups[2].Value switch { "us" => 1, "ms" => 1000, "s" => 1e6, var unit => throw new InvalidOperationException(unit) };

    [GeneratedRegex(@"Requests/sec:\s+([\d.]+)")]
    private static partial Regex WrkRate();

    [GeneratedRegex(@"50%\s+([\d.]+)(us|ms|s)")]
    private static partial Regex WrkMedian();

    [GeneratedRegex(@"finished in [\d.]+m?s, ([\d.]+) req/s")]
    private static partial Regex H2LoadRate();

    [GeneratedRegex(@"time for request:\s+\S+\s+\S+\s+([\d.]+)(us|ms|s)")]
    private static partial Regex H2LoadMean();

    /// <param name="Rate">Answers a second.</param>
    /// <param name="Latency">µs.</param>
    private readonly record struct Sample(double Rate, double Latency);
}
