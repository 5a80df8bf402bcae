using System.Globalization;

namespace FastSidecar.Commands.Demo;

/// <summary>What a sidecar has cost since its start, read from its metrics port.</summary>
/// <param name="CpuSeconds">User and system time.</param>
/// <param name="ResidentBytes">Memory now.</param>
/// <param name="AllocatedBytes">On the managed heap, freed or not.</param>
internal readonly record struct ProcessCost(double CpuSeconds, double ResidentBytes, double AllocatedBytes)
{
    public static async Task<ProcessCost> ReadAsync(DemoSidecar sidecar, CancellationToken cancellationToken)
    {
        var answer = await sidecar.Metrics.GetAsync("/metrics", cancellationToken);
        return answer.Status == 200
            ? new ProcessCost(
                Value(answer.Body, "process_cpu_seconds_total"),
                Value(answer.Body, "process_resident_memory_bytes"),
                Value(answer.Body, "go_memstats_alloc_bytes_total"))
            : throw new DemoException($"the metrics port of the sidecar of {sidecar.AppId} answered with {answer.Status}");
    }

    /// <summary>The value of a metric without labels in Prometheus' text format.</summary>
    private static double Value(string metrics, string name)
    {
        foreach (var line in metrics.AsSpan().EnumerateLines())
        {
            if (line.Length > name.Length && line.StartsWith(name) && line[name.Length] == ' ')
            {
                return double.Parse(line[(name.Length + 1)..], NumberStyles.Float, CultureInfo.InvariantCulture);
            }
        }

        throw new DemoException($"the metric {name} is missing on the metrics port");
    }
}
