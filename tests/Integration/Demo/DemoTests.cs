using System.Globalization;
using System.Text.RegularExpressions;
using FastSidecar.Integration.Samples;
using Xunit;

namespace FastSidecar.Integration.Demo;

/// <summary><c>fastsidecar demo</c>, run from the published binary.</summary>
public sealed class DemoTests
{
    private const string Command = "artifacts/fastsidecar demo";

    [BinaryFact(needsNetwork: true)]
    public async Task Demo_OnAMachineWithLoopback_ShowsCallsAndCostsAndLeavesNothing()
    {
        await using var network = await PrivateNetwork.CreateAsync();
        await using var demo = new Terminal(Command, network.Name);

        var exitCode = await demo.EndsAsync();

        Assert.True(exitCode == 0, demo.Output);
        await demo.ShowsAsync(
            "/v1.0/invoke/warehouse/method/reserve?order=1",
            "warehouse saw POST /reserve?order=1 from shop, body {\"item\":\"book\",\"count\":1}",
            "dapr-app-id: warehouse",
            "warehouse saw POST /reserve?order=2 from shop",
            "Authorization: Basic ZGFwci1hcHAtaWQ6d2FyZWhvdXNl",
            "warehouse saw POST /reserve?order=3 from shop",
            "shop saw POST /shipped?order=1 from warehouse",
            "to the app itself",
            "through both sidecars",
            "sidecar of shop",
            "sidecar of warehouse",
            "nothing is left running");
        await network.IsEmptyAsync();
        var direct = P50(demo.Output, "to the app itself");
        var through = P50(demo.Output, "through both sidecars");
        Assert.True(0 < direct && direct < through, demo.Output);
    }

    [BinaryFact(needsNetwork: true, "curl")]
    public async Task Demo_ToldToKeep_AnswersThePrintedCommandsUntilInterrupted()
    {
        await using var network = await PrivateNetwork.CreateAsync();
        await using var demo = new Terminal($"{Command} --keep", network.Name);
        await demo.ShowsAsync("Ctrl-C stops everything");
        var commands = demo.Output.Split('\n').Select(static line => line.Trim()).Where(static line => line.StartsWith("curl ", StringComparison.Ordinal));

        await using var curl = new Terminal(string.Join('\n', commands), network.Name);

        Assert.Equal(0, await curl.EndsAsync());
        await curl.ShowsAsync(
            "warehouse did GET /stock?item=book",
            "warehouse did POST /reserve",
            "shop did GET /shipped",
            "\"id\":\"shop\"",
            "process_cpu_seconds_total");
        await demo.ShowsAsync(
            "warehouse saw GET /stock?item=book from shop, body empty",
            "warehouse saw POST /reserve from shop, body {\"item\":\"book\"}",
            "shop saw GET /shipped from warehouse, body empty");
        demo.Signal(Terminal.SigInt);
        Assert.True(await demo.EndsAsync() == 0, demo.Output);
        await network.IsEmptyAsync();
    }

    [BinaryFact(needsNetwork: true)]
    public async Task Demo_WithoutLoopback_FailsWithAReason()
    {
        await using var network = await PrivateNetwork.CreateAsync(isUp: false);
        await using var demo = new Terminal(Command, network.Name);

        Assert.Equal(1, await demo.EndsAsync());

        await demo.ShowsAsync("demo failed: ");
        await network.IsEmptyAsync();
    }

    [BinaryFact(needsNetwork: false)]
    public async Task Demo_UnknownArgument_FailsAndNamesIt()
    {
        await using var demo = new Terminal($"{Command} --forever");

        Assert.Equal(1, await demo.EndsAsync());

        await demo.ShowsAsync("unknown argument \"--forever\"", "fastsidecar demo [--keep]");
    }

    private static double P50(string output, string row)
    {
        var match = Regex.Match(output, $@"^ *{row} +(\d+) µs", RegexOptions.Multiline);
        Assert.True(match.Success, output);
        return double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture);
    }
}
