namespace FastSidecar.Commands.Bench;

/// <summary>One run of load.</summary>
internal sealed class LoadPlan
{
    /// <summary>Of this machine.</summary>
    public required int Port { get; init; }

    /// <summary>Path of every request.</summary>
    public required string Target { get; init; }

    /// <summary>Of every request, and of its answer.</summary>
    public required ReadOnlyMemory<byte> Body { get; init; }

    public required int Connections { get; init; }

    /// <summary>
    /// Requests a second that leave whatever the answers do (open loop). 0: every answer makes the next request (closed loop).
    /// </summary>
    public required long Rate { get; init; }

    public required TimeSpan WarmUp { get; init; }

    public required TimeSpan Measured { get; init; }

    /// <summary>The caller's sidecar, whose CPU time is read.</summary>
    public required int CallerProcess { get; init; }

    /// <summary>The callee's, the same.</summary>
    public required int CalleeProcess { get; init; }
}

/// <summary>What came of a run.</summary>
/// <param name="answers">Complete answers of the measured time.</param>
/// <param name="perSecond">The same for a second.</param>
/// <param name="requests">Requests that were due in the measured time; their latencies count. Open loop only.</param>
/// <param name="latency">From when a request was to leave to the last byte of its answer. Open loop only.</param>
/// <param name="lateness">How long after their time requests left that found a free connection. Open loop only.</param>
/// <param name="waited">Requests that found none; their latencies count the wait.</param>
/// <param name="callerCpu">CPU time of the caller's sidecar for an answer, in microseconds.</param>
/// <param name="calleeCpu">The same of the callee's.</param>
internal sealed class LoadRun(
    long answers, double perSecond, long requests, Quantiles latency, Quantiles lateness, long waited, double callerCpu, double calleeCpu)
{
    public long Answers => answers;

    public double PerSecond => perSecond;

    public long Requests => requests;

    public Quantiles Latency => latency;

    public Quantiles Lateness => lateness;

    public long Waited => waited;

    public double CallerCpu => callerCpu;

    public double CalleeCpu => calleeCpu;

    /// <summary>CPU time of both sidecars for an answer.</summary>
    public double Cpu => callerCpu + calleeCpu;
}

/// <summary>Of times, in microseconds; all 0 when there were none.</summary>
internal sealed class Quantiles(double p50, double p90, double p99)
{
    public double P50 => p50;

    public double P90 => p90;

    public double P99 => p99;

    /// <summary>Sorts the times.</summary>
    public static Quantiles Of(Span<long> ticks, double ticksPerSecond)
    {
        ticks.Sort();
        return new Quantiles(Quantile(ticks, 0.5), Quantile(ticks, 0.9), Quantile(ticks, 0.99));

        double Quantile(ReadOnlySpan<long> sorted, double share) =>
            sorted.IsEmpty ? 0 : sorted[Math.Max(0, (int)Math.Ceiling(sorted.Length * share) - 1)] * 1e6 / ticksPerSecond;
    }
}
