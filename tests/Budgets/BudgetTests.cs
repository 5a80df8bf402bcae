using Xunit;

namespace FastSidecar.Budgets;

/// <summary>
/// Deterministic costs of the published sidecar against perf/budgets.json; the table is in budgets-report.txt beside the tests.
/// </summary>
public sealed class BudgetTests : IClassFixture<BudgetTests.Measured>
{
    private readonly Measured _measured;

    public BudgetTests(Measured measured)
    {
        _measured = measured;
    }

    [MeterTheory(nameof(Meter.Binary))]
    [MemberData(nameof(Of), nameof(Meter.Binary))]
    public Task Binary_WithinItsBudget(string name) => WithinAsync(name);

    [MeterTheory(nameof(Meter.Request))]
    [MemberData(nameof(Of), nameof(Meter.Request))]
    public Task Request_WithinItsBudget(string name) => WithinAsync(name);

    [MeterTheory(nameof(Meter.RequestInstructions))]
    [MemberData(nameof(Of), nameof(Meter.RequestInstructions))]
    public Task RequestInstructions_WithinTheirBudget(string name) => WithinAsync(name);

    [MeterTheory(nameof(Meter.Call))]
    [MemberData(nameof(Of), nameof(Meter.Call))]
    public Task Call_WithinItsBudget(string name) => WithinAsync(name);

    [MeterTheory(nameof(Meter.CallInstructions))]
    [MemberData(nameof(Of), nameof(Meter.CallInstructions))]
    public Task CallInstructions_WithinTheirBudget(string name) => WithinAsync(name);

    [MeterTheory(nameof(Meter.OperationInstructions))]
    [MemberData(nameof(Of), nameof(Meter.OperationInstructions))]
    public Task OperationInstructions_WithinTheirBudget(string name) => WithinAsync(name);

    public static TheoryData<string> Of(string meter) =>
        [.. BudgetFile.Read().Budgets.Where(budget => budget.Meter.ToString() == meter).Select(static budget => budget.Name)];

    private async Task WithinAsync(string name)
    {
        var verdict = await _measured.Gate.JudgeAsync(_measured.Gate.File[name]);
        Assert.False(verdict.IsAbove, CostTable.Of([verdict]));
    }

    /// <summary>Measures once for all tests and writes the table when they are through.</summary>
    public sealed class Measured : IDisposable
    {
        internal Gate Gate { get; } = new();

        public void Dispose() =>
            System.IO.File.WriteAllText(Path.Combine(AppContext.BaseDirectory, "budgets-report.txt"), CostTable.Of(Gate.Verdicts));
    }
}
