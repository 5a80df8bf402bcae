using FastSidecar.Integration.Shared;
using Xunit;

namespace FastSidecar.Integration.Grpc;

/// <summary>What the gRPC port serves itself, asked by a client that knows only the standard services: health, reflection, and with its help the Dapr API.</summary>
public sealed class SidecarServicesTests(SidecarPair pair) : PairTests<SidecarPair>(pair)
{
    [GrpcFact]
    public async Task HealthAndReflection_LeadAClientToTheDaprApi()
    {
        var result = await GrpcPrograms.RunAsync("explore.js", $"127.0.0.1:{Pair.Caller.GrpcPort}", Pair.Caller.AppId);

        Assert.True(result is { ExitCode: 0, Output: "ok\n" }, result.ToString());
    }
}
