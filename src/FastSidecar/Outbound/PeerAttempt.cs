using System.Runtime.CompilerServices;
using FastSidecar.Invocation;
using FastSidecar.Resiliency;
using FastSidecar.Resolution;
using FastSidecar.Targets.Peers;
using FastSidecar.Transport.Async;

namespace FastSidecar.Outbound;

/// <summary>Tries a request at one address of the target after the other. Reused.</summary>
internal sealed class PeerAttempt(CachingResolver resolver, int port, PeerTargets peers) : IAttempt
{
    private InvokeRequest _request = null!;
    private Route _route;
    private TriedAddresses _tried;

    /// <summary>Only a body of known length is sent again, and only while all that left of it was kept.</summary>
    public bool CanRepeat => _request.Body.Length is not null && _request.Body.CanRepeat;

    public void Start(InvokeRequest request, in Route route)
    {
        _request = request;
        _route = route;
        _tried = default;
    }

    public void Finish() => _request = null!;

    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder<>))]
    public async ValueTask<InvokeResult> RunAsync(int attempt, CancellationToken cancellationToken)
    {
        var resolved = await resolver.ResolveAsync(new ResolveRequest(_route.AppId, _route.Namespace, port), _tried, cancellationToken);
        if (resolved.Error is { } notFound)
        {
            return ErrorTable.NotResolved(notFound);
        }

        if (attempt > 0)
        {
            _request.Body.Rewind();
        }

        var result = await peers.For(resolved.Address!).InvokeAsync(_request, cancellationToken);
        if (result.Failed && result.Error.MaySendAgain)
        {
            // The next attempt, of this request or another, goes elsewhere if there is an elsewhere.
            if (result.Error.NotConnected)
            {
                resolver.Evict(_route.AppId, _route.Namespace, resolved.Address!);
            }

            _tried.Add(resolved.Address!);
        }

        return result;
    }
}
