using FastSidecar.Invocation;
using FastSidecar.Outbound;
using Microsoft.Extensions.Logging;

namespace FastSidecar.Api.Grpc;

/// <summary>
/// <c>Dapr/InvokeService</c>: what all its calls share (dapr pkg/api/grpc/grpc.go v1.18.3). <see cref="InvokeServiceCall"/> does the work.
/// </summary>
internal sealed partial class InvokeServiceMethod(OutboundInvoker outbound, GrpcApiOptions options, InvocationObserver observer, ILogger log)
    : IGrpcMethod
{
    private bool _saidDeprecated;
    private bool _saidHttpDeprecated;

    public OutboundInvoker Outbound => outbound;

    public InvocationObserver Observer => observer;

    public int MaxMessageBytes => options.MaxMessageBytes;

    /// <summary>The API token was checked at the edge and goes no further.</summary>
    public bool ApiTokenChecked => options.ApiToken.Length > 0;

    public ValueTask RunAsync(GrpcCall call)
    {
        if (!Volatile.Read(ref _saidDeprecated) && !Interlocked.Exchange(ref _saidDeprecated, true))
        {
            Log.Deprecated(log);
        }

        return call.Invoke.RunAsync(this);
    }

    /// <summary>The first answer of an HTTP app has a notice of its own.</summary>
    public void NoticeHttpApp()
    {
        if (!Volatile.Read(ref _saidHttpDeprecated) && !Interlocked.Exchange(ref _saidHttpDeprecated, true))
        {
            Log.HttpDeprecated(log);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "[DEPRECATION NOTICE] InvokeService is deprecated and will be removed in the future, please use proxy mode instead.")]
        public static partial void Deprecated(ILogger logger);

        [LoggerMessage(Level = LogLevel.Warning, Message = "[DEPRECATION NOTICE] Invocation path of gRPC -> HTTP is deprecated and will be removed in the future.")]
        public static partial void HttpDeprecated(ILogger logger);
    }
}
