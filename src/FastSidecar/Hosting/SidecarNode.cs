using FastSidecar.Configuration;

namespace FastSidecar.Hosting;

/// <summary>Where this sidecar can be reached by others.</summary>
/// <param name="HostAddress">The address others are told; null when this machine has none.</param>
/// <param name="InternalPort">The port other sidecars connect to.</param>
internal sealed record SidecarNode(string? HostAddress, int InternalPort)
{
    public static SidecarNode Of(SidecarOptions options, EnvironmentVariables environment)
    {
        var port = options.InternalGrpcPort is { } chosen and not 0 ? chosen : Resolution.InternalPort.Choose(options.AppId, environment["PWD"]);
        return new SidecarNode(AddressOf(options, environment), port);
    }

    private static string? AddressOf(SidecarOptions options, EnvironmentVariables environment)
    {
        // Exactly these listen addresses are also what others are told (dapr pkg/runtime/runtime.go v1.18.3).
        if (options.InternalGrpcListenAddress is "127.0.0.1" or "localhost" or "[::1]")
        {
            return options.InternalGrpcListenAddress;
        }

        return Resolution.HostAddress.TryFind(environment.HostIp, out var address) ? address : null;
    }
}
