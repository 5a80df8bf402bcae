using FastSidecar.Integration.Samples;
using Xunit;

namespace FastSidecar.Integration.Lifecycle;

/// <summary>How a sidecar ends, and what those notice who are connected to it. What daprd does of it is also replayed by the conformance tests.</summary>
public sealed class ShutdownTests
{
    /// <summary>Far below every limit (grace 5 s, HTTP drain 10 s), far above what a busy machine takes.</summary>
    private static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(3);

    private const string Http2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    private static readonly byte[] EmptySettings = [0, 0, 0, 4, 0, 0, 0, 0, 0];

    [BinaryTheory]
    [InlineData(SidecarUnderTest.SigTerm, "terminated")]
    [InlineData(SidecarUnderTest.SigInt, "interrupt")]
    public async Task Signal_WhileIdle_OrderlyEnd(int signal, string name)
    {
        await using var sidecar = await SidecarUnderTest.StartReadyAsync();

        sidecar.Signal(signal);
        var ending = await sidecar.EndsAsync();

        Assert.Equal(0, ending.ExitCode);
        Assert.True(ending.FairlyWaited < AtOnce, $"{ending}");
        Assert.Contains($"Received signal '{name}'; beginning shutdown", ending.Log, StringComparison.Ordinal);
        Assert.Contains($"stopping mDNS server for app id: {SidecarUnderTest.AppId}", ending.Log, StringComparison.Ordinal);
        Assert.EndsWith("info Daprd shutdown gracefully\n", ending.Log, StringComparison.Ordinal);
    }

