namespace FastSidecar.Compare;

/// <summary>What the command line asks for.</summary>
internal sealed record CompareOptions
{
    public const string Usage =
        """
        compare [--quick] [--arms NAME,…] [--arm FOLDER]… [--scenarios NAME,…] [--blocks N] [--results FOLDER]
          --quick           a look in two minutes instead of a measurement in half an hour
          --arms            only these of perf/Arms
          --arm FOLDER      one more pair: a folder with an arm.json, as those in perf/Arms
          --scenarios       only these
          --blocks          instead of the plan's number
          --results         instead of results/<date>-<commit>
        """;

    public bool IsQuick { get; init; }

    public IReadOnlyList<string> Arms { get; init; } = ["direct", "fastsidecar", "nginx", "haproxy", "stock", "grpc-direct", "grpc-fastsidecar", "grpc-nginx", "grpc-haproxy"];

    public IReadOnlyList<string> MoreArms { get; init; } = [];

    public IReadOnlyList<string>? Scenarios { get; init; }

    public int? Blocks { get; init; }

    public string? Results { get; init; }

    public static CompareOptions Parse(IReadOnlyList<string> arguments)
    {
        var options = new CompareOptions();
        for (var i = 0; i < arguments.Count; i++)
        {
            if (arguments[i] == "--quick")
            {
                options = options with { IsQuick = true };
                continue;
            }

            var value = i + 1 < arguments.Count ? arguments[i + 1] : throw new CompareException(Usage);
            options = arguments[i++] switch
            {
                "--arms" => options with { Arms = value.Split(',') },
                "--arm" => options with { MoreArms = [.. options.MoreArms, value] },
                "--scenarios" => options with { Scenarios = value.Split(',') },
                "--blocks" when int.TryParse(value, out var blocks) && blocks > 0 => options with { Blocks = blocks },
                "--results" => options with { Results = value },
                _ => throw new CompareException(Usage),
            };
        }

        return options;
    }
}
