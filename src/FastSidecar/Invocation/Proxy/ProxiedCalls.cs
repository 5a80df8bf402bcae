using FastSidecar.Invocation.Grpc;
using FastSidecar.Transport.Grpc;
using FastSidecar.Transport.Http2;
using Microsoft.Extensions.Logging;

namespace FastSidecar.Invocation.Proxy;

/// <summary>
/// The server end of gRPC proxying, on both gRPC ports: takes a call of a method that this program does not serve itself, and passes its
/// messages on as they are (dapr pkg/messaging/grpc_proxy.go, pkg/api/grpc/proxy/handler.go v1.18.3).
/// </summary>
/// <param name="target">Decides where a call goes, and brings it there.</param>
/// <param name="options">What the port is like.</param>
/// <param name="time">The program's clock.</param>
/// <param name="log">Hears of bugs.</param>
internal sealed partial class ProxiedCalls(IProxyRouter target, ProxyOptions options, TimeProvider time, ILogger log)
{
    /// <summary>Calls kept for reuse; more may be under way at once.</summary>
    private const int MostPooledCalls = 1024;

    private readonly Lock _gate = new();
    private readonly Stack<ProxiedCall> _pool = new();

    public IProxyRouter Target => target;

    public ProxyOptions Options => options;

    public TimeProvider Time => time;

    /// <summary>Calls that wait for reuse.</summary>
    internal int Pooled
    {
        get
        {
            lock (_gate)
            {
                return _pool.Count;
            }
        }
    }

    /// <summary>
    /// Takes the stream over to its end and disposes it; returns at the first wait. Its head was looked at (<see cref="GrpcCallHead"/>) and
    /// has no refusal.
    /// </summary>
    public void Run(Http2Stream stream)
    {
        if (!stream.Headers.Contains(HeaderNames.CalleeAppId) && !stream.Headers.Contains(HeaderNames.DaprAppId))
        {
            RefuseWithoutTarget(stream);
            return;
        }

        ProxiedCall? call;
        lock (_gate)
        {
            _pool.TryPop(out call);
        }

        (call ?? new ProxiedCall(this)).Run(stream);
    }

    /// <summary>A call has ended and nothing sees its object any longer.</summary>
    internal void Return(ProxiedCall call)
    {
        lock (_gate)
        {
            if (_pool.Count < MostPooledCalls)
            {
                _pool.Push(call);
            }
        }
    }

    /// <summary>A call ended with an exception that is a bug of ours. Its object is not used again.</summary>
    internal void Drop(Exception exception) => Log.Unexpected(log, exception);

    /// <summary>Dapr's interceptors refuse before its handler does, but not where its own services are called.</summary>
    private static void RefuseWithoutTarget(Http2Stream stream)
    {
        var answers = new GrpcAnswers();
        answers.Start(stream);
        stream.Headers.TryGet(":path"u8, out var path);
        if (path.StartsWith("/dapr.proto.internals."u8) || path.StartsWith("/dapr.proto.runtime."u8) || path.StartsWith("/TaskHubSidecarService"u8))
        {
            answers.Fail(GrpcStatusCode.Unknown, "failed to proxy request: required metadata dapr-callee-app-id or dapr-app-id not found");
        }
        else
        {
            answers.Refuse(GrpcStatusCode.Unknown, "cannot proxy request: missing dapr-callee-app-id or dapr-app-id metadata");
        }

        stream.Dispose();
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Error, Message = "A proxied gRPC call ended with an unexpected error and was aborted")]
        public static partial void Unexpected(ILogger logger, Exception exception);
    }
}
