using System.Diagnostics;
using System.Globalization;
using FastSidecar.Integration.Samples;
using FastSidecar.Tests.Shared;
using Xunit;
using Xunit.Abstractions;

namespace FastSidecar.Integration.Lifecycle;

/// <summary>How soon a sidecar without an app is ready, from exec to the first 204, and how large its binary is.</summary>
public sealed class StartTimeTests(ITestOutputHelper output)
{
    private const int Starts = 20;

    /// <summary>
    /// Series go on until one is within the bar, for so long: a machine that others use only ever adds to the time, and by turns; a start that became
    /// slow is slow in every series. Where others leave no gap in all of it, the series are judged without the time they took (<see cref="FairClock"/>).
    /// </summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);

    private const long MaxBinaryBytes = 15_000_000;

    /// <summary>The bar; measured about 10 ms on an idle two-core machine, where daprd takes 100.</summary>
    private static readonly TimeSpan Bar = TimeSpan.FromMilliseconds(50);

    [BinaryFact(needsNetwork: false)]
    public async Task Healthz_WithoutApp_SoonAfterStart()
    {
        var clock = Stopwatch.StartNew();
        var (median, fairMedian) = await MediansAsync();
        while (median > Bar && clock.Elapsed < Patience)
        {
            (median, fairMedian) = await MediansAsync();
        }

        Assert.True(
            median <= Bar || fairMedian <= Bar, $"median {median.TotalMilliseconds} ms, fairly {fairMedian.TotalMilliseconds} ms, bar {Bar.TotalMilliseconds} ms");
    }

    [BinaryFact(needsNetwork: false)]
    public void Binary_AtMost15Megabytes()
    {
        var bytes = new FileInfo(Repository.Binary).Length;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{bytes} bytes"));
        Assert.InRange(bytes, 1, MaxBinaryBytes);
    }

    private async Task<(TimeSpan Elapsed, TimeSpan Fair)> MediansAsync()
    {
        var taken = new List<(TimeSpan Elapsed, TimeSpan Fair)>();
        for (var i = 0; i < Starts; i++)
        {
            taken.Add(await StartAsync());
        }

        var medians = (Median(taken.Select(static start => start.Elapsed)), Median(taken.Select(static start => start.Fair)));
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"median of {Starts} starts {medians.Item1.TotalMilliseconds:F1} ms, fairly {medians.Item2.TotalMilliseconds:F1} ms"));
        return medians;
    }

    private static TimeSpan Median(IEnumerable<TimeSpan> times)
    {
        var sorted = times.Order().ToList();
        return (sorted[(Starts - 1) / 2] + sorted[Starts / 2]) / 2;
    }

    private static async Task<(TimeSpan Elapsed, TimeSpan Fair)> StartAsync()
    {
        var ports = SidecarPortNumbers.Choose();
        var clock = new FairClock();
        await using var sidecar = SidecarUnderTest.Start(ports);
        while ((await RawHttp.CallAsync(ports.Http, "/v1.0/healthz")).Status != 204)
        {
            if (sidecar.HasEnded)
            {
                throw new InvalidOperationException(sidecar.Log);
            }

            await Task.Yield();
        }

        return (clock.Elapsed, clock.Fair);
    }
}