    [BinaryTheory]
    [InlineData("http", "")]
    [InlineData("http", "PRI * HT")]
    [InlineData("http", "GET /v1.0/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")]
    [InlineData("http", Http2Preface)]
    [InlineData("public", "")]
    [InlineData("public", "GET /v1.0/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")]
    [InlineData("metrics", "")]
    [InlineData("metrics", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")]
    [InlineData("grpc", "")]
    [InlineData("grpc", Http2Preface)]
    [InlineData("internal", "")]
    [InlineData("internal", "PRI * HT")]
    [InlineData("internal", Http2Preface)]
    public async Task Signal_WithConnectionThatAsksNothing_NothingWaitsForIt(string port, string said)
    {
        await using var sidecar = await SidecarUnderTest.StartReadyAsync();
        var ports = sidecar.Ports;
        var number = port switch { "http" => ports.Http, "public" => ports.Public, "metrics" => ports.Metrics, "grpc" => ports.Grpc, _ => ports.Internal };
        using var connection = await RawHttp.ConnectAsync(number);
        await connection.SendAsync(said);
        if (said == Http2Preface)
        {
            await connection.SendAsync(EmptySettings);
            await connection.ReadUntilAsync("\x04");
        }
        else if (said.EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            await connection.ReadUntilAsync("\r\n\r\n");
        }

        sidecar.Signal(SidecarUnderTest.SigTerm);
        var ending = await sidecar.EndsAsync();

        Assert.True(ending.ExitCode == 0 && ending.FairlyWaited < AtOnce, $"{ending}");
        await connection.ReadToEndAsync();
    }

    [BinaryFact(needsNetwork: false)]
    public async Task Signal_WithCallInFlight_AnsweredWithConnectionCloseAndNoNewOne()
    {
        using var app = new SlowApp();
        await using var sidecar = await SidecarUnderTest.StartReadyAsync("--app-port", $"{app.Port}");
        using var call = await RawHttp.ConnectAsync(sidecar.Ports.Http);
        await call.SendAsync($"GET /v1.0/invoke/{SidecarUnderTest.AppId}/method/x HTTP/1.1\r\nHost: localhost\r\n\r\n");
        await app.CalledAsync();

        sidecar.Signal(SidecarUnderTest.SigTerm);
        await sidecar.LogsAsync("Dapr runtime stopped");
        Assert.False(await RawHttp.IsOpenAsync(sidecar.Ports.Metrics));
        Assert.False(await RawHttp.IsOpenAsync(sidecar.Ports.Internal));
        Assert.False(await RawHttp.IsOpenAsync(sidecar.Ports.Grpc));
        app.Answer();
        var answer = await call.ReadToEndAsync();
        var ending = await sidecar.EndsAsync();

        Assert.StartsWith("HTTP/1.1 200", answer, StringComparison.Ordinal);
        Assert.Contains("Connection: close", answer, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("ok", answer, StringComparison.Ordinal);
        Assert.Equal(0, ending.ExitCode);
        Assert.False(await RawHttp.IsOpenAsync(sidecar.Ports.Http));
    }

    [BinaryFact(needsNetwork: false)]
    public async Task Grace_OutlastedByCall_FatalAndOneAndCallCutOff()
    {
        using var app = new SlowApp();
        await using var sidecar = await SidecarUnderTest.StartReadyAsync("--app-port", $"{app.Port}", "--dapr-graceful-shutdown-seconds", "1");
        using var call = await RawHttp.ConnectAsync(sidecar.Ports.Http);
        await call.SendAsync($"GET /v1.0/invoke/{SidecarUnderTest.AppId}/method/x HTTP/1.1\r\nHost: localhost\r\n\r\n");
        await app.CalledAsync();

        sidecar.Signal(SidecarUnderTest.SigTerm);
        var ending = await sidecar.EndsAsync();

        Assert.Equal(1, ending.ExitCode);
        Assert.True(ending.Waited > TimeSpan.FromSeconds(0.9) && ending.FairlyWaited < AtOnce, $"{ending}");
        Assert.EndsWith("fatal Graceful shutdown timeout exceeded, forcing shutdown\n", ending.Log, StringComparison.Ordinal);
        Assert.Equal("", await call.ReadToEndAsync());
    }

    [BinaryFact(needsNetwork: false)]
    public async Task SecondSignal_DuringDrain_OneAtOnce()
    {
        using var app = new SlowApp();
        await using var sidecar = await SidecarUnderTest.StartReadyAsync("--app-port", $"{app.Port}", "--dapr-graceful-shutdown-seconds", "25");
        using var call = await RawHttp.ConnectAsync(sidecar.Ports.Http);
        await call.SendAsync($"GET /v1.0/invoke/{SidecarUnderTest.AppId}/method/x HTTP/1.1\r\nHost: localhost\r\n\r\n");
        await app.CalledAsync();
        sidecar.Signal(SidecarUnderTest.SigTerm);
        await sidecar.LogsAsync("Dapr is shutting down");

        sidecar.Signal(SidecarUnderTest.SigInt);
        var ending = await sidecar.EndsAsync();

        Assert.True(ending.ExitCode == 1 && ending.FairlyWaited < AtOnce, $"{ending}");
        Assert.EndsWith("fatal Received signal 'interrupt' during shutdown; exiting immediately\n", ending.Log, StringComparison.Ordinal);
    }

    [BinaryFact(needsNetwork: false)]
    public async Task ShutdownApi_AnswersThenOrderlyEnd()
    {
        await using var sidecar = await SidecarUnderTest.StartReadyAsync("--dapr-block-shutdown-duration", "20s");

        var (status, _) = await RawHttp.CallAsync(sidecar.Ports.Http, "/v1.0/shutdown", "POST", "Content-Length: 0\r\n");
        var ending = await sidecar.EndsAsync();

        Assert.Equal(204, status);
        Assert.True(ending.ExitCode == 0 && ending.FairlyWaited < AtOnce, $"{ending}");
        Assert.DoesNotContain("Blocking", ending.Log, StringComparison.Ordinal);
    }

    [BinaryFact(needsNetwork: false)]
    public async Task ForcedShutdownApi_WhileDraining_OneSoon()
    {
        using var app = new SlowApp();
        await using var sidecar = await SidecarUnderTest.StartReadyAsync("--app-port", $"{app.Port}", "--dapr-block-shutdown-duration", "25s");
        using var call = await RawHttp.ConnectAsync(sidecar.Ports.Http);
        await call.SendAsync($"GET /v1.0/invoke/{SidecarUnderTest.AppId}/method/x HTTP/1.1\r\nHost: localhost\r\n\r\n");
        await app.CalledAsync();
        sidecar.Signal(SidecarUnderTest.SigTerm);
        await sidecar.LogsAsync("Blocking graceful shutdown for 25s or until app reports unhealthy...");

        var (status, _) = await RawHttp.CallAsync(sidecar.Ports.Http, "/v1.0/shutdown", "POST", "dapr-force-shutdown: true\r\nContent-Length: 0\r\n");
        var ending = await sidecar.EndsAsync();

        Assert.Equal(204, status);
        Assert.True(ending.ExitCode == 1 && ending.FairlyWaited < AtOnce, $"{ending}");
        Assert.EndsWith("warning Force shutdown requested, exiting immediately without graceful shutdown\n", ending.Log, StringComparison.Ordinal);
        Assert.Equal("", await call.ReadToEndAsync());
    }

    [BinaryFact(needsNetwork: false)]
    public async Task BlockPeriod_ServesMeanwhileAndEndsByApi()
    {
        await using var sidecar = await SidecarUnderTest.StartReadyAsync("--dapr-block-shutdown-duration", "25s");

        sidecar.Signal(SidecarUnderTest.SigTerm);
        await sidecar.LogsAsync("Blocking graceful shutdown for 25s or until app reports unhealthy...");
        var (status, health) = await RawHttp.CallAsync(sidecar.Ports.Http, "/v1.0/healthz");
        Assert.Equal(500, status);
        Assert.Contains("dapr is not ready: [security-provider]", health, StringComparison.Ordinal);
        Assert.Equal(204, (await RawHttp.CallAsync(sidecar.Ports.Http, "/v1.0/healthz/outbound")).Status);
        Assert.True(await RawHttp.IsOpenAsync(sidecar.Ports.Internal));
        Assert.Equal(204, (await RawHttp.CallAsync(sidecar.Ports.Http, "/v1.0/shutdown", "POST", "Content-Length: 0\r\n")).Status);
        var ending = await sidecar.EndsAsync();

        Assert.True(ending.ExitCode == 0 && ending.FairlyWaited < AtOnce, $"{ending}");
    }

    [BinaryFact(needsNetwork: false)]
    public async Task BlockPeriod_OfOneSecond_EndsByItself()
    {
        await using var sidecar = await SidecarUnderTest.StartReadyAsync("--dapr-block-shutdown-duration", "1s");

        sidecar.Signal(SidecarUnderTest.SigTerm);
        var ending = await sidecar.EndsAsync();

        Assert.Equal(0, ending.ExitCode);
        Assert.True(ending.Waited > TimeSpan.FromSeconds(0.9) && ending.FairlyWaited < AtOnce, $"{ending}");
        Assert.Contains("Block shutdown period expired, entering shutdown...", ending.Log, StringComparison.Ordinal);
    }

    [BinaryFact(needsNetwork: false)]
    public async Task SocketFiles_RemovedAtTheEnd()
    {
        var folder = Directory.CreateTempSubdirectory("fastsidecar-");
        await using var sidecar = await SidecarUnderTest.StartReadyAsync("--unix-domain-socket", folder.FullName);
        Assert.Equal(2, folder.GetFiles().Length);

        sidecar.Signal(SidecarUnderTest.SigTerm);
        var ending = await sidecar.EndsAsync();

        Assert.Equal(0, ending.ExitCode);
        Assert.Empty(folder.GetFiles());
        Assert.Contains($"Closing HTTP server {folder.FullName}/dapr-{SidecarUnderTest.AppId}-http.socket…", ending.Log, StringComparison.Ordinal);
        folder.Delete(recursive: true);
    }

    [BinaryFact(needsNetwork: false)]
    public async Task OtherSignals_QuitEndsWithTwoAndHangupAndUserSignalsDoNothing()
    {
        await using var sidecar = await SidecarUnderTest.StartReadyAsync();

        sidecar.Signal(SidecarUnderTest.SigHup);
        await sidecar.LogsAsync("Received signal 'hangup'; ignored");
        sidecar.Signal(SidecarUnderTest.SigUsr1);
        Assert.Equal(204, (await RawHttp.CallAsync(sidecar.Ports.Http, "/v1.0/healthz")).Status);
        sidecar.Signal(SidecarUnderTest.SigQuit);

        Assert.Equal(2, (await sidecar.EndsAsync()).ExitCode);
    }
}
