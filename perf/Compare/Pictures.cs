namespace FastSidecar.Compare;

/// <summary>The pictures of a report, by file name.</summary>
internal static class Pictures
{
    private static readonly string[] Colours = ["#888888", "#0b6bcb", "#1a9850", "#d95f02", "#7b3294", "#a6761d", "#e7298a"];

    public static IEnumerable<(string Name, string Svg)> All(Report report)
    {
        foreach (var scenario in report.Scenarios.Where(scenario => scenario.Arms is null))
        {
            var lines = report.Arms
                .Select((arm, i) => new CurveChart.Line(arm.Title, Colour(i), report.Outcome(arm.Name, scenario.Name)?.Curve() ?? []))
                .Where(line => line.Points.Count > 1).ToArray();
            if (lines.Length > 0)
            {
                yield return ($"latency-{scenario.Name}.svg", CurveChart.Draw($"Latency, µs: {scenario.Title}", lines));
            }
        }

        var groups = report.Scenarios.Where(scenario => scenario.Arms is null && scenario.ExpectBytes <= 1024 && scenario.SendBytes <= 1024)
            .Select(scenario => new BarChart.Group(scenario.Name, [.. Bars(report, scenario)]))
            .Where(group => group.Bars.Count > 0).ToArray();
        yield return ("costs.svg", CostTable.Draw(report));
        yield return ("cpu.svg", BarChart.Draw("Processor time of both proxies for a request, µs", groups));
    }

    private static string Colour(int arm) => Colours[arm % Colours.Length];

    private static IEnumerable<BarChart.Bar> Bars(Report report, Scenario scenario)
    {
        for (var i = 0; i < report.Arms.Count; i++)
        {
            if (report.Outcome(report.Arms[i].Name, scenario.Name) is { Runs.Count: > 0 } outcome
                && outcome.Runs[0].Costs.Any(cost => !cost.IsApp))
            {
                var estimate = Statistics.Bootstrap([.. outcome.Values(Metric.ProxyCpu).Values]);
                yield return new BarChart.Bar(report.Arms[i].Title, Colour(i), estimate);
            }
        }
    }
}
