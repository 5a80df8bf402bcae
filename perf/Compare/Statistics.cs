namespace FastSidecar.Compare;

/// <summary>A median with the interval in which it lies with 95 % confidence.</summary>
internal readonly record struct Estimate(double Median, double Low, double High);

internal static class Statistics
{
    /// <summary>Enough that the ends of the interval do not move in the second digit.</summary>
    private const int Resamples = 5000;

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        var middle = sorted.Length / 2;
        return sorted.Length == 0 ? double.NaN : sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    /// <summary>
    /// The median of block values with its percentile bootstrap interval: blocks are drawn with replacement, and the middle 95 % of the
    /// medians of these draws is the interval. A block is one value because what disturbs a block disturbs all of it.
    /// </summary>
    public static Estimate Bootstrap(IReadOnlyList<double> blocks)
    {
        if (blocks.Count == 0)
        {
            return new Estimate(double.NaN, double.NaN, double.NaN);
        }

        // Seeded: the same blocks give the same report.
        var random = new Random(1);
        var medians = new double[Resamples];
        var draw = new double[blocks.Count];
        for (var i = 0; i < Resamples; i++)
        {
            for (var j = 0; j < draw.Length; j++)
            {
                draw[j] = blocks[random.Next(blocks.Count)];
            }

            medians[i] = Median(draw);
        }

        Array.Sort(medians);
        return new Estimate(Median(blocks), medians[(int)(Resamples * 0.025)], medians[(int)(Resamples * 0.975) - 1]);
    }
}
