using System.Text.Json;
using FastSidecar.Integration.Samples;
using Xunit;

namespace FastSidecar.Integration.Bench;

/// <summary><c>fastsidecar bench</c>, run from the published binary with short times.</summary>
public sealed class BenchTests
{
    /// <summary>A block without any answer is void: far longer than a busy machine keeps one back.</summary>
    private const string Command = "artifacts/fastsidecar bench --blocks 2 --seconds 1 --connections 4 --rate 200";

    [BinaryFact(needsNetwork: true)]
    public async Task Bench_WithoutLimits_ShowsTheTableAndLeavesNothing()
    {
        await using var network = await PrivateNetwork.CreateAsync();
        await using var bench = new Terminal(Command, network.Name);

        var exitCode = await bench.EndsAsync();

        Assert.True(exitCode == 0, bench.Output);
        Assert.Matches(@"direct +[\d.]+ µs +[\d.]+ µs +[\d.]+ µs", bench.Output);
        Assert.Matches(@"through both sidecars +[\d.]+ µs +[\d.]+ µs +[\d.]+ µs", bench.Output);
        Assert.Matches(@"added +[-\d.]+ µs +[-\d.]+ µs +[-\d.]+ µs", bench.Output);
        Assert.Matches(@"as fast as answers come +[\d.]+ µs +[\d.]+ µs +[\d.]+ µs", bench.Output);
        Assert.Matches(@"after it +[\d.]+ MiB +[\d.]+ MiB", bench.Output);
        Assert.Matches(@"requests/s +\d+ +\d+", bench.Output);
        await network.IsEmptyAsync();
    }

    [BinaryFact(needsNetwork: true)]
    public async Task Bench_LimitsThatHold_PrintsJsonAndEndsWithZero()
    {
        await using var network = await PrivateNetwork.CreateAsync();
        await using var bench = new Terminal(
            $"{Command} --json --max-added-p50 20s --max-added-p99 20s --max-cpu 20s 2>/dev/null", network.Name);

        var exitCode = await bench.EndsAsync();

        Assert.True(exitCode == 0, bench.Output);
        using var json = JsonDocument.Parse(bench.Output);
        var p50 = json.RootElement.GetProperty("latency").GetProperty("p50");
        Assert.Equal(2, p50.GetProperty("direct").GetArrayLength());
        Assert.All(p50.GetProperty("through").EnumerateArray(), static one => Assert.True(one.GetDouble() > 0));
        Assert.True(json.RootElement.GetProperty("cpuPerRequest").GetProperty("closedLoop").GetProperty("both").GetProperty("median").GetDouble() > 1);
        Assert.True(json.RootElement.GetProperty("residentBytes").GetProperty("after").GetProperty("caller").GetDouble() > 1e6);
        Assert.Equal(3, json.RootElement.GetProperty("limits").GetArrayLength());
        Assert.All(json.RootElement.GetProperty("limits").EnumerateArray(), static limit => Assert.False(limit.GetProperty("exceeded").GetBoolean()));
    }

    [BinaryFact(needsNetwork: true)]
    public async Task Bench_LimitExceeded_EndsWithOneAndNamesIt()
    {
        await using var network = await PrivateNetwork.CreateAsync();
        await using var bench = new Terminal($"{Command} --max-cpu 1us --max-added-p99 20s", network.Name);

        Assert.Equal(1, await bench.EndsAsync());

        Assert.Matches(@"limit exceeded: CPU per request of both sidecars [\d.]+ µs, at most 1\.0 µs", bench.Output);
        Assert.DoesNotContain("limit exceeded: added", bench.Output, StringComparison.Ordinal);
        await network.IsEmptyAsync();
    }

    [BinaryFact(needsNetwork: true)]
    public async Task Bench_Interrupted_EndsAtOnceAndLeavesNothing()
    {
        await using var network = await PrivateNetwork.CreateAsync();
        await using var bench = new Terminal("artifacts/fastsidecar bench --blocks 1000 --seconds 60", network.Name);
        await bench.ShowsAsync("measuring for");

        bench.Signal(Terminal.SigInt);

        Assert.Equal(3, await bench.EndsAsync());
        await bench.ShowsAsync("interrupted: no result; nothing is left running");
        await network.IsEmptyAsync();
    }

    [BinaryFact(needsNetwork: true)]
    public async Task Bench_WithoutLoopback_IsVoid()
    {
        await using var network = await PrivateNetwork.CreateAsync(isUp: false);
        await using var bench = new Terminal(Command, network.Name);

        Assert.Equal(3, await bench.EndsAsync());

        await bench.ShowsAsync("void: ");
        await network.IsEmptyAsync();
    }

    [BinaryFact(needsNetwork: false)]
    public async Task Bench_BadUsage_EndsWithTwo()
    {
        await using var bench = new Terminal($"{Command} --rate 0");

        Assert.Equal(2, await bench.EndsAsync());

        await bench.ShowsAsync("--rate is 0");
    }

    [BinaryFact(needsNetwork: false)]
    public async Task Bench_AskedForHelp_ListsFlagsAndExitCodes()
    {
        await using var bench = new Terminal($"{Command} --help");

        Assert.Equal(0, await bench.EndsAsync());

        await bench.ShowsAsync("Measures what two sidecars add", "--max-added-p99 duration", "Exit code: 0; 1 when a limit is exceeded");
    }
}
