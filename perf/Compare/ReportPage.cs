using System.Globalization;
using System.Text;

namespace FastSidecar.Compare;

/// <summary><c>report.md</c>: verdicts first, then costs, then what was run where.</summary>
internal static class ReportPage
{
    public static string Write(Report report)
    {
        var page = new StringBuilder();
        WriteHead(page, report);
        WriteClaims(page, report);
        WriteScenarios(page, report);
        WriteMemory(page, report);
        WriteStarts(page, report);
        WriteSyscalls(page, report);
        WriteTicks(page, report);
        WriteMethod(page, report);
        return page.ToString();
    }

    private static string Text(double value, int digits = 1) =>
        double.IsFinite(value) ? value.ToString("N" + (Math.Abs(value) >= 100 ? 0 : digits), CultureInfo.InvariantCulture) : "–";

    private static void WriteHead(StringBuilder page, Report report)
    {
        var machine = report.Machine;
        page.AppendLine(CultureInfo.InvariantCulture,
            $"# {machine.Date}, commit {machine.Commit}{(machine.IsDirty ? " with uncommitted changes" : "")}").AppendLine();
        if (report.Plan.IsQuick)
        {
            page.AppendLine("**A quick look: three short blocks. Nothing is claimed from it.**").AppendLine();
        }

        var disturbance = report.Outcomes.SelectMany(outcome => outcome.Values(Metric.Others).Values).DefaultIfEmpty(double.NaN).ToArray();
        page.AppendLine(CultureInfo.InvariantCulture,
            $"{machine.Processor}, {machine.Processors} processors, {machine.System}, {machine.Kernel}.")
            .AppendLine("Two proxies between client and app, everything on this machine.")
            .AppendLine(CultureInfo.InvariantCulture,
            $"While a run was measured, other programs took {Text(Statistics.Median(disturbance))} % of the machine in the median, "
                + $"{Text(disturbance.Max())} % at worst.")
            .AppendLine();
        foreach (var problem in report.Findings.Problems)
        {
            page.AppendLine(CultureInfo.InvariantCulture, $"- **{problem.ReplaceLineEndings(" ")}**");
        }

        page.AppendLine();
    }

    private static void WriteClaims(StringBuilder page, Report report)
    {
        page.AppendLine("## Bars").AppendLine()
            .AppendLine("A bar on a ratio holds when the 95 % interval of the median of the blocks touches its allowed side,")
            .AppendLine("another one when the median does.").AppendLine()
            .AppendLine("| What | Bar | Measured | 95 % interval | Medians | Holds |").AppendLine("| --- | --- | --- | --- | --- | --- |");
        foreach (var claim in report.Claims)
        {
            var value = claim.Value;
            page.AppendLine(CultureInfo.InvariantCulture,
                $"| {claim.Name} | {(claim.IsUpper ? "≤" : "≥")} {claim.Bar} {claim.Unit} | {Text(value.Median, 2)} | "
                + $"{(claim.IsMeasured ? $"{Text(value.Low, 2)} – {Text(value.High, 2)}" : "–")} | {claim.Detail} | "
                + $"{(claim.IsMeasured ? claim.Holds ? "yes" : "**no**" : "not measured")} |");
        }

        page.AppendLine();
    }

    private static void WriteScenarios(StringBuilder page, Report report)
    {
        page.AppendLine("## Costs").AppendLine()
            .AppendLine("![the costs of each arm](costs.svg)").AppendLine()
            .AppendLine("![processor time for a request](cpu.svg)").AppendLine()
            .AppendLine("Medians of the blocks. CPU is that of all proxies of the arm together for a request, switches are context")
            .AppendLine("switches, allocation is that of the proxy that allocates most.")
            .AppendLine();
        foreach (var scenario in report.Scenarios)
        {
            page.AppendLine(CultureInfo.InvariantCulture, $"### {scenario.Title}").AppendLine();
            if (scenario.Arms is null)
            {
                page.AppendLine(CultureInfo.InvariantCulture, $"![latency](latency-{scenario.Name}.svg)").AppendLine();
            }

            page.AppendLine("| Arm | CPU µs | in the kernel | switches | p50 µs | p99 µs | p99.9 µs | requests/s | MB/s | allocated B |")
                .AppendLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
            foreach (var arm in report.Arms)
            {
                if (report.Outcome(arm.Name, scenario.Name) is not { Runs.Count: > 0 } outcome)
                {
                    continue;
                }

                var switches = outcome.Median(Metric.VoluntarySwitches) + outcome.Median(Metric.InvoluntarySwitches);
                var isDirect = outcome.Runs[0].Costs.All(cost => cost.IsApp);
                page.AppendLine(
                    CultureInfo.InvariantCulture, $"| {arm.Name} | {(isDirect ? "–" : Text(outcome.Median(Metric.ProxyCpu)))} | "
                    + $"{Text(Of(Metric.SystemShare) * 100, 0)}{(isDirect ? "" : " %")} | {(isDirect ? "–" : Text(switches, 2))} | "
                    + $"{Text(Of(Metric.P50))} | {Text(Of(Metric.P99))} | {Text(Of(Metric.P999))} | {Text(Of(Metric.PerSecond), 0)} | "
                    + $"{Text(Of(Metric.MegabytesPerSecond))} | {Text(Of(Metric.Allocated))} |");
                double Of(string metric) => outcome.Median(metric);
            }

            page.AppendLine();
        }
    }

