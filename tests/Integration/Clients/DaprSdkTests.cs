using FastSidecar.Integration.Shared;
using Xunit;

namespace FastSidecar.Integration.Clients;

/// <summary>Dapr's official JavaScript SDK, over HTTP and over gRPC: as a client, and as the server that a sidecar calls.</summary>
public sealed class DaprSdkTests(SidecarPair pair) : PairTests<SidecarPair>(pair)
{
    [DaprSdkFact]
    public async Task Sdk_InvokesAndServes()
    {
        var port = FreePorts.Next();
        await using var sidecar = await SidecarProcess.StartAsync(
            new SidecarSettings { AppId = SidecarSettings.UniqueId("sdk"), AppPort = port, WaitsForReady = false });

        var result = await Tool.RunInAsync(
            DaprSdkFactAttribute.Folder,
            "node",
            Path.Combine(DaprSdkFactAttribute.Folder, "sdk.js"),
            $"{Pair.Caller.HttpPort}",
            Pair.Callee.AppId,
            $"{port}",
            $"{sidecar.HttpPort}",
            sidecar.AppId);

        Assert.True(result.ExitCode == 0 && result.Output.EndsWith("ok\n", StringComparison.Ordinal), result.ToString());
        sidecar.AssertHealthy();
    }

    [DaprSdkFact]
    public async Task SdkOverGrpc_InvokesAndServes()
    {
        var port = FreePorts.Next();
        await using var sidecar = await SidecarProcess.StartAsync(
            new SidecarSettings { AppId = SidecarSettings.UniqueId("sdk"), AppPort = port, Flags = ["--app-protocol", "grpc"], WaitsForReady = false });

        var result = await Tool.RunInAsync(
            DaprSdkFactAttribute.Folder,
            "node",
            Path.Combine(DaprSdkFactAttribute.Folder, "sdk_grpc.js"),
            $"{Pair.Caller.GrpcPort}",
            $"{Pair.Caller.HttpPort}",
            Pair.Callee.AppId,
            Pair.Caller.AppId,
            $"{port}",
            $"{sidecar.GrpcPort}",
            sidecar.AppId);

        Assert.True(result.ExitCode == 0 && result.Output.EndsWith("ok\n", StringComparison.Ordinal), result.ToString());
        sidecar.AssertHealthy();
    }
}
