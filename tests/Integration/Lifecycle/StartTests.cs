using System.Net;
using System.Net.Sockets;
using FastSidecar.Integration.Samples;
using Xunit;

namespace FastSidecar.Integration.Lifecycle;

/// <summary>What is open when, and how a start ends that cannot succeed.</summary>
public sealed class StartTests
{
    [BinaryFact(needsNetwork: false)]
    public async Task AppThatListensLate_PortsOpenBeforeAndReadyAfter()
    {
        var port = SidecarPortNumbers.Choose().Http;
        await using var sidecar = SidecarUnderTest.Start("--app-port", $"{port}");
        await sidecar.LogsAsync($"application protocol: http. waiting on port {port}.  This will block until the app is listening on that port.");

        var (status, health) = await RawHttp.CallAsync(sidecar.Ports.Http, "/v1.0/healthz");
        Assert.Equal(500, status);
        Assert.Contains("dapr is not ready: [runtime]", health, StringComparison.Ordinal);
        Assert.Equal(204, (await RawHttp.CallAsync(sidecar.Ports.Public, "/v1.0/healthz/outbound")).Status);
        using var app = new SlowApp(port);
        await sidecar.LogsAsync("dapr initialized. Status: Running.");

        Assert.Equal(204, (await RawHttp.CallAsync(sidecar.Ports.Http, "/v1.0/healthz")).Status);
        Assert.Contains($"application discovered on port {port}", sidecar.Log, StringComparison.Ordinal);
    }

    [BinaryFact(needsNetwork: false)]
    public async Task TlsAppThatDoesNotSpeakIt_NotDiscovered()
    {
        using var app = new SlowApp();
        app.Answer();
        await using var sidecar = SidecarUnderTest.Start("--app-port", $"{app.Port}", "--app-protocol", "https");
        await sidecar.LogsAsync("application protocol: https. waiting on port");

        // Several tries long.
        await Task.Delay(TimeSpan.FromSeconds(1));

        Assert.Equal(500, (await RawHttp.CallAsync(sidecar.Ports.Http, "/v1.0/healthz")).Status);
        Assert.DoesNotContain("application discovered", sidecar.Log, StringComparison.Ordinal);
    }

