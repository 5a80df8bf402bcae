using System.Text.Json.Serialization;

namespace FastSidecar.Load;

/// <summary>What a run found. Times are microseconds unless their name says otherwise.</summary>
internal sealed record LoadResult
{
    /// <summary>Answers within the measured time, all of them checked.</summary>
    public required long Answers { get; init; }

    /// <summary>The measured time.</summary>
    public required double Seconds { get; init; }

    public required double PerSecond { get; init; }

    /// <summary>Body bytes sent and received within the measured time.</summary>
    public required double MegabytesPerSecond { get; init; }

    /// <summary>Every answer of the process, warm-up included.</summary>
    public required long AllAnswers { get; init; }

    /// <summary>Answers between the two readings of <see cref="Processes"/>.</summary>
    public required long CostAnswers { get; init; }

    /// <summary>From the intended time of leaving to the last byte of the answer.</summary>
    public required Distribution Latency { get; init; }

    /// <summary>
    /// Open loop: how much later than intended requests left that found a free connection. What the generator adds itself.
    /// </summary>
    public required Distribution Lateness { get; init; }

    /// <summary>Open loop: requests that had to wait for a free connection.</summary>
    public required long Queued { get; init; }

    public required long Reconnects { get; init; }

    /// <summary>The generator's own CPU time for an answer.</summary>
    public required double GeneratorCpu { get; init; }

    public required IReadOnlyList<ProcessUsage> Processes { get; init; }
}

/// <summary>A histogram for the reader.</summary>
/// <param name="Curve">Points of the percentile curve: quantile, microseconds.</param>
internal sealed record Distribution(
    long Count, double Mean, double P50, double P90, double P99, double P999, double Max, IReadOnlyList<double[]> Curve)
{
    private const double Microsecond = 1000;

    /// <summary>From the histogram, with curve points at equal steps of -log10(1 - q), as far as the count carries them.</summary>
    public static Distribution Of(LatencyHistogram histogram, bool withCurve)
    {
        var curve = new List<double[]>();
        for (var step = 0; withCurve && step <= 50; step++)
        {
            var quantile = 1 - Math.Pow(10, -step / 10.0);
            if ((1 - quantile) * histogram.Count < 1)
            {
                break;
            }

            curve.Add([Math.Round(quantile, 6), Math.Round(histogram.Quantile(quantile) / Microsecond, 1)]);
        }

        return new Distribution(histogram.Count, Value(histogram.Mean), At(0.5), At(0.9), At(0.99), At(0.999), Value(histogram.Max), curve);

        double At(double quantile) => Value(histogram.Quantile(quantile));
        static double Value(double nanoseconds) => Math.Round(nanoseconds / Microsecond, 2);
    }
}

/// <summary>Milliseconds from exec to the first right answer, run by run.</summary>
internal sealed record StartResult(IReadOnlyList<double> Milliseconds);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(LoadResult))]
[JsonSerializable(typeof(StartResult))]
[JsonSerializable(typeof(Ticks.TickResult))]
internal sealed partial class LoadJson : JsonSerializerContext;
