using FastSidecar.Budgets.Measuring;
using FastSidecar.Compare;

namespace FastSidecar.Budgets;

/// <summary>Measures what perf/budgets.json limits, each meter once and when it is first asked for.</summary>
internal sealed class Gate
{
    private readonly Dictionary<Meter, Task<Dictionary<string, double>>> _measured = [];
    private readonly List<Verdict> _verdicts = [];

    public BudgetFile File { get; } = BudgetFile.Read();

    /// <summary>What was judged so far, in the file's order.</summary>
    public IReadOnlyCollection<Verdict> Verdicts =>
        [.. File.Budgets.Select(budget => _verdicts.Find(verdict => verdict.Budget == budget)).OfType<Verdict>()];

    /// <summary>The program that a meter needs and this machine lacks, or null.</summary>
    public static string? Missing(Meter meter) => Needs(meter).FirstOrDefault(static program => !Programs.Exists(program));

    public async Task<Verdict> JudgeAsync(Budget budget)
    {
        var costs = await MeasureAsync(budget.Meter);
        var verdict = costs.TryGetValue(budget.Name, out var cost)
            ? File.Judge(budget, cost, SidecarBinary.Platform)
            : throw new InvalidOperationException($"nothing measures {budget.Name}; there is {string.Join(", ", costs.Keys)}");
        _verdicts.Add(verdict);
        return verdict;
    }

    /// <summary>Makes budgets of what was measured.</summary>
    public void Update() => File.With(Verdicts, SidecarBinary.Platform).Write();

    private static IReadOnlyList<string> Needs(Meter meter) => meter switch
    {
        Meter.Binary => [Repository.Sidecar],
        Meter.Request or Meter.Call => [Repository.Sidecar, "nginx", CallCounter.Tool],
        Meter.RequestInstructions or Meter.CallInstructions => [Repository.Sidecar, "nginx", "valgrind"],
        Meter.OperationInstructions => [Repository.Micro, "valgrind"],
        _ => throw new ArgumentOutOfRangeException(nameof(meter), meter, null),
    };

    private Task<Dictionary<string, double>> MeasureAsync(Meter meter)
    {
        if (!_measured.TryGetValue(meter, out var measured))
        {
            _measured[meter] = measured = meter switch
            {
                Meter.Binary => Task.FromResult(SidecarBinary.Size()),
                Meter.Request => new RequestCosts(isGrpc: false).CountsAsync(),
                Meter.RequestInstructions => new RequestCosts(isGrpc: false).InstructionsAsync(),
                Meter.Call => new RequestCosts(isGrpc: true).CountsAsync(),
                Meter.CallInstructions => new RequestCosts(isGrpc: true).InstructionsAsync(),
                Meter.OperationInstructions => OperationCosts.InstructionsAsync(),
                _ => throw new ArgumentOutOfRangeException(nameof(meter), meter, null),
            };
        }

        return measured;
    }
}
