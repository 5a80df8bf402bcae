using FastSidecar.Load;

namespace FastSidecar.Compare;

/// <summary>
/// One whole measurement, in order: blocks of runs, then memory, starts and system calls, which need processes or tools of their own.
/// </summary>
internal sealed class Session(Bench bench, Plan plan, IReadOnlyList<Scenario> scenarios, TextWriter log, TimeProvider time)
{
    private readonly long _began = time.GetTimestamp();
    private readonly List<Run> _runs = [];
    private readonly List<MemoryRun> _memory = [];
    private readonly List<Starts> _starts = [];
    private readonly List<Syscalls> _syscalls = [];
    private readonly List<Ticks> _ticks = [];
    private readonly List<string> _problems = [];

    private IEnumerable<Arm> Proxies => bench.Arms.Where(arm => arm.File.Processes.Count > 0 && !arm.File.Grpc);

    public async Task<Findings> RunAsync()
    {
        await bench.StartArmsAsync();
        Say($"{bench.Arms.Count} arms are up: {string.Join(", ", bench.Arms.Select(arm => arm.Name))}");

        // Seeded: the order is random, and the same in every run of the same plan.
        var random = new Random(1);
        for (var block = 0; block < plan.Blocks; block++)
        {
            foreach (var (scenario, arm) in Blocks.Order(block, scenarios, [.. bench.Arms.Select(arm => (arm.Name, arm.File.Grpc))], random))
            {
                await RunAsync(block, bench.Arms.Single(one => one.Name == arm), scenario);
            }

            Say($"block {block + 1} of {plan.Blocks}");
        }

        for (var round = 0; round < plan.MemoryRounds; round++)
        {
            foreach (var arm in Proxies)
            {
                await TryAsync($"memory of {arm.Name}", async () =>
                    _memory.AddRange(await MemoryRun.MeasureAsync(bench, arm, round, plan.MemorySeconds)));
            }
        }

        Say("memory");
        foreach (var arm in Proxies)
        {
            await TryAsync($"start of {arm.Name}", async () => _starts.AddRange(await Starts.MeasureAsync(bench, arm, plan.Starts)));
        }

        Say("starts");
        await CountSyscallsAsync();
        await TickAsync();
        return new Findings(_runs, _memory, _starts, _syscalls, _ticks, _problems);
    }

    private async Task RunAsync(int block, Arm arm, Scenario scenario)
    {
        var run = await bench.MeasureAsync(block, arm, scenario, plan.Seconds, plan.WarmUp);
        _runs.Add(run);
        if (run.Void is not { } reason)
        {
            return;
        }

        _problems.Add($"void: block {block + 1}, {scenario.Name} through {arm.Name}: {reason}");
        Say($"{_problems[^1]}\n{arm.Logs()}");

        // What broke is not measured any further: every later run begins with programs that answer.
        arm.Stop();
        await bench.StartAsync(arm);
    }

    private async Task CountSyscallsAsync()
    {
        if (!Syscalls.IsPossible)
        {
            _problems.Add("system calls were not counted: neither perf nor strace works here");
            return;
        }

        foreach (var scenario in Scenarios.All.Where(scenario => scenario.Name is Scenarios.One or Scenarios.Sixteen or Scenarios.Rate))
        {
            foreach (var arm in Proxies)
            {
                await TryAsync($"system calls of {arm.Name}", async () =>
                    _syscalls.AddRange(await Syscalls.MeasureAsync(bench, arm, scenario, plan.TraceSeconds)));
            }
        }

        Say("system calls");
    }

    private async Task TickAsync()
    {
        for (var round = 0; round < plan.TickRounds; round++)
        {
            foreach (var arm in bench.Arms.Where(arm => arm.File is { Grpc: true, Processes.Count: > 0 }))
            {
                await TryAsync($"ticker through {arm.Name}", async () => _ticks.Add(await Ticks.MeasureAsync(bench, arm, plan.TickSeconds)));
            }
        }

        Say("ticker");
    }

    private async Task TryAsync(string what, Func<Task> measure)
    {
        try
        {
            await measure();
        }
        catch (Exception e) when (e is LoadException or CompareException)
        {
            _problems.Add($"{what}: {e.Message}");
            Say(_problems[^1]);
        }
    }

    private void Say(string what) => log.WriteLine($"[{time.GetElapsedTime(_began).TotalSeconds,5:0} s] {what}");
}

/// <summary>Everything that was measured.</summary>
/// <param name="Problems">Void runs, and what could not be measured.</param>
internal sealed record Findings(
    IReadOnlyList<Run> Runs,
    IReadOnlyList<MemoryRun> Memory,
    IReadOnlyList<Starts> Starts,
    IReadOnlyList<Syscalls> Syscalls,
    IReadOnlyList<Ticks> Ticks,
    IReadOnlyList<string> Problems);
