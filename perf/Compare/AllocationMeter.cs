using System.Globalization;

namespace FastSidecar.Compare;

/// <summary>Bytes that the processes of an arm allocate on the managed heap, read from their metrics pages.</summary>
internal sealed class AllocationMeter : IDisposable
{
    private const string Metric = "go_memstats_alloc_bytes_total";

    private readonly HttpClient _client = new() { Timeout = TimeSpan.FromSeconds(5) };

    /// <summary>One reading for each process, null where there is no page. What a reading itself allocates is known from a second one and taken off later.</summary>
    public async Task<IReadOnlyList<Reading?>> BeginAsync(IReadOnlyList<ArmProcess> processes)
    {
        var readings = new List<Reading?>();
        foreach (var process in processes)
        {
            if (process.Metrics is not { } url)
            {
                readings.Add(null);
                continue;
            }

            var first = await ReadAsync(url);
            var second = await ReadAsync(url);
            readings.Add(new Reading(url, second, second - first));
        }

        return readings;
    }

    public async Task<IReadOnlyList<double?>> EndAsync(IReadOnlyList<Reading?> begun, long requests)
    {
        var allocated = new List<double?>();
        foreach (var reading in begun)
        {
            allocated.Add(reading is { } before ? Math.Max(0, (await ReadAsync(before.Url) - before.Bytes - before.Own) / requests) : null);
        }

        return allocated;
    }

    public void Dispose() => _client.Dispose();

    private async Task<double> ReadAsync(string url)
    {
        var page = await _client.GetStringAsync(url);
        foreach (var line in page.Split('\n'))
        {
            if (line.StartsWith(Metric + " ", StringComparison.Ordinal))
            {
                return double.Parse(line.AsSpan(Metric.Length + 1), CultureInfo.InvariantCulture);
            }
        }

        throw new CompareException($"{url} has no {Metric}");
    }

    /// <param name="Own">What one reading allocates.</param>
    internal readonly record struct Reading(string Url, double Bytes, double Own);
}
