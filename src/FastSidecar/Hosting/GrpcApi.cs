using FastSidecar.Api.Grpc;
using FastSidecar.Invocation;
using FastSidecar.Invocation.Proxy;
using FastSidecar.Observability.Logging;
using FastSidecar.Outbound;
using Microsoft.Extensions.Logging;

namespace FastSidecar.Hosting;

/// <summary>Puts the gRPC API together: every method that is served, by its path.</summary>
internal sealed class GrpcApi(
    GrpcApiOptions options,
    OutboundInvoker outbound,
    ProxiedCalls proxied,
    RuntimeMetadata metadata,
    Readiness readiness,
    Action<bool> requestShutdown)
{
    private const string Dapr = "/dapr.proto.runtime.v1.Dapr/";

    public GrpcService Create(InvocationObserver observer, TimeProvider time, ILogger log, ApiLog? apiLog)
    {
        var methods = new GrpcMethods(new InvokeServiceMethod(outbound, options, observer, log), Others());
        return new GrpcService(options, methods, proxied, time, log, apiLog);
    }

    private Dictionary<string, IGrpcMethod> Others()
    {
        var health = new ServingHealth(readiness);
        var reflection = new ReflectionMethod();
        var methods = new Dictionary<string, IGrpcMethod>(StringComparer.Ordinal)
        {
            [$"{Dapr}GetMetadata"] = new GetMetadataMethod(metadata),
            [$"{Dapr}SetMetadata"] = new SetMetadataMethod(metadata),
            [$"{Dapr}Shutdown"] = new ShutdownMethod(requestShutdown),
            ["/TaskHubSidecarService/Hello"] = new HelloMethod(),
            ["/grpc.health.v1.Health/Check"] = new HealthCheckMethod(health),
            ["/grpc.health.v1.Health/List"] = new HealthListMethod(health),
            ["/grpc.health.v1.Health/Watch"] = new HealthWatchMethod(health),
            ["/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"] = reflection,
            ["/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"] = reflection,
        };
        foreach (var (name, block) in BuildingBlockMethods.All)
        {
            methods.Add(Dapr + name, new BuildingBlockMethod(block, options));
        }

        return methods;
    }
}
