using System.Globalization;
using FastSidecar.Configuration;
using FastSidecar.Configuration.Flags;

namespace FastSidecar.Commands.Bench;

/// <summary>The flags of <c>bench</c>.</summary>
internal sealed class BenchFlags
{
    private static readonly BenchOptions Default = new();

    private readonly FlagSet _set = new("fastsidecar bench");
    private readonly Flag<long> _rate;
    private readonly Flag<long> _connections;
    private readonly Flag<string> _size;
    private readonly Flag<TimeSpan> _seconds;
    private readonly Flag<long> _blocks;
    private readonly Flag<TimeSpan> _maxAddedP50;
    private readonly Flag<TimeSpan> _maxAddedP99;
    private readonly Flag<TimeSpan> _maxCpu;
    private readonly Flag<bool> _json;

    public BenchFlags()
    {
        _rate = _set.Integer("rate", Default.Rate, "Requests a second while latency is measured");
        _connections = _set.Integer("connections", Default.Connections, "Connections, each with one request in flight");
        _size = _set.String("size", "1Ki", "Body of a request and of its answer, as a quantity");
        _seconds = _set.Add(new Flag<TimeSpan>(Default.RunTime, TryParseSeconds)
        {
            Name = "seconds",
            TypeName = "seconds",
            Usage = "Measured time of a run; a block has four runs",
            DefaultText = Text(Default.RunTime.TotalSeconds),
        });
        _blocks = _set.Integer("blocks", Default.Blocks, "Blocks; more of them make the intervals narrower");
        _maxAddedP50 = _set.Duration("max-added-p50", TimeSpan.Zero, "Ends with 1 when two sidecars add more at the median; 0 is no limit");
        _maxAddedP99 = _set.Duration("max-added-p99", TimeSpan.Zero, "Ends with 1 when two sidecars add more at the 99th percentile");
        _maxCpu = _set.Duration("max-cpu", TimeSpan.Zero, "Ends with 1 when both sidecars use more CPU for a request");
        _json = _set.Switch("json", false, "Print JSON");
    }

    /// <summary>
    /// The options; null when there is nothing to measure: the usage was asked for (<see cref="FlagReadResult.Help"/>), or why
    /// not was written to <paramref name="explanation"/>.
    /// </summary>
    public BenchOptions? Read(IReadOnlyList<string> args, TextWriter explanation, out FlagReadResult result)
    {
        result = _set.Read(args, explanation);
        if (result != FlagReadResult.Ok)
        {
            return null;
        }

        result = FlagReadResult.Error;
        if (_set.Arguments is [var word, ..])
        {
            explanation.Write($"unknown argument \"{word}\"\n");
            return null;
        }

        if (!Quantity.TryParseBytes(_size.Value, out var size, out var reason))
        {
            explanation.Write($"--size: {reason}\n");
            return null;
        }

        var options = new BenchOptions
        {
            Rate = _rate.Value,
            Connections = _connections.Value,
            SizeBytes = size,
            RunTime = _seconds.Value,
            Blocks = _blocks.Value,
            MaxAddedP50 = _maxAddedP50.Value,
            MaxAddedP99 = _maxAddedP99.Value,
            MaxCpu = _maxCpu.Value,
            Json = _json.Value,
        };
        var problems = options.Problems();
        if (problems.Count > 0)
        {
            explanation.Write(string.Join('\n', problems) + "\n");
            return null;
        }

        result = FlagReadResult.Ok;
        return options;
    }

    private static bool TryParseSeconds(string text, out TimeSpan value, out string? error)
    {
        var good = decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds)
            && seconds < int.MaxValue;
        value = good ? TimeSpan.FromTicks((long)(seconds * TimeSpan.TicksPerSecond)) : TimeSpan.Zero;
        error = good ? null : "not a number of seconds";
        return good;
    }

    private static string Text(double number) => number.ToString(CultureInfo.InvariantCulture);
}
