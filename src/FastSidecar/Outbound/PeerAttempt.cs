using FastSidecar.Invocation;
using FastSidecar.Resiliency;
using FastSidecar.Resolution;

namespace FastSidecar.Outbound;

/// <summary>Sends a request that failed once more, to an address of its target that it has not tried if there is one.</summary>
internal sealed class PeerAttempt(OutboundInvoker invoker, InvokeRequest request, Route route) : IAttempt
{
    private TriedAddresses _tried;

    public ValueTask<InvokeResult> RunAsync(int attempt, CancellationToken cancellationToken)
    {
        request.Body.Rewind();
        return invoker.SendAsync(request, route, _tried, cancellationToken);
    }

    /// <summary>
    /// Only a body of known length is sent again, and only while all that left of it was kept. The next attempt, of this request or
    /// another, goes elsewhere if there is an elsewhere.
    /// </summary>
    public bool CanRepeat(InvokeError failure)
    {
        if (failure.NotConnected)
        {
            invoker.Evict(route, request.PeerAddress);
        }

        _tried.Add(request.PeerAddress);
        return request.Body.Length is not null && request.Body.CanRepeat;
    }
}
