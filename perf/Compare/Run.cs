using FastSidecar.Load;

namespace FastSidecar.Compare;

/// <summary>One measurement: a scenario through an arm, in a block.</summary>
internal sealed record Run
{
    private const double NanosecondsPerMicrosecond = 1000;

    public required int Block { get; init; }

    public required string Arm { get; init; }

    public required string Scenario { get; init; }

    /// <summary>Why it does not count; null when it does.</summary>
    public string? Void { get; init; }

    public LoadResult? Load { get; init; }

    /// <summary>Of the arm's processes and, last, of the app.</summary>
    public IReadOnlyList<ProcessCost> Costs { get; init; } = [];

    /// <summary>
    /// Share of the machine's processor time that went to others than arm, app and generator: how much a run was disturbed.
    /// </summary>
    public double OtherCpuShare { get; init; }

    /// <summary>Processor time of all proxies for a request, µs.</summary>
    public double ProxyCpu => Costs.Where(cost => !cost.IsApp).Sum(cost => cost.Cpu);

    public static ProcessCost CostOf(string process, bool isApp, ProcessUsage usage, LoadResult load, double? allocated)
    {
        var cpu = usage.CpuNanoseconds / NanosecondsPerMicrosecond / load.CostAnswers;
        var ticks = usage.UserTicks + usage.SystemTicks;
        return new ProcessCost(
            process,
            isApp,
            Cpu: cpu,
            SystemShare: ticks == 0 ? null : (double)usage.SystemTicks / ticks,
            VoluntarySwitches: (double)usage.VoluntarySwitches / load.CostAnswers,
            InvoluntarySwitches: (double)usage.InvoluntarySwitches / load.CostAnswers,
            ResidentBytes: usage.ResidentBytes,
            Threads: usage.Threads,
            AllocatedBytes: allocated);
    }
}

/// <summary>What a process spent for a request.</summary>
/// <param name="Cpu">µs.</param>
/// <param name="SystemShare">The part of it in the kernel; null when the run was too short for the kernel's ticks.</param>
/// <param name="ResidentBytes">Memory at the end of the run.</param>
/// <param name="AllocatedBytes">On the managed heap, for a request; null when it has none or does not say.</param>
internal sealed record ProcessCost(
    string Process,
    bool IsApp,
    double Cpu,
    double? SystemShare,
    double VoluntarySwitches,
    double InvoluntarySwitches,
    long ResidentBytes,
    int Threads,
    double? AllocatedBytes);
