using System.Runtime.CompilerServices;
using FastSidecar.Invocation;
using FastSidecar.Resiliency;
using FastSidecar.Resolution;
using FastSidecar.Targets.Peers;
using FastSidecar.Transport.Async;

namespace FastSidecar.Outbound;

/// <summary>Tries a request at one address of the target after the other. Goes back to its owner at the end.</summary>
internal sealed class PeerAttempt(OutboundInvoker owner, CachingResolver resolver, int port, PeerTargets peers) : IAttempt
{
    private InvokeRequest _request = null!;
    private Route _route;
    private string _address = "";
    private TriedAddresses _tried;

    public void Start(InvokeRequest request, in Route route)
    {
        _request = request;
        _route = route;
    }

    public ValueTask<InvokeResult> RunAsync(int attempt, CancellationToken cancellationToken)
    {
        var resolving = resolver.ResolveAsync(new ResolveRequest(_route.AppId, _route.Namespace, port), _tried, cancellationToken);
        return resolving.IsCompletedSuccessfully
            ? SendAsync(resolving.Result, attempt, cancellationToken)
            : ResolveAndSendAsync(resolving, attempt, cancellationToken);
    }

    /// <summary>
    /// Only a body of known length is sent again, and only while all that left of it was kept. The next attempt, of this request or
    /// another, goes elsewhere if there is an elsewhere.
    /// </summary>
    public bool CanRepeat(InvokeError failure)
    {
        if (failure.NotConnected)
        {
            resolver.Evict(_route.AppId, _route.Namespace, _address);
        }

        _tried.Add(_address);
        return _request.Body.Length is not null && _request.Body.CanRepeat;
    }

    public void Finish()
    {
        _request = null!;
        _route = default;
        _address = "";
        _tried = default;
        owner.Return(this);
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder<>))]
    private async ValueTask<InvokeResult> ResolveAndSendAsync(
        ValueTask<ResolvedAddress> resolving, int attempt, CancellationToken cancellationToken) =>
        await SendAsync(await resolving, attempt, cancellationToken);

    private ValueTask<InvokeResult> SendAsync(in ResolvedAddress resolved, int attempt, CancellationToken cancellationToken)
    {
        if (resolved.Error is { } notFound)
        {
            return ValueTask.FromResult<InvokeResult>(ErrorTable.NotResolved(notFound));
        }

        if (attempt > 0)
        {
            _request.Body.Rewind();
        }

        _address = resolved.Address!;
        return peers.For(_address).InvokeAsync(_request, cancellationToken);
    }
}
