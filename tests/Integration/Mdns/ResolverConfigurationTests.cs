using FastSidecar.Integration.Shared;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Integration.Mdns;

/// <summary>
/// Which resolver the published program uses, and what calls answer when it cannot be had (recorded in resolver-broken and
/// resolver-nameformat).
/// </summary>
public sealed class ResolverConfigurationTests
{
    [Theory]
    [InlineData("component: mdns\n    version: v7", "mdns/v7")]
    [InlineData("component: No-Such\n    version: v1", "no-such/v1")]
    public async Task ResolverThatDoesNotExist_CallsSaySo_TheOwnAppIncluded(string resolution, string name)
    {
        await using var app = await EchoApp.StartAsync();
        await using var sidecar = await StartAsync(resolution, app.Port);
        foreach (var target in new[] { sidecar.AppId, "other" })
        {
            var answer = await CallAsync(sidecar, target);
            Assert.Equal(500, answer.Status);
            Assert.Equal(Error(target, "name resolver not initialized"), answer.Text);
        }

        var line = $"[CREATE_COMPONENT_FAILURE]: initialization error occurred for nr ({name}): couldn't find name resolver {name}";
        Assert.Contains(line, sidecar.Log, StringComparison.Ordinal);
        Assert.DoesNotContain(app.Seen, static request => request.StartsWith("POST", StringComparison.Ordinal));
    }

    [Fact]
    public async Task NameFormat_NamesTheAddress_WithTheVariablesOfTheFile_WhateverTheNamespace()
    {
        await using var app = await EchoApp.StartAsync();
        await using var callee = await SidecarProcess.StartAsync(
            new SidecarSettings { AppId = SidecarSettings.UniqueId("callee"), AppPort = app.Port });
        var format = $"${{HOST_ADDRESS}}:{callee.InternalPort}#{{appid}}";
        await using var caller = await StartAsync($"component: NameFormat\n    configuration:\n      format: \"{format}\"");
        Assert.Equal(200, (await CallAsync(caller, callee.AppId)).Status);
        Assert.Equal(200, (await CallAsync(caller, callee.AppId + ".elsewhere")).Status);
        Assert.Contains("Initialized name resolution to nameformat", caller.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NameFormatWithoutAPort_CannotBeDialled()
    {
        await using var caller = await StartAsync("component: nameformat\n    configuration:\n      format: \"{appid}\"");
        var answer = await CallAsync(caller, "localhost");
        Assert.Equal(500, answer.Status);
        const string Retried = "err: failed to invoke target localhost after 3 retries. Error: rpc error: code = Unavailable desc = ";
        Assert.Contains(Retried, answer.Text, StringComparison.Ordinal);
        Assert.Contains("address localhost: missing port in address", answer.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NameFormatRefused_CallsFailAfterHalfASecond()
    {
        await using var caller = await StartAsync("component: nameformat\n    configuration:\n      format: \"nothing:1\"");
        var clock = new FairClock();
        var answer = await CallAsync(caller, "callee");
        Assert.True(clock.Elapsed > TimeSpan.FromMilliseconds(450) && clock.Fair < TimeSpan.FromMilliseconds(2500), $"{clock}");
        Assert.Equal(Error("callee", "resolver returned empty address for app id default/callee"), answer.Text);
        AssertInitFailed(caller, "nameformat/v1", "format must contain {appid} placeholder");
    }

    [Fact]
    public async Task ListeningOnLocalhostByName_CannotBeAnnounced_TheRestWorks()
    {
        await using var app = await EchoApp.StartAsync();
        await using var callee = await SidecarProcess.StartAsync(
            new SidecarSettings { AppId = SidecarSettings.UniqueId("callee"), AppPort = app.Port });
        await using var sidecar = await SidecarProcess.StartAsync(
            new SidecarSettings
            {
                AppId = SidecarSettings.UniqueId("byname"),
                Flags = ["--dapr-internal-grpc-listen-address", "localhost"],
            });
        AssertInitFailed(sidecar, "mdns/v1", "Failed to parse given IP: localhost");
        Assert.Equal(200, (await CallAsync(sidecar, callee.AppId)).Status);
        Assert.Contains($"couldn't find service: {sidecar.AppId}", (await CallAsync(callee, sidecar.AppId)).Text, StringComparison.Ordinal);
    }

    [NamespaceFact]
    public async Task MachineWithoutAnAddress_TheStartFails()
    {
        await using var hosts = await TwoHosts.CreateAsync(isConnected: false);
        await using var sidecar = hosts.StartOnA("sh", "-c", $"{SidecarBinary.Path} --app-id lost 2>&1; echo exit $?");
        var output = await sidecar.ReadToEndAsync();
        Assert.Contains("failed to determine host address: could not determine host IP address", output, StringComparison.Ordinal);
        Assert.EndsWith("exit 1\n", output, StringComparison.Ordinal);
    }

    private static Task<SidecarProcess> StartAsync(string resolution, int? appPort = null) => SidecarProcess.StartAsync(new SidecarSettings
    {
        AppId = SidecarSettings.UniqueId("resolver"),
        AppPort = appPort,
        Configuration = "apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata:\n  name: resolution\nspec:\n  nameResolution:\n"
            + $"    {resolution}\n",
    });

    private static string Error(string target, string cause) =>
        $$"""{"errorCode":"ERR_DIRECT_INVOKE","message":"failed to invoke, id: {{target}}, err: {{cause}}"}""";

    private static void AssertInitFailed(SidecarProcess sidecar, string name, string cause) =>
        Assert.Contains(
            $"[INIT_COMPONENT_FAILURE]: initialization error occurred for nr ({name}): {cause}", sidecar.Log, StringComparison.Ordinal);

    private static async Task<RawAnswer> CallAsync(SidecarProcess sidecar, string target)
    {
        using var client = await RawConnection.ConnectAsync(sidecar.HttpPort);
        await client.SendAsync($"POST /v1.0/invoke/{target}/method/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
        return (await client.AnswerAsync())!;
    }
}
