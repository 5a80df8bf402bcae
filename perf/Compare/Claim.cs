namespace FastSidecar.Compare;

/// <summary>
/// A row of the table of bars. A bar on a ratio holds when the ratio's 95 % interval touches its allowed side; another bar holds when
/// the median does.
/// </summary>
/// <param name="Value">In the unit of the bar; not a number when it was not measured.</param>
/// <param name="IsUpper">Whether less is better.</param>
/// <param name="Detail">The medians behind a ratio.</param>
internal sealed record Claim(string Name, double Bar, bool IsUpper, string Unit, Estimate Value, int Blocks, string Detail)
{
    public const string RatioUnit = "×";

    public bool IsMeasured => double.IsFinite(Value.Median);

    public bool Holds =>
        IsMeasured && (IsUpper ? (IsRatio ? Value.Low : Value.Median) <= Bar : (IsRatio ? Value.High : Value.Median) >= Bar);

    private bool IsRatio => Unit == RatioUnit;
}
