using FastSidecar.Api.Grpc;
using FastSidecar.Invocation;
using FastSidecar.Invocation.Proxy;
using FastSidecar.Outbound;
using Microsoft.Extensions.Logging;

namespace FastSidecar.Hosting;

/// <summary>Puts the gRPC API together.</summary>
internal static class GrpcApi
{
    public static GrpcService Create(
        GrpcApiOptions options,
        OutboundInvoker outbound,
        ProxiedCalls proxied,
        InvocationObserver observer,
        TimeProvider time,
        ILogger log)
    {
        var methods = new GrpcMethods(new InvokeServiceMethod(outbound, options, observer, log), []);
        return new GrpcService(options, methods, proxied, time, log);
    }
}
