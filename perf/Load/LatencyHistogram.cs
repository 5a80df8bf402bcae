using System.Numerics;

namespace FastSidecar.Load;

/// <summary>
/// Counts of durations in buckets that grow with the value: 128 buckets for every power of two, so a bucket is at most 1/128 of its
/// value wide and its middle is off by at most 0.4 %. Values below 128 ns are exact. Nothing is dropped: durations beyond the range
/// count in the last bucket, and the maximum is kept exactly.
/// </summary>
internal sealed class LatencyHistogram
{
    private const int SubBits = 7;
    private const int SubBuckets = 1 << SubBits;

    /// <summary>18 minutes in nanoseconds; no run is that long.</summary>
    private const int MaxBits = 40;

    private readonly long[] _counts = new long[(MaxBits - SubBits + 1) * SubBuckets];

    public long Count { get; private set; }

    public long Max { get; private set; }

    public double Sum { get; private set; }

    public double Mean => Count == 0 ? 0 : Sum / Count;

    /// <param name="nanoseconds">A negative duration counts as 0.</param>
    public void Record(long nanoseconds)
    {
        var value = Math.Max(0, nanoseconds);
        _counts[BucketOf(value)]++;
        Count++;
        Sum += value;
        Max = Math.Max(Max, value);
    }

    public void Add(LatencyHistogram other)
    {
        for (var i = 0; i < _counts.Length; i++)
        {
            _counts[i] += other._counts[i];
        }

        Count += other.Count;
        Sum += other.Sum;
        Max = Math.Max(Max, other.Max);
    }

    /// <summary>The value below or at which this share of all durations lies, in nanoseconds; 0 when there are none.</summary>
    /// <param name="quantile">0 to 1; 1 is the exact maximum.</param>
    public double Quantile(double quantile)
    {
        if (Count == 0)
        {
            return 0;
        }

        if (quantile >= 1)
        {
            return Max;
        }

        var rank = Math.Max(1, (long)Math.Ceiling(quantile * Count));
        long seen = 0;
        for (var i = 0; i < _counts.Length; i++)
        {
            seen += _counts[i];
            if (seen >= rank)
            {
                return Math.Min(MiddleOf(i), Max);
            }
        }

        return Max;
    }

    private static int BucketOf(long value)
    {
        if (value < SubBuckets)
        {
            return (int)value;
        }

        var shift = Math.Min(BitOperations.Log2((ulong)value), MaxBits - 1) - SubBits;
        return ((shift + 1) * SubBuckets) + (int)Math.Min((value >> shift) - SubBuckets, SubBuckets - 1);
    }

    private static double MiddleOf(int bucket)
    {
        if (bucket < SubBuckets)
        {
            return bucket;
        }

        var shift = (bucket / SubBuckets) - 1;
        var low = (long)((bucket % SubBuckets) + SubBuckets) << shift;
        return low + (((1L << shift) - 1) / 2.0);
    }
}
