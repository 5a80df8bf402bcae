using System.Globalization;

namespace FastSidecar.Budgets;

/// <summary>What is printed: a line for each cost.</summary>
internal static class CostTable
{
    private static readonly string[] Heads = ["cost", "unit", "measured", "budget", "margin", "verdict"];

    public static string Of(IReadOnlyCollection<Verdict> verdicts)
    {
        string[][] rows =
        [
            Heads,
            .. verdicts.Select(verdict => new[]
            {
                verdict.Budget.Name,
                verdict.Budget.Unit,
                Number(verdict.Measured),
                Number(verdict.Budget.Value),
                Margin(verdict),
                verdict.Text,
            }),
        ];
        var widths = Enumerable.Range(0, Heads.Length).Select(column => rows.Max(row => row[column].Length)).ToArray();
        var above = verdicts.Count(verdict => verdict.IsAbove);
        return string.Concat(rows.Select(row => Line(row, widths)))
            + (above == 0 ? "every cost is within its budget\n" : $"{above} of {verdicts.Count} costs are above their budgets\n");
    }

    /// <summary>Words to the left, numbers to the right.</summary>
    private static string Line(string[] row, int[] widths)
    {
        var cells = row.Select((cell, column) => column is 2 or 3 or 4 ? cell.PadLeft(widths[column]) : cell.PadRight(widths[column]));
        return string.Join("  ", cells).TrimEnd() + "\n";
    }

    private static string Margin(Verdict verdict)
    {
        var slack = verdict.Budget.Slack > 0 ? "+" + Number(verdict.Budget.Slack) : "";
        return Number(verdict.MarginPercent) + "%" + slack;
    }

    private static string Number(double number) => number.ToString("#,0.##", CultureInfo.InvariantCulture);
}
