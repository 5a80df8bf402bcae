using System.Runtime.InteropServices;
using Xunit;

namespace FastSidecar.Budgets;

public sealed class VerdictTests
{
    private static readonly Platform Own = new("net9.0", Architecture.X64);

    [Theory]
    [InlineData(1000, false, false)]
    [InlineData(1020, false, false)]
    [InlineData(1021, true, false)]
    [InlineData(850, false, false)]
    [InlineData(849, false, true)]
    public void Cost_IsKeptUpToItsMargin(double measured, bool above, bool farBelow)
    {
        var verdict = File().Judge(File()["a"], measured, Own);

        Assert.Equal((above, farBelow), (verdict.IsAbove, verdict.IsFarBelow));
    }

    [Fact]
    public void CostAboveItsBudget_TheTableSaysSoAndByHowMuch()
    {
        var file = File();
        var table = CostTable.Of([file.Judge(file["a"], 1100, Own), file.Judge(file["b"], 0.5, Own)]);

        Assert.Contains("ABOVE by 10.0 %", table, StringComparison.Ordinal);
        Assert.Contains("1 of 2 costs are above their budgets", table, StringComparison.Ordinal);
    }

    [Fact]
    public void CostFarBelowItsBudget_IsKeptWithANote()
    {
        var file = File();
        var table = CostTable.Of([file.Judge(file["a"], 500, Own)]);

        Assert.Contains("50.0 % below: lower the budget", table, StringComparison.Ordinal);
        Assert.Contains("every cost is within its budget", table, StringComparison.Ordinal);
    }

    [Fact]
    public void CostOfNothing_HasItsSlack()
    {
        var file = File();

        Assert.False(file.Judge(file["b"], 1, Own).IsAbove);
        Assert.True(file.Judge(file["b"], 1.01, Own).IsAbove);
    }

    [Fact]
    public void OtherCompiler_WidensTheMarginOfInstructionsOnly()
    {
        var file = File();
        var other = Own with { Framework = "net10.0" };

        Assert.False(file.Judge(file["a"], 1300, other).IsAbove);
        Assert.True(file.Judge(file["a"], 1330, other).IsAbove);
        Assert.True(file.Judge(file["b"], 1.01, other).IsAbove);
    }

    [Fact]
    public void Update_TakesWhatWasMeasuredAndKeepsTheRest()
    {
        var file = File();
        var updated = file.With([file.Judge(file["a"], 1500, Own)], Own with { Framework = "net10.0" });

        Assert.Equal(file["a"] with { Value = 1500 }, updated["a"]);
        Assert.Equal(file["b"], updated["b"]);
        Assert.Equal("net10.0", updated.Platform.Framework);
    }

    [Fact]
    public void CommittedFile_NamesEachCostOnce()
    {
        var names = BudgetFile.Read().Budgets.Select(static budget => budget.Name).ToArray();

        Assert.Equal(names.Distinct(), names);
    }

    private static BudgetFile File() => new()
    {
        Platform = Own,
        ElsewherePercent = 30,
        Budgets =
        [
            new Budget { Name = "a", Value = 1000, MarginPercent = 2, Unit = "instructions", Meter = Meter.RequestInstructions },
            new Budget { Name = "b", Value = 0, MarginPercent = 5, Slack = 1, Unit = "bytes", Meter = Meter.Request },
        ],
    };
}
