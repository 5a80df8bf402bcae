using FastSidecar.Integration.Lifecycle;
using Xunit;

namespace FastSidecar.Integration.HttpApi;

/// <summary>A request of which only the beginning has come holds no shutdown up.</summary>
public sealed class HalfSentHeadTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(4);

    [BinaryTheory]
    [InlineData("http", "GET /v1.0/healthz HTTP/1.1\r\nHost: local")]
    [InlineData("public", "G")]
    [InlineData("metrics", "GET / HTTP/1.1\r\n")]
    public async Task Signal_WithHalfAHead_OrderlyEndSoon(string port, string said)
    {
        await using var sidecar = await SidecarUnderTest.StartReadyAsync("--dapr-graceful-shutdown-seconds", "20");
        var number = port switch { "http" => sidecar.Ports.Http, "public" => sidecar.Ports.Public, _ => sidecar.Ports.Metrics };
        using var fresh = await RawHttp.ConnectAsync(number);
        await fresh.SendAsync(said);
        using var used = await RawHttp.ConnectAsync(number);
        await used.SendAsync("GET /v1.0/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
        await used.ReadUntilAsync("\r\n\r\n");
        await used.SendAsync(said);

        sidecar.Signal(SidecarUnderTest.SigTerm);
        var ending = await sidecar.EndsAsync();

        Assert.True(ending.ExitCode == 0 && ending.FairlyWaited < Soon, $"{ending}");
        Assert.EndsWith("info Daprd shutdown gracefully\n", ending.Log, StringComparison.Ordinal);
    }
}
