using System.Globalization;

namespace FastSidecar.Compare;

/// <summary>The whole comparison as one picture: an arm in each row, a cost in each column, the least of a column in bold.</summary>
internal static class CostTable
{
    private const int FirstColumn = 250;
    private const int ColumnWidth = 96;
    private const int RowHeight = 26;
    private const int Top = 78;

    public static string Draw(Report report)
    {
        var arms = report.Arms.Where(arm => report.Findings.Memory.Any(run => run.Arm == arm.Name)).ToArray();
        IReadOnlyList<(string Head, string Unit, Func<string, double> Value)> columns =
        [
            ("CPU, 1", "µs", arm => Of(arm, Scenarios.One, Metric.ProxyCpu)),
            ("CPU, 16", "µs", arm => Of(arm, Scenarios.Sixteen, Metric.ProxyCpu)),
            ("CPU, 64", "µs", arm => Of(arm, Scenarios.SixtyFour, Metric.ProxyCpu)),
            ("p50 at 1,000/s", "µs", arm => Of(arm, Scenarios.Rate, Metric.P50)),
            ("p99 at 1,000/s", "µs", arm => Of(arm, Scenarios.Rate, Metric.P99)),
            ("RSS idle", "MB", arm => Memory(arm, run => run.Idle)),
            ("RSS at rate", "MB", arm => Memory(arm, run => run.AtRate)),
            ("first answer", "ms", arm => Start(arm)),
        ];
        var svg = new Svg(FirstColumn + (columns.Count * ColumnWidth) + 20, Top + (arms.Length * RowHeight) + 20)
            .Text(20, 24, "Two proxies: processor time for a request, latency, memory of the larger one, start", size: 15, weight: "bold");
        for (var column = 0; column < columns.Count; column++)
        {
            var (head, unit, value) = columns[column];
            var right = FirstColumn + ((column + 1) * ColumnWidth) - 10;
            svg.Text(right, Top - 26, head, "end").Text(right, Top - 11, unit, "end", 10);
            var least = arms.Select(arm => value(arm.Name)).Where(double.IsFinite).DefaultIfEmpty(double.NaN).Min();
            for (var row = 0; row < arms.Length; row++)
            {
                var one = value(arms[row].Name);
                var text = double.IsFinite(one) ? one.ToString(one >= 100 ? "N0" : "0.0", CultureInfo.InvariantCulture) : "–";
                svg.Text(right, Y(row), text, "end", 13, one <= least ? "bold" : "normal");
            }
        }

        for (var row = 0; row < arms.Length; row++)
        {
            svg.Line(20, Y(row) - 18, FirstColumn + (columns.Count * ColumnWidth), Y(row) - 18, "#ddd")
                .Text(20, Y(row), arms[row].Title, size: 13);
        }

        return svg.ToString();

        static double Y(int row) => Top + (row * RowHeight) + 16;
        double Of(string arm, string scenario, string metric) => report.Outcome(arm, scenario)?.Median(metric) ?? double.NaN;
        double Memory(string arm, Func<MemoryRun, double> value) => Statistics.Median(
            report.Findings.Memory.Where(run => run.Arm == arm).GroupBy(run => run.Round).Select(round => round.Max(value)));
        double Start(string arm) =>
            Statistics.Median(report.Findings.Starts.FirstOrDefault(one => one.Arm == arm && one.What == "proxied")?.Milliseconds ?? []);
    }
}
