using System.Diagnostics;

namespace FastSidecar.Load;

/// <summary>
/// Monotonic nanoseconds. On Linux a tick of the stopwatch is one nanosecond of CLOCK_MONOTONIC, read without a system call.
/// </summary>
internal static class Clock
{
    public const long Second = 1_000_000_000;

    public static long Now => Stopwatch.GetTimestamp();

    static Clock()
    {
        if (Stopwatch.Frequency != Second)
        {
            throw new LoadException($"this clock ticks {Stopwatch.Frequency} times a second, expected are nanoseconds");
        }
    }
}
