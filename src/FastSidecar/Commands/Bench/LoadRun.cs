namespace FastSidecar.Commands.Bench;

/// <summary>One run of load.</summary>
internal sealed record LoadPlan
{
    /// <summary>Of this machine.</summary>
    public required int Port { get; init; }

    /// <summary>Path of every request.</summary>
    public required string Target { get; init; }

    /// <summary>Of every request, and of its answer.</summary>
    public required ReadOnlyMemory<byte> Body { get; init; }

    public required int Connections { get; init; }

    /// <summary>
    /// Requests a second that leave whatever the answers do (open loop). Null: every answer makes the next request (closed loop).
    /// </summary>
    public required double? Rate { get; init; }

    public required TimeSpan WarmUp { get; init; }

    public required TimeSpan Measured { get; init; }

    /// <summary>Whose CPU time is read.</summary>
    public required IReadOnlyList<int> Processes { get; init; }
}

/// <summary>What came of a run.</summary>
/// <param name="Answers">Complete answers of the measured time.</param>
/// <param name="PerSecond">The same for a second.</param>
/// <param name="Latency">From when a request was to leave to the last byte of its answer. Open loop only.</param>
/// <param name="Lateness">How long after their time requests left that found a free connection. Open loop only.</param>
/// <param name="Waited">Requests that found none; their latencies count the wait.</param>
/// <param name="CpuMicroseconds">CPU time of each process for an answer.</param>
internal sealed record LoadRun(long Answers, double PerSecond, Quantiles Latency, Quantiles Lateness, long Waited, double[] CpuMicroseconds);

/// <summary>Of times, in microseconds; all 0 when there were none.</summary>
internal readonly record struct Quantiles(double P50, double P90, double P99)
{
    /// <summary>Sorts the times.</summary>
    public static Quantiles Of(Span<long> ticks, double ticksPerSecond)
    {
        ticks.Sort();
        return new Quantiles(Quantile(ticks, 0.5), Quantile(ticks, 0.9), Quantile(ticks, 0.99));

        double Quantile(ReadOnlySpan<long> sorted, double share) =>
            sorted.IsEmpty ? 0 : sorted[Math.Max(0, (int)Math.Ceiling(sorted.Length * share) - 1)] * 1e6 / ticksPerSecond;
    }
}
