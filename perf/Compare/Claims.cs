using System.Globalization;

namespace FastSidecar.Compare;

/// <summary>What is claimed of FastSidecar, worked out block by block from what was measured.</summary>
internal sealed class Claims(
    IReadOnlyList<Outcome> outcomes, IReadOnlyList<MemoryRun> memory, IReadOnlyList<Starts> starts, IReadOnlyList<Ticks> ticks,
    double? binaryBytes)
{
    private const string Ours = "fastsidecar";
    private const string Nginx = "nginx";
    private const string HaProxy = "haproxy";
    private const string Direct = "direct";
    private const string Grpc = "grpc-";

    /// <summary>"Flat": ten times as many of something cost at most so much more for a request.</summary>
    private const double Flat = 1.15;

    public IReadOnlyList<Claim> All() =>
    [
        Ratio("CPU per request, 1 connection, against the better of nginx and HAProxy", 1.0, true, Scenarios.One, Metric.ProxyCpu,
            Better(Scenarios.One)),
        Ratio("CPU per request, 16 connections, against HAProxy", 1.1, true, Scenarios.Sixteen, Metric.ProxyCpu, HaProxy),
        Ratio("CPU per request, 64 connections, against HAProxy", 1.1, true, Scenarios.SixtyFour, Metric.ProxyCpu, HaProxy),
        Added("added p50 at 1,000 requests/s, against HAProxy", Scenarios.Rate, Metric.P50, ""),
        Added("added p99 at 1,000 requests/s, against HAProxy", Scenarios.Rate, Metric.P99, ""),
        Ratio("saturation throughput, 64 connections, against HAProxy", 1.0, false, Scenarios.SixtyFour, Metric.PerSecond, HaProxy),
        Ratio("1 MiB answers, MB/s, against nginx", 0.8, false, Scenarios.MebibyteDown, Metric.MegabytesPerSecond, Nginx),
        Ratio("1 MiB uploads, MB/s, against nginx", 0.8, false, Scenarios.MebibyteUp, Metric.MegabytesPerSecond, Nginx),
        Plain("managed allocation per request, 16 connections (the sidecar that allocates more)", 200, "B",
            [.. Values(Ours, Scenarios.Sixteen, Metric.Allocated).Values]),
        Plain("managed allocation per request at 1,000 requests/s", 200, "B", [.. Values(Ours, Scenarios.Rate, Metric.Allocated).Values]),
        Resident("RSS idle (the larger sidecar)", 16, run => run.Idle),
        Resident("RSS at 1,000 requests/s", 25, run => run.AtRate),
        Resident("RSS after saturation by 64 connections", 35, run => run.AfterSaturation),
        Plain("exec to healthz 204", 30, "ms", Start(Ours)),
        StartRatio(),
        Plain("binary", 12, "MB", binaryBytes is { } bytes ? [bytes / 1e6] : []),
        Scale("CPU per request, 100 app ids against 10", Scenarios.Apps100, Scenarios.Apps10),
        Scale("CPU per request, 160 connections against 16", Scenarios.Connections160, Scenarios.Sixteen),
        Scale("CPU per request, 1,000 streams against 100", Scenarios.Streams1000, Scenarios.Streams100),
        AgainstHttp("CPU per proxied gRPC call, 1 connection, against the HTTP path", Scenarios.Grpc1, Scenarios.Post1),
        AgainstHttp("CPU per proxied gRPC call, 16 connections, against the HTTP path", Scenarios.Grpc16, Scenarios.Post16),
        Added("gRPC: added p50 at 1,000 calls/s, against HAProxy", Scenarios.GrpcRate, Metric.P50, Grpc),
        Added("gRPC: added p99 at 1,000 calls/s, against HAProxy", Scenarios.GrpcRate, Metric.P99, Grpc),
        TickRate(),
        Plain("gRPC: growth of a sidecar's memory during the ticker", 2, "MB", [.. OurTicks.Select(one => one.Growth)]),
    ];

    private IEnumerable<Ticks> OurTicks => ticks.Where(one => one.Arm == Grpc + Ours);

    private static string Text(double value) => value.ToString(Math.Abs(value) >= 100 ? "N0" : "0.0", CultureInfo.InvariantCulture);

    private static Claim Plain(string name, double bar, string unit, IReadOnlyList<double> values) =>
        new(name, bar, true, unit, Statistics.Bootstrap(values), values.Count, "");

    private Claim Ratio(string name, double bar, bool isUpper, string scenario, string metric, string other) =>
        OfRatios(name, bar, isUpper, Values(Ours, scenario, metric), Values(other, scenario, metric), other);

    private Claim Scale(string name, string more, string less) =>
        OfRatios(name, Flat, true, Values(Ours, more, Metric.ProxyCpu), Values(Ours, less, Metric.ProxyCpu), "");

    /// <summary>What two hops add to a latency, against what the other's two hops add in the same block.</summary>
    private Claim Added(string name, string scenario, string metric, string prefix)
    {
        var direct = Values(prefix + Direct, scenario, metric);
        return OfRatios(
            name, 1.0, true, Over(Values(prefix + Ours, scenario, metric)), Over(Values(prefix + HaProxy, scenario, metric)), prefix + HaProxy);

        Dictionary<int, double> Over(IReadOnlyDictionary<int, double> values) =>
            values.Where(one => direct.ContainsKey(one.Key)).ToDictionary(one => one.Key, one => one.Value - direct[one.Key]);
    }

    private Claim AgainstHttp(string name, string grpc, string http) =>
        OfRatios(name, 1.1, true, Values(Grpc + Ours, grpc, Metric.ProxyCpu), Values(Ours, http, Metric.ProxyCpu), "HTTP");

    private static Claim OfRatios(
        string name, double bar, bool isUpper, IReadOnlyDictionary<int, double> ours, IReadOnlyDictionary<int, double> theirs, string other)
    {
        var ratios = ours.Where(one => theirs.TryGetValue(one.Key, out var value) && value > 0)
            .Select(one => one.Value / theirs[one.Key]).ToArray();
        var medians = $"{Text(Statistics.Median(ours.Values))} / {Text(Statistics.Median(theirs.Values))}";
        var detail = ratios.Length == 0 ? "" : other.Length == 0 ? medians : $"{medians} ({other})";
        return new Claim(name, bar, isUpper, Claim.RatioUnit, Statistics.Bootstrap(ratios), ratios.Length, detail);
    }

    private Claim TickRate()
    {
        double[] rates = [.. OurTicks.Select(one => one.Result.PerSecond)];
        return new Claim(
            $"gRPC: messages a second over {Ticks.Streams} bidirectional streams", 100_000, false, "/s", Statistics.Bootstrap(rates), rates.Length, "");
    }

    private Claim Resident(string name, double bar, Func<MemoryRun, double> value) =>
        Plain(name, bar, "MB", [.. memory.Where(run => run.Arm == Ours).GroupBy(run => run.Round).Select(round => round.Max(value))]);

    private Claim StartRatio()
    {
        var (ours, bare) = (Start(Ours), Start(Starts.Bare));
        var ratios = bare.Count == 0 ? [] : ours.Select(time => time / Statistics.Median(bare)).ToArray();
        return new Claim(
            "exec to healthz 204, against a bare AOT Kestrel", 1.5, true, Claim.RatioUnit, Statistics.Bootstrap(ratios), ratios.Length,
            ratios.Length == 0 ? "" : $"{Text(Statistics.Median(ours))} / {Text(Statistics.Median(bare))} ms");
    }

    private IReadOnlyList<double> Start(string arm) =>
        starts.FirstOrDefault(one => one.Arm == arm && one.What == "healthz")?.Milliseconds ?? [];

    private string Better(string scenario) =>
        Median(Nginx, scenario, Metric.ProxyCpu) < Median(HaProxy, scenario, Metric.ProxyCpu) ? Nginx : HaProxy;

    private double Median(string arm, string scenario, string metric) => Statistics.Median(Values(arm, scenario, metric).Values);

    private IReadOnlyDictionary<int, double> Values(string arm, string scenario, string metric) =>
        outcomes.FirstOrDefault(one => one.Arm == arm && one.Scenario == scenario)?.Values(metric) ?? new Dictionary<int, double>();
}
