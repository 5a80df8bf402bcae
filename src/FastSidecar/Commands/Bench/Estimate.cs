namespace FastSidecar.Commands.Bench;

/// <summary>A median with the interval in which it lies with 95 % confidence.</summary>
internal sealed class Estimate(double median, double low, double high)
{
    /// <summary>Enough that the ends of the interval do not move in the second digit.</summary>
    private const int Draws = 2000;

    public double Median => median;

    public double Low => low;

    public double High => high;

    /// <summary>
    /// The median of block values with its percentile bootstrap interval: blocks are drawn with replacement, and the middle 95 %
    /// of the medians of these draws is the interval. A block is one value because what disturbs a block disturbs all of it.
    /// </summary>
    public static Estimate Of(ReadOnlySpan<double> blocks)
    {
        // Seeded: the same blocks give the same report.
        var random = new Random(1);
        var medians = new double[Draws];
        var draw = new double[blocks.Length];
        foreach (ref var median in medians.AsSpan())
        {
            foreach (ref var value in draw.AsSpan())
            {
                value = blocks[random.Next(blocks.Length)];
            }

            median = MedianOf(draw);
        }

        medians.AsSpan().Sort();
        return new Estimate(MedianOf(blocks), medians[(int)(Draws * 0.025)], medians[(int)(Draws * 0.975) - 1]);
    }

    public static double MedianOf(ReadOnlySpan<double> values)
    {
        double[] sorted = [.. values];
        sorted.AsSpan().Sort();
        var middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
