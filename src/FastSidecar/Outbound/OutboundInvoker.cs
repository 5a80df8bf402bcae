using System.Runtime.CompilerServices;
using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Resiliency;
using FastSidecar.Resolution;
using FastSidecar.Targets.Peers;
using FastSidecar.Transport.Async;

namespace FastSidecar.Outbound;

/// <summary>
/// The way of a request out of this sidecar. <see cref="InvokeAsync"/> is the table of contents: normal form of the method, target, policy,
/// attempts.
/// </summary>
internal sealed class OutboundInvoker
{
    /// <summary>Attempts kept for reuse; more may be under way at once.</summary>
    private const int MostPooledAttempts = 1024;

    private readonly TargetRouter _router;
    private readonly CachingResolver? _resolver;
    private readonly int _port;
    private readonly PeerTargets _peers;
    private readonly ITarget? _ownApp;
    private readonly AttemptRunner _attempts;
    private readonly CallerHeaders _callerHeaders;
    private readonly Stack<PeerAttempt> _pool = new();

    /// <param name="router">Decides where a request goes.</param>
    /// <param name="resolver">Null when no resolver could be made: then every call fails.</param>
    /// <param name="port">Our own internal port, which some resolvers take for everybody's.</param>
    /// <param name="peers">Other sidecars, by address.</param>
    /// <param name="ownApp">Our own app; null without one.</param>
    /// <param name="attempts">Repeats failed attempts.</param>
    /// <param name="callerHeaders">What a remote call says about its origin.</param>
    public OutboundInvoker(
        TargetRouter router,
        CachingResolver? resolver,
        int port,
        PeerTargets peers,
        ITarget? ownApp,
        AttemptRunner attempts,
        CallerHeaders callerHeaders)
    {
        _router = router;
        _resolver = resolver;
        _port = port;
        _peers = peers;
        _ownApp = ownApp;
        _attempts = attempts;
        _callerHeaders = callerHeaders;
    }

    /// <summary>The target is another app: the request will leave for its sidecar.</summary>
    public bool GoesToPeer(string target) => _router.Find(target).Kind == RouteKind.Peer;

    /// <summary>Invokes. The caller disposes the response; a failure is a value.</summary>
    public ValueTask<InvokeResult> InvokeAsync(InvokeRequest request, CancellationToken cancellationToken)
    {
        if (_resolver is null)
        {
            return Failed(ErrorTable.ResolverMissing);
        }

        var route = _router.Find(request.Target);
        if (route.Error is { } refused)
        {
            return Failed(refused);
        }

        if (NormalizedMethod.Apply(request) is { } invalid)
        {
            return Failed(invalid);
        }

        return route.Kind switch
        {
            RouteKind.Self => InvokeSelfAsync(request, route, cancellationToken),
            RouteKind.Peer => InvokePeerAsync(request, route, cancellationToken),
            _ => Failed(ErrorTable.NotResolved("external endpoints are not served by this version")),
        };
    }

    /// <summary>The attempt has ended.</summary>
    internal void Return(PeerAttempt attempt)
    {
        lock (_pool)
        {
            if (_pool.Count < MostPooledAttempts)
            {
                _pool.Push(attempt);
            }
        }
    }

    private static ValueTask<InvokeResult> Failed(InvokeError error) => ValueTask.FromResult<InvokeResult>(error);

    /// <summary>Our own app needs no network, but Dapr asks the resolver all the same, and its failure fails the call.</summary>
    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder<>))]
    private async ValueTask<InvokeResult> InvokeSelfAsync(InvokeRequest request, Route route, CancellationToken cancellationToken)
    {
        var resolved = await _resolver!.ResolveAsync(new ResolveRequest(route.AppId, route.Namespace, _port), default, cancellationToken);
        if (resolved.Error is { } notFound)
        {
            return ErrorTable.NotResolved(notFound);
        }

        return _ownApp is null ? ErrorTable.LocalAppChannelMissing : await _ownApp.InvokeAsync(request, cancellationToken);
    }

    private ValueTask<InvokeResult> InvokePeerAsync(InvokeRequest request, Route route, CancellationToken cancellationToken)
    {
        AddCallerHeaders(request, route.AppId);
        var attempt = Rent();
        attempt.Start(request, route);
        return _attempts.RunAsync(attempt, route.AppId, cancellationToken);
    }

    private void AddCallerHeaders(InvokeRequest request, string appId)
    {
        const int OnStack = 256;
        Span<byte> callee = appId.Length <= OnStack / 3 ? stackalloc byte[OnStack] : new byte[appId.Length * 3];
        _callerHeaders.AddTo(request.Metadata, callee[..Encoding.UTF8.GetBytes(appId, callee)]);
    }

    private PeerAttempt Rent()
    {
        lock (_pool)
        {
            if (_pool.TryPop(out var attempt))
            {
                return attempt;
            }
        }

        return new PeerAttempt(this, _resolver!, _port, _peers);
    }
}
