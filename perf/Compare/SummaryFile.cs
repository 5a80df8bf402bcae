using System.Text;
using System.Text.Json;

namespace FastSidecar.Compare;

/// <summary><c>summary.json</c>: every number of the report, block by block, for programs that compare reports.</summary>
internal static class SummaryFile
{
    public static string Write(Report report)
    {
        using var memory = new MemoryStream();
        using (var json = new Utf8JsonWriter(memory, new JsonWriterOptions { Indented = true, IndentSize = 1 }))
        {
            json.WriteStartObject();
            WriteRun(json, report);
            WriteArms(json, report);
            WriteClaims(json, report);
            WriteOutcomes(json, report);
            WriteRest(json, report.Findings);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(memory.ToArray()) + "\n";
    }

    private static void WriteRun(Utf8JsonWriter json, Report report)
    {
        var machine = report.Machine;
        json.WriteString("date", machine.Date);
        json.WriteString("commit", machine.Commit);
        json.WriteBoolean("uncommittedChanges", machine.IsDirty);
        json.WriteString("command", report.Command);
        json.WriteBoolean("quick", report.Plan.IsQuick);
        json.WriteNumber("seconds", Math.Round(report.Seconds));
        json.WriteStartObject("machine");
        json.WriteString("processor", machine.Processor);
        json.WriteNumber("processors", machine.Processors);
        json.WriteNumber("memoryGigabytes", machine.MemoryGigabytes);
        json.WriteString("kernel", machine.Kernel);
        json.WriteString("system", machine.System);
        json.WriteString("clock", machine.Clock);
        json.WriteEndObject();
        json.WriteStartObject("plan");
        json.WriteNumber("blocks", report.Plan.Blocks);
        json.WriteNumber("secondsOfARun", report.Plan.Seconds);
        json.WriteNumber("warmUpSeconds", report.Plan.WarmUp);
        json.WriteEndObject();
    }

    private static void WriteArms(Utf8JsonWriter json, Report report)
    {
        json.WriteStartArray("arms");
        foreach (var arm in report.Arms)
        {
            json.WriteStartObject();
            json.WriteString("name", arm.Name);
            json.WriteString("title", arm.Title);
            json.WriteString("version", arm.Version);
            if (arm.BinaryBytes is { } bytes)
            {
                json.WriteNumber("binaryBytes", bytes);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteClaims(Utf8JsonWriter json, Report report)
    {
        json.WriteStartArray("claims");
        foreach (var claim in report.Claims)
        {
            json.WriteStartObject();
            json.WriteString("name", claim.Name);
            json.WriteString("bar", $"{(claim.IsUpper ? "<=" : ">=")} {Number(claim.Bar)} {claim.Unit}");
            json.WriteBoolean("measured", claim.IsMeasured);
            if (claim.IsMeasured)
            {
                json.WriteBoolean("holds", claim.Holds);
                json.WriteNumber("median", Round(claim.Value.Median));
                json.WriteNumber("low", Round(claim.Value.Low));
                json.WriteNumber("high", Round(claim.Value.High));
                json.WriteNumber("blocks", claim.Blocks);
                json.WriteString("medians", claim.Detail);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteOutcomes(Utf8JsonWriter json, Report report)
    {
        json.WriteStartArray("runs");
        foreach (var outcome in report.Outcomes)
        {
            json.WriteStartObject();
            json.WriteString("scenario", outcome.Scenario);
            json.WriteString("arm", outcome.Arm);
            json.WriteNumber("void", outcome.Voids);
            WriteRow(json, "blocks", outcome.Runs.Select(run => (double)run.Block));
            foreach (var metric in Outcome.MetricNames)
            {
                if (outcome.Values(metric) is { Count: > 0 } values)
                {
                    WriteRow(json, metric, values.Values);
                }
            }

            WriteRow(json, "curveQuantiles", outcome.Curve().Select(point => point[0]), digits: 6);
            WriteRow(json, "curveUs", outcome.Curve().Select(point => point[1]));
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteRest(Utf8JsonWriter json, Findings findings)
    {
        json.WriteStartArray("memoryMegabytes");
        foreach (var group in findings.Memory.GroupBy(run => (run.Arm, run.Process)))
        {
            json.WriteStartObject();
            json.WriteString("arm", group.Key.Arm);
            json.WriteString("process", group.Key.Process);
            WriteRow(json, "idle", group.Select(run => run.Idle));
            WriteRow(json, "atRate", group.Select(run => run.AtRate));
            WriteRow(json, "afterSaturation", group.Select(run => run.AfterSaturation));
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("startMilliseconds");
        foreach (var start in findings.Starts)
        {
            json.WriteStartObject();
            json.WriteString("arm", start.Arm);
            json.WriteString("until", start.What);
            WriteRow(json, "times", start.Milliseconds);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("systemCallsPerRequest");
        foreach (var count in findings.Syscalls)
        {
            json.WriteStartObject();
            json.WriteString("arm", count.Arm);
            json.WriteString("scenario", count.Scenario);
            json.WriteString("process", count.Program);
            json.WriteNumber("count", count.PerRequest);
            json.WriteString("tool", count.Tool);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("ticker");
        foreach (var group in findings.Ticks.GroupBy(ticks => ticks.Arm))
        {
            json.WriteStartObject();
            json.WriteString("arm", group.Key);
            WriteRow(json, "messagesPerSecond", group.Select(one => one.Result.PerSecond));
            WriteRow(json, "cpuUsPerMessage", group.Select(one => one.Cpu));
            WriteRow(json, "growthMegabytes", group.Select(one => one.Growth));
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("problems");
        foreach (var problem in findings.Problems)
        {
            json.WriteStringValue(problem);
        }

        json.WriteEndArray();
    }

    /// <summary>An array on one line.</summary>
    private static void WriteRow(Utf8JsonWriter json, string name, IEnumerable<double> values, int digits = 3)
    {
        json.WritePropertyName(name);
        json.WriteRawValue("[" + string.Join(",", values.Select(value => Number(Math.Round(value, digits)))) + "]");
    }

    private static double Round(double value) => Math.Round(value, 4);

    private static string Number(double value) => value.ToString("R", System.Globalization.CultureInfo.InvariantCulture);
}
