using System.Text.RegularExpressions;
using FastSidecar.Integration.Samples;
using FastSidecar.Integration.Shared;
using Xunit;

namespace FastSidecar.Integration.Lifecycle;

/// <summary><c>fastsidecar run</c> for one app: what the app is told, how the outputs are told apart, who ends whom, the exit code.</summary>
public sealed partial class RunTests
{
    /// <summary>Keeps the mDNS packets on this machine.</summary>
    private static string Run => $"{Repository.Binary} run --mdns-interface lo --app-id run-test --log-level warn";

    [BinaryFact(needsNetwork: false)]
    public async Task App_FindsPortsInItsEnvironmentAndItsLinesAreMarked()
    {
        await using var run = new Terminal(
            $"{Run} --metrics-port -1 --app-protocol http -- sh -c 'echo id=$APP_ID address=$APP_CHANNEL_ADDRESS protocol=$APP_PROTOCOL"
            + " port=[$APP_PORT]; echo http=${DAPR_HTTP_PORT:+there} metrics=${DAPR_METRICS_PORT:+there} grpc=${DAPR_GRPC_PORT:+there} >&2;"
            + " env | grep ^DOTNET_SYSTEM_NET || echo clean'");

        Assert.Equal(0, await run.EndsAsync());
        await run.ShowsAsync("== APP == id=run-test address=127.0.0.1 protocol=http port=[]");
        await run.ShowsAsync("== APP == http=there metrics=there grpc=there");
        await run.ShowsAsync("== APP == clean");
    }

    [BinaryFact(needsNetwork: false)]
    public async Task AppEnds_SidecarEndsAndTheExitCodeIsTheApps()
    {
        await using var run = new Terminal($"{Run} -- sh -c 'echo port=$DAPR_HTTP_PORT; exit 7'");

        Assert.Equal(7, await run.EndsAsync());
        Assert.False(await RawHttp.IsOpenAsync(PortIn(run.Output)));
    }

    [BinaryTheory]
    [InlineData(Terminal.SigInt)]
    [InlineData(Terminal.SigTerm)]
    public async Task Signal_EndsAppInOrderAndSidecar(int signal)
    {
        await using var run = new Terminal(
            $"{Run} -- sh -c 'trap \"echo asked to end; exit 3\" TERM; echo port=$DAPR_HTTP_PORT; while :; do sleep 0.05; done'");
        await run.ShowsAsync("== APP == port=");
        run.Signal(signal);

        Assert.Equal(3, await run.EndsAsync());
        await run.ShowsAsync("== APP == asked to end");
        Assert.False(await RawHttp.IsOpenAsync(PortIn(run.Output)));
    }

    [BinaryFact(needsNetwork: false)]
    public async Task SidecarEnds_AppIsEndedToo()
    {
        await using var run = new Terminal(
            $"{Run} -- sh -c 'trap \"echo asked to end; exit 3\" TERM; echo port=$DAPR_HTTP_PORT; while :; do sleep 0.05; done'");
        await run.ShowsAsync("== APP == port=");
        await RawHttp.CallAsync(PortIn(run.Output), "/v1.0/shutdown", "POST");

        Assert.Equal(3, await run.EndsAsync());
        await run.ShowsAsync("== APP == asked to end");
    }

    [BinaryFact(needsNetwork: false)]
    public async Task SidecarCannotStart_ItsExitCode()
    {
        await using var run = new Terminal($"{Run} --app-protocol nonsense -- sh -c 'while :; do sleep 0.05; done'");

        Assert.Equal(1, await run.EndsAsync());
        await run.ShowsAsync("invalid value for 'app-protocol': nonsense");
    }

    [BinaryFact(needsNetwork: false)]
    public async Task NoSuchCommand_SaysSoAndEnds()
    {
        await using var run = new Terminal($"{Run} -- no-such-command-anywhere");

        Assert.Equal(127, await run.EndsAsync());
        await run.ShowsAsync("no-such-command-anywhere: command not found");
    }

    [BinaryFact(needsNetwork: false)]
    public async Task Metadata_NamesRunAndApp()
    {
        await using var run = new Terminal($"{Run} -- sh -c 'echo port=$DAPR_HTTP_PORT; while :; do sleep 0.05; done'");
        await run.ShowsAsync("== APP == port=");
        var port = PortIn(run.Output);
        var body = "";
        await Eventually.TrueAsync(
            async () =>
            {
                body = (await RawHttp.CallAsync(port, "/v1.0/metadata")).Text;
                return body.Contains("appCommand", StringComparison.Ordinal);
            },
            () => $"no appCommand in {body}");

        Assert.Contains($"\"cliPID\":\"{run.Id}\"", body, StringComparison.Ordinal);
        Assert.Contains("\"appCommand\":\"sh -c ", body, StringComparison.Ordinal);
        run.Signal(Terminal.SigInt);
        Assert.Equal(143, await run.EndsAsync());
    }

    private static int PortIn(string output) =>
        int.Parse(PortLine().Match(output).Groups[1].ValueSpan, System.Globalization.CultureInfo.InvariantCulture);

    [GeneratedRegex(@"== APP == port=(\d+)")]
    private static partial Regex PortLine();
}