    [BinaryTheory]
    [InlineData("")]
    [InlineData("--dapr-block-shutdown-duration=25s")]
    public async Task Signal_BeforeAppWasFound_OrderlyEndAtOnce(string flag)
    {
        var port = SidecarPortNumbers.Choose().Http;
        await using var sidecar = SidecarUnderTest.Start(["--app-port", $"{port}", .. flag.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
        await sidecar.LogsAsync("waiting on port");

        sidecar.Signal(SidecarUnderTest.SigTerm);
        var ending = await sidecar.EndsAsync();

        Assert.True(ending.ExitCode == 0 && ending.FairlyWaited < TimeSpan.FromSeconds(3), $"{ending}");
        Assert.Equal(flag.Length > 0, ending.Log.Contains("App reported unhealthy, entering shutdown...", StringComparison.Ordinal));
        Assert.EndsWith("info Daprd shutdown gracefully\n", ending.Log, StringComparison.Ordinal);
    }

    [BinaryFact(needsNetwork: false)]
    public async Task Signal_WhilePortIsTaken_OrderlyEndAtOnce()
    {
        var ports = SidecarPortNumbers.Choose();
        using var other = Occupy(ports.Http);
        await using var sidecar = SidecarUnderTest.Start(ports);
        await sidecar.LogsAsync("API gRPC server is running on port");

        sidecar.Signal(SidecarUnderTest.SigTerm);
        var ending = await sidecar.EndsAsync();

        Assert.True(ending.ExitCode == 0 && ending.FairlyWaited < TimeSpan.FromSeconds(3), $"{ending}");
    }

    [BinaryFact(needsNetwork: false)]
    public async Task PublicPortTaken_FatalAtOnceAndEverythingTakenDown()
    {
        var folder = Directory.CreateTempSubdirectory("fastsidecar-");
        var ports = SidecarPortNumbers.Choose();
        using var other = Occupy(ports.Public);
        await using var sidecar = SidecarUnderTest.Start(ports, "--unix-domain-socket", folder.FullName);

        var ending = await sidecar.EndsAsync();

        Assert.Equal(1, ending.ExitCode);
        Assert.True(ending.FairlyLived < TimeSpan.FromSeconds(5), $"{ending}");
        Assert.EndsWith($"fatal listen tcp 127.0.0.1:{ports.Public}: bind: address already in use\n", ending.Log, StringComparison.Ordinal);
        Assert.Contains("stopping mDNS server for app id", ending.Log, StringComparison.Ordinal);
        Assert.Empty(folder.GetFiles());
        folder.Delete(recursive: true);
    }

    [BinaryFact(needsNetwork: false)]
    public async Task PortFreedInTime_TakenThen()
    {
        var ports = SidecarPortNumbers.Choose();
        var other = Occupy(ports.Http);
        await using var sidecar = SidecarUnderTest.Start(ports);
        await sidecar.LogsAsync("API gRPC server is running on port");
        Assert.DoesNotContain("HTTP server listening", sidecar.Log, StringComparison.Ordinal);

        other.Dispose();
        await sidecar.LogsAsync("dapr initialized");

        Assert.Equal(204, (await RawHttp.CallAsync(ports.Http, "/v1.0/healthz")).Status);
    }

    [BinaryFact(needsNetwork: false)]
    public async Task TwoListenAddressesOneTaken_ServesOnTheOther()
    {
        var ports = SidecarPortNumbers.Choose();
        using var other = Occupy(ports.Http);
        await using var sidecar = SidecarUnderTest.Start(ports, "--dapr-listen-addresses", "127.0.0.1,127.0.0.2");

        await sidecar.LogsAsync("dapr initialized");

        Assert.Contains($"HTTP server listening on TCP address: 127.0.0.2:{ports.Http}", sidecar.Log, StringComparison.Ordinal);
        Assert.DoesNotContain($"HTTP server listening on TCP address: 127.0.0.1:{ports.Http}", sidecar.Log, StringComparison.Ordinal);
    }

    [BinaryFact(needsNetwork: false)]
    public async Task MtlsAskedFor_RefusedInsteadOfClearText()
    {
        await using var sidecar = SidecarUnderTest.Start("--enable-mtls");

        var ending = await sidecar.EndsAsync();

        Assert.Equal(1, ending.ExitCode);
        Assert.Contains("fatal Fatal error from runtime: trust anchors are required", ending.Log, StringComparison.Ordinal);
    }

    [BinaryFact(needsNetwork: false)]
    public async Task Profiling_PortWithAnIndexOnly()
    {
        var port = SidecarPortNumbers.Choose().Http;
        await using var sidecar = await SidecarUnderTest.StartReadyAsync("--enable-profiling", "--profile-port", $"{port}");
        Assert.Contains($"HTTP profiling server listening on: 127.0.0.1:{port}", sidecar.Log, StringComparison.Ordinal);

        var (status, index) = await RawHttp.CallAsync(port, "/debug/pprof/");
        Assert.Equal(200, status);
        Assert.Contains("no Go runtime", index, StringComparison.Ordinal);
        Assert.Equal(404, (await RawHttp.CallAsync(port, "/debug/pprof/heap")).Status);
        Assert.Equal(404, (await RawHttp.CallAsync(port, "/v1.0/metadata")).Status);
        sidecar.Signal(SidecarUnderTest.SigTerm);
        Assert.Equal(0, (await sidecar.EndsAsync()).ExitCode);
    }

    [BinaryFact(needsNetwork: false)]
    public async Task Wait_EndsWithZeroOnceOutboundIsReadyThoughTheAppIsMissing()
    {
        await using var sidecar = SidecarUnderTest.Start("--app-port", $"{SidecarPortNumbers.Choose().Http}");
        await using var wait = new Terminal($"{Repository.Binary} --wait --dapr-http-port {sidecar.Ports.Http}");

        Assert.Equal(0, await wait.EndsAsync());
        await wait.ShowsAsync("Waiting for Dapr to be outbound ready (timeout: 60 seconds)", "Dapr is outbound ready!");
    }

    [BinaryFact(needsNetwork: false)]
    public async Task AppThatDoesNotSpeakItsProtocol_FoundButNotCalledOverHttp()
    {
        using var app = new SlowApp();
        app.Answer();
        await using var sidecar = await SidecarUnderTest.StartReadyAsync("--app-port", $"{app.Port}", "--app-protocol", "grpc");

        var (status, body) = await RawHttp.CallAsync(sidecar.Ports.Http, $"/v1.0/invoke/{SidecarUnderTest.AppId}/method/x");

        Assert.Equal(503, status);
        Assert.Contains("\"code\":14", body, StringComparison.Ordinal);
    }

    private static Socket Occupy(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
        socket.Listen();
        return socket;
    }
}
