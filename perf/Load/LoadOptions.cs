using System.Globalization;

namespace FastSidecar.Load;

/// <summary>One run of the generator.</summary>
internal sealed record LoadOptions
{
    public const string Usage =
        """
        load run --url http://127.0.0.1:PORT/PATH [options]: sends requests and prints what came of it as JSON.
          --connections N       connections, each with one request in flight (1)
          --streams N           gRPC: calls in flight on each connection (1)
          --rate R              open loop: requests a second, on schedule whatever the answers do. Without it: closed loop
          --arrivals KIND       open loop: uniform (default) or poisson
          --seconds S           measured time (1)
          --requests N          closed loop: ends after N requests in all, and is void when they take longer than warm-up and --seconds
          --warm-up S           time before, not measured (0.2)
          --method M            GET; POST when there is a body
          --body N              a body of N known bytes
          --chunked N           the body is streamed: chunked coding, in chunks of N bytes (HTTP/1.1)
          --header 'NAME: V'    one more header, any number of times
          --targets N           {n} in the URL is 1 to N in turn
          --expect-status S     HTTP status (200), or gRPC status (0)
          --expect-body N       the answer is N known bytes; without it any body of any length is taken
          --grpc                unary calls over cleartext HTTP/2; the body is the message
          --pid P               a process whose CPU time, context switches and memory are read at both ends, any number of times
        load start --url http://127.0.0.1:PORT/PATH [--expect-status S] [--runs N] -- COMMAND…
                                milliseconds from exec to the first answer
        load ticks --listen PORT --rate R
                                the app of a ticker: a gRPC method that says R messages a second on each stream until the client ends it
        load ticks --url http://127.0.0.1:PORT/S/M [--streams N] [--seconds S] [--header …] [--pid P]
                                its client: N streams on one connection, every message checked, memory of the processes before and after
        load body N             the known bytes, on standard output
        Exit code 1: the run is void (an answer was wrong, missing, or a connection broke).
        """;

    public string Url { get; init; } = "";

    public int Connections { get; init; } = 1;

    public int Streams { get; init; } = 1;

    /// <summary>Requests a second; null is a closed loop.</summary>
    public double? Rate { get; init; }

    public bool Poisson { get; init; }

    public double Seconds { get; init; } = 1;

    public double WarmUpSeconds { get; init; } = 0.2;

    /// <summary>Closed loop: so many requests, warm-up included, so that costs can be divided by a known number; null is no limit.</summary>
    public int? Requests { get; init; }

    public string? Method { get; init; }

    public int BodyBytes { get; init; }

    /// <summary>The body goes in chunks of so many bytes; 0 sends it with its length.</summary>
    public int ChunkBytes { get; init; }

    public IReadOnlyList<string> Headers { get; init; } = [];

    public int Targets { get; init; } = 1;

    /// <summary>An HTTP status, 200 unless said otherwise, or the gRPC status of a call, 0 unless said otherwise.</summary>
    public int? ExpectStatus { get; init; }

    public int Status => ExpectStatus ?? (Grpc ? 0 : 200);

    public int? ExpectBody { get; init; }

    public bool Grpc { get; init; }

    public IReadOnlyList<int> Processes { get; init; } = [];

    public int Runs { get; init; } = 1;

    /// <summary>The port on which <c>load ticks</c> is the server; null makes it the client.</summary>
    public int? Listen { get; init; }

    /// <summary>What <c>load start</c> runs.</summary>
    public IReadOnlyList<string> Command { get; init; } = [];

    public static LoadOptions Parse(ReadOnlySpan<string> arguments)
    {
        var options = new LoadOptions();
        for (var i = 0; i < arguments.Length; i++)
        {
            var name = arguments[i];
            if (name == "--")
            {
                return options with { Command = arguments[(i + 1)..].ToArray() };
            }

            if (name is "--grpc")
            {
                options = options with { Grpc = true };
                continue;
            }

            var value = i + 1 < arguments.Length ? arguments[++i] : throw new LoadException($"{name} needs a value");
            options = name switch
            {
                "--url" => options with { Url = value },
                "--connections" => options with { Connections = Whole(name, value) },
                "--streams" => options with { Streams = Whole(name, value) },
                "--rate" => options with { Rate = Number(name, value) },
                "--arrivals" when value is "uniform" or "poisson" => options with { Poisson = value is "poisson" },
                "--seconds" => options with { Seconds = Number(name, value) },
                "--warm-up" => options with { WarmUpSeconds = Number(name, value) },
                "--requests" => options with { Requests = Whole(name, value) },
                "--method" => options with { Method = value },
                "--body" => options with { BodyBytes = Whole(name, value) },
                "--chunked" => options with { ChunkBytes = Whole(name, value) },
                "--header" => options with { Headers = [.. options.Headers, value] },
                "--targets" => options with { Targets = Whole(name, value) },
                "--expect-status" => options with { ExpectStatus = Whole(name, value) },
                "--expect-body" => options with { ExpectBody = Whole(name, value) },
                "--pid" => options with { Processes = [.. options.Processes, Whole(name, value)] },
                "--listen" => options with { Listen = Whole(name, value) },
                "--runs" => options with { Runs = Whole(name, value) },
                _ => throw new LoadException($"unknown option {name}"),
            };
        }

        return options;
    }

    private static int Whole(string name, string value) =>
        int.TryParse(value, CultureInfo.InvariantCulture, out var number) && number >= 0
            ? number
            : throw new LoadException($"{name}: {value} is no whole number");

    private static double Number(string name, string value) =>
        double.TryParse(value, CultureInfo.InvariantCulture, out var number) && number >= 0
            ? number
            : throw new LoadException($"{name}: {value} is no number");
}
