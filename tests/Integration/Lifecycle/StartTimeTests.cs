using System.Diagnostics;
using System.Globalization;
using FastSidecar.Integration.Samples;
using Xunit;
using Xunit.Abstractions;

namespace FastSidecar.Integration.Lifecycle;

/// <summary>How soon a sidecar without an app is ready, from exec to the first 204, and how large its binary is.</summary>
public sealed class StartTimeTests(ITestOutputHelper output)
{
    private const int Starts = 20;

    /// <summary>Further series on a machine that is busy, which only ever adds to the time.</summary>
    private const int Retries = 2;

    private const long MaxBinaryBytes = 15_000_000;

    /// <summary>The bar; measured about 10 ms on an idle two-core machine, where daprd takes 100.</summary>
    private static readonly TimeSpan Bar = TimeSpan.FromMilliseconds(50);

    [BinaryFact(needsNetwork: false)]
    public async Task Healthz_WithoutApp_SoonAfterStart()
    {
        var median = await MedianAsync();
        for (var retry = 0; retry < Retries && median > Bar && IsBusy(); retry++)
        {
            median = await MedianAsync();
        }

        Assert.True(median <= Bar, $"median {median.TotalMilliseconds} ms, bar {Bar.TotalMilliseconds} ms");
    }

    [BinaryFact(needsNetwork: false)]
    public void Binary_AtMost15Megabytes()
    {
        var bytes = new FileInfo(Repository.Binary).Length;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{bytes} bytes"));
        Assert.InRange(bytes, 1, MaxBinaryBytes);
    }

    /// <summary>More was runnable in the last minute than there are cores; one series alone never comes near that.</summary>
    private bool IsBusy()
    {
        var load = double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture);
        var isBusy = load > Environment.ProcessorCount;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"load {load} on {Environment.ProcessorCount} cores: {(isBusy ? "busy, once more" : "not busy")}"));
        return isBusy;
    }

    private async Task<TimeSpan> MedianAsync()
    {
        var taken = new List<TimeSpan>();
        for (var i = 0; i < Starts; i++)
        {
            taken.Add(await StartAsync());
        }

        taken.Sort();
        var median = (taken[(Starts - 1) / 2] + taken[Starts / 2]) / 2;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"median of {Starts} starts {median.TotalMilliseconds:F1} ms"));
        return median;
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
