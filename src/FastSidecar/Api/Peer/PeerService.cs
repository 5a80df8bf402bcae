using FastSidecar.Inbound;
using FastSidecar.Invocation.Proxy;
using FastSidecar.Transport.Http2;
using Microsoft.Extensions.Logging;

namespace FastSidecar.Api.Peer;

/// <summary>
/// The server end of the sidecar-to-sidecar wire: takes the streams that other sidecars open (dapr pkg/api/grpc/daprinternal.go v1.18.3).
/// </summary>
/// <param name="inbound">The way to our app.</param>
/// <param name="proxied">Takes calls of methods that are none of Dapr's.</param>
/// <param name="options">Limits.</param>
/// <param name="time">The program's clock.</param>
/// <param name="log">Of the scope dapr.runtime.grpc.internal.</param>
internal sealed partial class PeerService(InboundInvoker inbound, ProxiedCalls proxied, PeerServiceOptions options, TimeProvider time, ILogger log)
    : IHttp2StreamHandler
{
    /// <summary>Calls kept for reuse; more may be under way at once.</summary>
    private const int MostPooledCalls = 1024;

    private readonly Lock _gate = new();
    private readonly Stack<PeerServerCall> _pool = new();

    public void OnStream(Http2Stream stream)
    {
        PeerServerCall? call;
        lock (_gate)
        {
            _pool.TryPop(out call);
        }

        call ??= new PeerServerCall(this, inbound, proxied, options, time);
        call.Run(stream);
    }

    /// <summary>A call has ended and nothing sees its object any longer.</summary>
    internal void Return(PeerServerCall call)
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

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Error, Message = "A call from another sidecar ended with an unexpected error and was aborted")]
        public static partial void Unexpected(ILogger logger, Exception exception);
    }
}

/// <summary>Limits of the internal port.</summary>
/// <param name="MaxMessageBytes">Of one message, both ways (--max-body-size).</param>
/// <param name="ChecksBaggage">Baggage is looked at and given back, as Dapr's tracing does it while it is on.</param>
internal sealed record PeerServiceOptions(int MaxMessageBytes, bool ChecksBaggage = true);
