using FastSidecar.Load.Ticks;

namespace FastSidecar.Compare;

/// <summary>
/// Many small messages on many long streams, both ways, through a pair of proxies of its own: whether all of them come, what they cost, and
/// whether memory grows meanwhile.
/// </summary>
internal sealed record Ticks(string Arm, TickResult Result)
{
    public const int Streams = 100;

    private const double Megabyte = 1e6;
    private const string Path = "/perf.Ticker/Ticks";

    /// <summary>By how much the proxy grew that grew most, MB.</summary>
    public double Growth => Result.ResidentAfter.Zip(Result.ResidentBefore, static (after, before) => (after - before) / Megabyte).Max();

    /// <summary>Of both proxies, µs a message.</summary>
    public double Cpu => Result.CpuMicroseconds.Sum();

    public static async Task<Ticks> MeasureAsync(Bench bench, Arm arm, double seconds)
    {
        using var app = bench.PrepareAgain("ticker", "ticker-app", bench.App.Places["grpcApp"]);
        await app.StartAsync(Path);
        using var pair = bench.PrepareAgain(arm.Name, arm.Name + "-ticks", app.Places["grpcApp"]);
        await pair.StartAsync(Path);
        return new Ticks(arm.Name, await bench.Load.TicksAsync(pair.Url(Path), Streams, seconds, pair.Processes.Select(process => process.Id)));
    }
}
