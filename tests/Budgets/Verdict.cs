namespace FastSidecar.Budgets;

/// <summary>A measured cost beside its budget.</summary>
/// <param name="ExtraPercent">Beside the budget's own margin (<see cref="BudgetFile.ElsewherePercent"/>).</param>
internal sealed record Verdict(Budget Budget, double Measured, double ExtraPercent = 0)
{
    /// <summary>So far below its budget something has become cheaper, and the budget would hide its becoming dearer again.</summary>
    private const double FarBelowPercent = 15;

    public bool IsAbove => Measured > Budget.Limit(ExtraPercent);

    public bool IsFarBelow => ExtraPercent == 0 && Measured + Budget.Slack < Budget.Value * (1 - (FarBelowPercent / 100));

    public double MarginPercent => Budget.MarginPercent + ExtraPercent;

    public string Text => IsAbove ? $"ABOVE by {Percent(Measured - Budget.Value)}"
        : IsFarBelow ? $"kept; {Percent(Budget.Value - Measured)} below: lower the budget"
        : "kept";

    private string Percent(double difference) => Budget.Value == 0
        ? FormattableString.Invariant($"{difference:0.##}")
        : FormattableString.Invariant($"{100 * difference / Budget.Value:0.0} %");
}
