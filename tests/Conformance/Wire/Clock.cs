using System.Diagnostics;

namespace FastSidecar.Conformance.Wire;

/// <summary>Monotonic seconds, comparable within this process.</summary>
internal static class Clock
{
    public static double Now => Stopwatch.GetTimestamp() / (double)Stopwatch.Frequency;

    /// <summary>Seconds since <paramref name="start"/>, rounded as the recordings are.</summary>
    public static double Since(double start) => Math.Round(Now - start, 2);
}
