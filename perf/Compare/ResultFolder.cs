namespace FastSidecar.Compare;

/// <summary>Where a report goes: <c>results/&lt;date&gt;-&lt;commit&gt;</c>, whose measurement a quick look never overwrites.</summary>
internal static class ResultFolder
{
    public static string Choose(string results, Machine machine, Plan plan)
    {
        var folder = Path.Combine(results, $"{machine.Date}-{machine.Commit}");
        var summary = Path.Combine(folder, "summary.json");
        var hasMeasurement = File.Exists(summary) && File.ReadAllText(summary).Contains("\"quick\": false", StringComparison.Ordinal);
        return plan.IsQuick && hasMeasurement ? folder + "-quick" : folder;
    }
}
