using FastSidecar.Inbound;
using FastSidecar.Transport.Http2;

namespace FastSidecar.Api.Peer;

/// <summary>The server end of the sidecar-to-sidecar wire: takes the streams that other sidecars open (dapr pkg/api/grpc/daprinternal.go v1.18.3).</summary>
internal sealed class PeerService(InboundInvoker inbound, int maxMessageBytes) : IHttp2StreamHandler
{
    /// <summary>Calls kept for reuse; more may be under way at once.</summary>
    private const int MostPooledCalls = 1024;

    private readonly Stack<PeerServerCall> _pool = new();

    public void OnStream(Http2Stream stream)
    {
        PeerServerCall? call;
        lock (_pool)
        {
            _pool.TryPop(out call);
        }

        call ??= new PeerServerCall(this, inbound, maxMessageBytes);
        Observe(call.RunAsync(stream));
    }

    internal void Return(PeerServerCall call)
    {
        lock (_pool)
        {
            if (_pool.Count < MostPooledCalls)
            {
                _pool.Push(call);
            }
        }
    }

    /// <summary>The call answers for its own failures; what escapes it is a bug of ours and ends the stream.</summary>
    private static async void Observe(ValueTask running) => await running;
}
