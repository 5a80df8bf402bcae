namespace FastSidecar.Load.Ticks;

/// <summary>What a run of the ticker found; every number came, in its order.</summary>
/// <param name="Streams">At once, on one connection.</param>
/// <param name="Messages">Received within the measured time.</param>
/// <param name="Answers">Messages in the other direction.</param>
/// <param name="Seconds">The measured time.</param>
/// <param name="PerSecond">Messages.</param>
/// <param name="ResidentBefore">Memory of each given process when the measured time began, bytes.</param>
/// <param name="ResidentAfter">And when it ended.</param>
/// <param name="CpuMicroseconds">Processor time of each given process for a message.</param>
internal sealed record TickResult(
    int Streams,
    long Messages,
    long Answers,
    double Seconds,
    double PerSecond,
    IReadOnlyList<long> ResidentBefore,
    IReadOnlyList<long> ResidentAfter,
    IReadOnlyList<double> CpuMicroseconds);
