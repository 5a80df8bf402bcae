namespace FastSidecar.Compare;

/// <summary>How much is measured.</summary>
/// <param name="Seconds">Measured time of a run.</param>
/// <param name="WarmUp">Seconds of load before it.</param>
/// <param name="TickSeconds">Of a run of the ticker.</param>
/// <param name="MemorySeconds">Idle time, and load of each kind, before memory is read.</param>
internal sealed record Plan(
    bool IsQuick, int Blocks, double Seconds, double WarmUp, int MemoryRounds, double MemorySeconds, int Starts, double TraceSeconds, int TickRounds, double TickSeconds)
{
    /// <summary>Ten blocks: what a claim needs.</summary>
    public static readonly Plan Full =
        new(false, Blocks: 10, Seconds: 2.5, WarmUp: 0.4, MemoryRounds: 5, MemorySeconds: 4, Starts: 20, TraceSeconds: 2, TickRounds: 3, TickSeconds: 6);

    /// <summary>A look, in a minute and a half.</summary>
    public static readonly Plan Quick =
        new(true, Blocks: 3, Seconds: 0.5, WarmUp: 0.15, MemoryRounds: 1, MemorySeconds: 1, Starts: 5, TraceSeconds: 0.6, TickRounds: 1, TickSeconds: 1.5);

    public IReadOnlyList<Scenario> ScenariosOf() => IsQuick ? [.. Scenarios.All.Where(scenario => scenario.IsQuick)] : Scenarios.All;
}