    private static void WriteMemory(StringBuilder page, Report report)
    {
        page.AppendLine("## Memory, MB resident").AppendLine()
            .AppendLine("| Process | idle | at 1,000 requests/s | after saturation |").AppendLine("| --- | --- | --- | --- |");
        foreach (var group in report.Findings.Memory.GroupBy(run => $"{run.Arm}, {run.Process}"))
        {
            page.AppendLine(CultureInfo.InvariantCulture, $"| {group.Key} | {Text(Statistics.Median(group.Select(run => run.Idle)))} | "
                + $"{Text(Statistics.Median(group.Select(run => run.AtRate)))} | "
                + $"{Text(Statistics.Median(group.Select(run => run.AfterSaturation)))} |");
        }

        page.AppendLine();
    }

    private static void WriteStarts(StringBuilder page, Report report)
    {
        page.AppendLine("## Start, ms from exec").AppendLine().AppendLine("| Program | until | median | 95 % interval | starts |")
            .AppendLine("| --- | --- | --- | --- | --- |");
        foreach (var start in report.Findings.Starts)
        {
            var estimate = Statistics.Bootstrap(start.Milliseconds);
            page.AppendLine(CultureInfo.InvariantCulture,
                $"| {start.Arm} | {(start.What == "healthz" ? "healthz 204" : "first proxied answer")} | {Text(estimate.Median)} | "
                + $"{Text(estimate.Low)} – {Text(estimate.High)} | {start.Milliseconds.Count} |");
        }

        page.AppendLine();
    }

    private static void WriteSyscalls(StringBuilder page, Report report)
    {
        page.AppendLine("## System calls for a request").AppendLine().AppendLine("| Scenario | Arm | each process | counted by |")
            .AppendLine("| --- | --- | --- | --- |");
        foreach (var group in report.Findings.Syscalls.GroupBy(count => (count.Scenario, count.Arm, count.Tool)))
        {
            page.AppendLine(CultureInfo.InvariantCulture, $"| {group.Key.Scenario} | {group.Key.Arm} | "
                + $"{string.Join(", ", group.Select(count => $"{count.Program} {Text(count.PerRequest, 2)}"))} | {group.Key.Tool} |");
        }

        page.AppendLine();
    }

    private static void WriteTicks(StringBuilder page, Report report)
    {
        page.AppendLine(CultureInfo.InvariantCulture, $"## Ticker: messages of 32 bytes on {Ticks.Streams} bidirectional gRPC streams").AppendLine()
            .AppendLine("| Arm | messages/s | CPU µs a message | growth of memory MB | rounds |").AppendLine("| --- | --- | --- | --- | --- |");
        foreach (var group in report.Findings.Ticks.GroupBy(ticks => ticks.Arm))
        {
            page.AppendLine(CultureInfo.InvariantCulture, $"| {group.Key} | {Text(Statistics.Median(group.Select(one => one.Result.PerSecond)), 0)} | "
                + $"{Text(Statistics.Median(group.Select(one => one.Cpu)), 2)} | {Text(Statistics.Median(group.Select(one => one.Growth)), 2)} | "
                + $"{group.Count()} |");
        }

        page.AppendLine();
    }

    private static void WriteMethod(StringBuilder page, Report report)
    {
        page.AppendLine("## What was run").AppendLine()
            .AppendLine(CultureInfo.InvariantCulture,
                $"`{report.Command}`, {Text(report.Seconds, 0)} s in all: {report.Plan.Blocks} blocks, runs of {report.Plan.Seconds} s "
                + $"after {report.Plan.WarmUp} s of warm-up, in random order within a block. Clock: {report.Machine.Clock}. "
                + $"[The method](../../docs/performance.md).").AppendLine()
            .AppendLine("| Arm | What | Version | Binary MB |").AppendLine("| --- | --- | --- | --- |");
        foreach (var arm in report.Arms)
        {
            page.AppendLine(CultureInfo.InvariantCulture,
                $"| {arm.Name} | {arm.Title} | {arm.Version ?? "–"} | {(arm.BinaryBytes is { } bytes ? Text(bytes / 1e6) : "–")} |");
        }

        foreach (var arm in report.Arms)
        {
            foreach (var (name, text) in arm.Files)
            {
                page.AppendLine().AppendLine(CultureInfo.InvariantCulture, $"<details><summary>{arm.Name}/{name}</summary>").AppendLine()
                    .AppendLine("```")
                    .AppendLine(text.TrimEnd()).AppendLine("```").AppendLine().AppendLine("</details>");
            }
        }
    }
}
