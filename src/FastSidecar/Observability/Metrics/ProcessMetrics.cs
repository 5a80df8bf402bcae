using System.Buffers;
using System.Globalization;
using System.Text;

namespace FastSidecar.Observability.Metrics;

/// <summary>
/// What the process itself costs, in Prometheus' text format under the names that daprd's Go runtime gives the same things. Read when scraped; nothing is counted on the
/// request path.
/// </summary>
internal static class ProcessMetrics
{
    private const string StatusFile = "/proc/self/status";

    public static void Write(IBufferWriter<byte> output)
    {
        var usage = Environment.CpuUsage;
        Write(output, "process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds.", usage.TotalTime.TotalSeconds);
        Write(output, "process_resident_memory_bytes", "gauge", "Resident memory size in bytes.", Environment.WorkingSet);
        Write(output, "process_threads", "gauge", "Number of OS threads of the process.", ThreadCount());
        Write(output, "go_memstats_alloc_bytes_total", "counter", "Bytes allocated on the managed heap since the start.", GC.GetTotalAllocatedBytes(precise: true));
        Write(output, "go_memstats_heap_inuse_bytes", "gauge", "Bytes of the managed heap.", GC.GetTotalMemory(forceFullCollection: false));
    }

    private static void Write(IBufferWriter<byte> output, string name, string type, string help, double value) =>
        Encoding.UTF8.GetBytes(
            string.Create(CultureInfo.InvariantCulture, $"# HELP {name} {help}\n# TYPE {name} {type}\n{name} {value:R}\n"), output);

    private static int ThreadCount()
    {
        if (!File.Exists(StatusFile))
        {
            return 0;
        }

        foreach (var line in File.ReadLines(StatusFile))
        {
            if (line.StartsWith("Threads:", StringComparison.Ordinal))
            {
                return int.Parse(line.AsSpan("Threads:".Length).Trim(), CultureInfo.InvariantCulture);
            }
        }

        return 0;
    }
}
