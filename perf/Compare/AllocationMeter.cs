using System.Globalization;

namespace FastSidecar.Compare;

/// <summary>Bytes that the processes of an arm allocate on the managed heap, read from their metrics pages.</summary>
internal sealed class AllocationMeter : IDisposable
{
    private const string Metric = "go_memstats_alloc_bytes_total";

    private readonly HttpClient _client = new() { Timeout = TimeSpan.FromSeconds(5) };
    private Reading?[] _readings = [];
    private long _requests;

    /// <summary>Learns what one reading of each page itself allocates.</summary>
    public async Task PrepareAsync(IReadOnlyList<ArmProcess> processes)
    {
        _readings = new Reading?[processes.Count];
        for (var i = 0; i < processes.Count; i++)
        {
            if (processes[i].Metrics is { } url)
            {
                var first = await ReadAsync(url);
                _readings[i] = new Reading(url, 0, await ReadAsync(url) - first);
            }
        }
    }

    /// <summary>The warm-up is over: what was allocated before, for connections and pools, is not a request's.</summary>
    /// <param name="requests">Answered so far.</param>
    public async Task BeginAsync(long requests)
    {
        _requests = requests;
        for (var i = 0; i < _readings.Length; i++)
        {
            if (_readings[i] is { } reading)
            {
                _readings[i] = reading with { Bytes = await ReadAsync(reading.Url) };
            }
        }
    }

    /// <summary>Bytes for each request since <see cref="BeginAsync"/>, for each process; null where there is no page.</summary>
    /// <param name="requests">Answered in all.</param>
    public async Task<IReadOnlyList<double?>> EndAsync(long requests)
    {
        var allocated = new List<double?>();
        foreach (var reading in _readings)
        {
            var bytes = reading is { } before ? await ReadAsync(before.Url) - before.Bytes - before.Own : (double?)null;
            allocated.Add(bytes is { } known ? Math.Max(0, known / (requests - _requests)) : null);
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
    private readonly record struct Reading(string Url, double Bytes, double Own);
}
