using System.Diagnostics;
using System.Globalization;
using FastSidecar.Integration.Samples;
using Xunit;
using Xunit.Abstractions;

namespace FastSidecar.Integration.Lifecycle;

/// <summary>How soon a sidecar without an app is ready, from exec to the first 204.</summary>
public sealed class StartTimeTests(ITestOutputHelper output)
{
    private const int Starts = 20;
    private const int Series = 3;

    /// <summary>The bar; measured about 10 ms on an idle two-core machine, where daprd takes 100.</summary>
    private static readonly TimeSpan Bar = TimeSpan.FromMilliseconds(50);

    [BinaryFact(needsNetwork: false)]
    public async Task Healthz_WithoutApp_SoonAfterStart()
    {
        // A busy machine only ever adds: the best of the series is nearest to what the program takes.
        var best = TimeSpan.MaxValue;
        for (var series = 0; series < Series && best >= Bar; series++)
        {
            var median = await MedianAsync();
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"series {series}: median of {Starts} starts {median.TotalMilliseconds:F1} ms"));
            best = median < best ? median : best;
        }

        Assert.True(best < Bar, $"median {best.TotalMilliseconds} ms, bar {Bar.TotalMilliseconds} ms");
    }

    private static async Task<TimeSpan> MedianAsync()
    {
        var taken = new List<TimeSpan>();
        for (var i = 0; i < Starts; i++)
        {
            taken.Add(await StartAsync());
        }

        taken.Sort();
        return (taken[(Starts - 1) / 2] + taken[Starts / 2]) / 2;
    }

    private static async Task<TimeSpan> StartAsync()
    {
        var ports = SidecarPortNumbers.Choose();
        var began = Stopwatch.GetTimestamp();
        await using var sidecar = SidecarUnderTest.Start(ports);
        while ((await RawHttp.CallAsync(ports.Http, "/v1.0/healthz")).Status != 204)
        {
            if (sidecar.HasEnded)
            {
                throw new InvalidOperationException(sidecar.Log);
            }

            await Task.Yield();
        }

        return Stopwatch.GetElapsedTime(began);
    }
}
