using FastSidecar.Load;

namespace FastSidecar.Compare;

/// <summary>
/// Resident memory of a process that was started for this: idle, at a steady rate, and after saturation. Megabytes of 10^6 bytes.
/// </summary>
internal sealed record MemoryRun(int Round, string Arm, string Process, double Idle, double AtRate, double AfterSaturation)
{
    private const double Megabyte = 1e6;

    public static async Task<IReadOnlyList<MemoryRun>> MeasureAsync(Bench bench, Arm arm, int round, double seconds)
    {
        arm.Stop();
        await arm.StartAsync("/1k");
        await Task.Delay(TimeSpan.FromSeconds(Math.Min(seconds, 2)));
        var idle = Read(arm);
        await LoadAsync(bench, arm, Scenarios.Rate, seconds);
        var atRate = Read(arm);
        await LoadAsync(bench, arm, Scenarios.SixtyFour, seconds);
        var after = Read(arm);
        return [.. arm.Processes.Select((process, i) => new MemoryRun(round, arm.Name, process.Name, idle[i], atRate[i], after[i]))];
    }

    private static async Task LoadAsync(Bench bench, Arm arm, string scenario, double seconds)
    {
        var chosen = Scenarios.All.Single(one => one.Name == scenario);
        await bench.Load.RunAsync(arm.Url(chosen.Path), chosen, seconds, 0.1, []);
    }

    private static double[] Read(Arm arm) => [.. arm.Processes.Select(process => ProcessUsage.Read(process.Id).ResidentBytes / Megabyte)];
}
