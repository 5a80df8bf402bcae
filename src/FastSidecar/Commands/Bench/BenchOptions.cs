using System.Globalization;

namespace FastSidecar.Commands.Bench;

/// <summary>What <c>bench</c> measures, and what must not be exceeded.</summary>
internal sealed class BenchOptions
{
    /// <summary>One thread waits for all of them with one poll, whose cost grows with their number.</summary>
    public const long MostConnections = 256;

    public const long MostRate = 100_000;
    public const long MostBlocks = 1000;

    /// <summary>A body is sent as a whole to every connection's socket.</summary>
    public const long MostSizeBytes = 1024 * 1024;

    public static readonly TimeSpan MostRunTime = TimeSpan.FromMinutes(10);

    /// <summary>Latencies of a run are kept one by one, 16 bytes for each, to be exact.</summary>
    public const double MostRequestsOfRun = 5_000_000;

    /// <summary>Requests a second of the open loop.</summary>
    public long Rate { get; init; } = 1000;

    /// <summary>Connections of the client, each with one request in flight.</summary>
    public long Connections { get; init; } = 16;

    /// <summary>Of a request's body and of its answer's.</summary>
    public long SizeBytes { get; init; } = 1024;

    /// <summary>The measured time of one run; a block has four.</summary>
    public TimeSpan RunTime { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Each gives one difference between the two ways.</summary>
    public long Blocks { get; init; } = 10;

    /// <summary>Load before the measured time of every run, which counts nowhere.</summary>
    public TimeSpan WarmUp { get; init; } = TimeSpan.FromSeconds(0.3);

    /// <summary>Zero is no limit, here and for the other two.</summary>
    public TimeSpan MaxAddedP50 { get; init; }

    public TimeSpan MaxAddedP99 { get; init; }

    /// <summary>Of both sidecars together for one request of the closed loop.</summary>
    public TimeSpan MaxCpu { get; init; }

    /// <summary>JSON on standard output in place of the table.</summary>
    public bool Json { get; init; }

    /// <summary>How long all of it takes, the start of the sidecars left out.</summary>
    public TimeSpan Duration => Blocks * 4 * (RunTime + WarmUp);

    /// <summary>Every reason why this cannot be measured.</summary>
    public List<string> Problems()
    {
        List<string> problems = [];
        Check("--rate", Rate, 1, MostRate);
        Check("--connections", Connections, 1, MostConnections);
        Check("--size", SizeBytes, 0, MostSizeBytes);
        Check("--blocks", Blocks, 1, MostBlocks);
        CheckLimit("--max-added-p50", MaxAddedP50);
        CheckLimit("--max-added-p99", MaxAddedP99);
        CheckLimit("--max-cpu", MaxCpu);
        var requests = Rate * RunTime.TotalSeconds;
        if (RunTime <= TimeSpan.Zero || RunTime > MostRunTime)
        {
            problems.Add($"--seconds is {Text(RunTime.TotalSeconds)}, but must lie above 0 and not above {Text(MostRunTime.TotalSeconds)}");
        }
        else if (Rate > 0 && requests is < 1 or > MostRequestsOfRun)
        {
            problems.Add(
                $"--rate and --seconds make {Text(requests)} requests in a run, but these must lie between 1 and {Text(MostRequestsOfRun)}");
        }

        return problems;

        void Check(string name, long value, long least, long most)
        {
            if (value < least || value > most)
            {
                problems.Add($"{name} is {Text(value)}, but must lie between {Text(least)} and {Text(most)}");
            }
        }

        void CheckLimit(string name, TimeSpan limit)
        {
            if (limit < TimeSpan.Zero)
            {
                problems.Add($"{name} must not be below 0");
            }
        }
    }

    private static string Text(double number) => number.ToString(CultureInfo.InvariantCulture);
}
