using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Resiliency;
using FastSidecar.Resolution;
using FastSidecar.Targets.Peers;
using FastSidecar.Transport.Async;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Outbound;

/// <summary>
/// The way of a request out of this sidecar. <see cref="InvokeAsync"/> is the table of contents: normal form of the method, target, policy,
/// attempts.
/// </summary>
internal sealed class OutboundInvoker
{
    /// <summary>
    /// Targets remembered, at 1.5 KiB each. Clients that name more than so many apps have the table emptied, and each route made anew.
    /// </summary>
    private const int MostRoutes = 1024;

    private const int LongestRemembered = 256;

    private readonly TargetRouter _router;
    private readonly CachingResolver? _resolver;
    private readonly int _port;
    private readonly PeerTargets _peers;
    private readonly ITarget? _ownApp;
    private readonly AttemptRunner _attempts;
    private readonly CallerHeaders _callerHeaders;
    private readonly ConcurrentDictionary<string, Route> _routes = new();

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

    /// <summary>Where requests to <paramref name="target"/> go; the same object as long as it is remembered.</summary>
    public Route RouteTo(string target)
    {
        if (_routes.TryGetValue(target, out var route))
        {
            return route;
        }

        route = _router.Find(target);
        if (route.Kind == RouteKind.Peer)
        {
            route = route with { CallerFields = CallerFields(route.AppId) };
        }

        if (target.Length > LongestRemembered)
        {
            return route;
        }

        if (_routes.Count >= MostRoutes)
        {
            _routes.Clear();
        }

        return _routes.GetOrAdd(target, route);
    }

    /// <summary>
    /// Invokes. The caller disposes the response; a failure is a value, and goes to <see cref="RepeatAsync"/> before anybody sees it.
    /// </summary>
    public ValueTask<InvokeResult> InvokeAsync(InvokeRequest request, Route route, CancellationToken cancellationToken)
    {
        if (_resolver is null)
        {
            return Failed(ErrorTable.ResolverMissing);
        }

        if (route.Error is { } refused)
        {
            return Failed(refused);
        }

        if (NormalizedMethod.Apply(request) is { } invalid)
        {
            return Failed(invalid);
        }

        switch (route.Kind)
        {
            case RouteKind.Self:
                return InvokeSelfAsync(request, route, cancellationToken);
            case RouteKind.Peer:
                route.CallerFields!.CopyTo(request.Metadata);
                return SendAsync(request, route, default, cancellationToken);
            default:
                return Failed(ErrorTable.NotResolved("external endpoints are not served by this version"));
        }
    }

    /// <summary>
    /// What becomes of an invocation that failed: more attempts, as far as policy and request allow. Not a part of <see cref="InvokeAsync"/>,
    /// because it would be one more suspended call for each request that does not fail.
    /// </summary>
    public ValueTask<InvokeResult> RepeatAsync(InvokeRequest request, Route route, InvokeError failure, CancellationToken cancellationToken) =>
        route.Kind == RouteKind.Peer && failure.MaySendAgain
            ? _attempts.RepeatAsync(new PeerAttempt(this, request, route), route.AppId, failure, cancellationToken)
            : Failed(failure);

    /// <summary>One attempt: at the next address of the target, one not in <paramref name="tried"/> if there is any.</summary>
    internal ValueTask<InvokeResult> SendAsync(InvokeRequest request, Route route, in TriedAddresses tried, CancellationToken cancellationToken)
    {
        var resolving = _resolver!.ResolveAsync(new ResolveRequest(route.AppId, route.Namespace, _port), tried, cancellationToken);
        return resolving.IsCompletedSuccessfully
            ? SendToAsync(request, route, resolving.Result, cancellationToken)
            : ResolveAndSendAsync(request, route, resolving, cancellationToken);
    }

    internal bool HasResolver => _resolver is not null;

    /// <summary>Asks where the target is; only when there is a resolver.</summary>
    internal ValueTask<ResolvedAddress> ResolveAsync(Route route, CancellationToken cancellationToken) =>
        _resolver!.ResolveAsync(new ResolveRequest(route.AppId, route.Namespace, _port), default, cancellationToken);

    /// <summary>No connection to that address could be opened.</summary>
    internal void Evict(Route route, string address) => _resolver!.Evict(route.AppId, route.Namespace, address);

    private static ValueTask<InvokeResult> Failed(InvokeError error) => ValueTask.FromResult<InvokeResult>(error);

    /// <summary>Our own app needs no network, but Dapr asks the resolver all the same, and its failure fails the call.</summary>
    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder<>))]
    private async ValueTask<InvokeResult> InvokeSelfAsync(InvokeRequest request, Route route, CancellationToken cancellationToken)
    {
        var resolved = await ResolveAsync(route, cancellationToken);
        if (resolved.Error is { } notFound)
        {
            return ErrorTable.NotResolved(notFound);
        }

        return _ownApp is null ? ErrorTable.LocalAppChannelMissing : await _ownApp.InvokeAsync(request, cancellationToken);
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder<>))]
    private async ValueTask<InvokeResult> ResolveAndSendAsync(
        InvokeRequest request, Route route, ValueTask<ResolvedAddress> resolving, CancellationToken cancellationToken) =>
        await SendToAsync(request, route, await resolving, cancellationToken);

    private ValueTask<InvokeResult> SendToAsync(InvokeRequest request, Route route, in ResolvedAddress resolved, CancellationToken cancellationToken)
    {
        if (resolved.Error is { } notFound)
        {
            return Failed(ErrorTable.NotResolved(notFound));
        }

        var address = resolved.Address!;
        var peer = route.LastPeer is { } last && last.Address == address ? last : route.LastPeer = _peers.For(address);
        request.PeerAddress = address;
        return peer.InvokeAsync(request, cancellationToken);
    }

    private HeaderList CallerFields(string appId)
    {
        var fields = new HeaderList();
        _callerHeaders.AddTo(fields, Encoding.UTF8.GetBytes(appId));
        return fields;
    }
}
