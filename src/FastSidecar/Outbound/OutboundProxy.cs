using System.Runtime.CompilerServices;
using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Invocation.Proxy;
using FastSidecar.Resolution;
using FastSidecar.Transport.Async;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Outbound;

/// <summary>
/// The way of a proxied gRPC call out of this sidecar: target, address, peer. No normal form of the method, and no built-in retry; only a call
/// of which nothing has left is sent once more, at once (dapr pkg/messaging/grpc_proxy.go, pkg/api/grpc/proxy/handler.go v1.18.3).
/// </summary>
/// <param name="invoker">Knows routes and addresses.</param>
/// <param name="appId">Our own app's id.</param>
/// <param name="ownApp">The way to our own app, which has its access decision too.</param>
internal sealed class OutboundProxy(OutboundInvoker invoker, string appId, ITarget ownApp) : IProxyRouter
{
    private readonly byte[] _appIdBytes = Encoding.UTF8.GetBytes(appId);

    /// <inheritdoc/>
    public ValueTask<InvokeResult> InvokeAsync(InvokeRequest request, CancellationToken cancellationToken)
    {
        if (!invoker.HasResolver)
        {
            return Failed(ErrorTable.ResolverMissing);
        }

        var route = invoker.RouteTo(request.Target);
        switch (route.Kind)
        {
            case RouteKind.Refused:
                return Failed(route.Error!);
            case RouteKind.External:
                return Failed(ErrorTable.NotResolved("external endpoints cannot be called by gRPC"));
            case RouteKind.Self:
                return InvokeOwnAsync(request, route, cancellationToken);
            default:
                // Ours in any namespace: Dapr compares the id alone.
                if (route.AppId == appId)
                {
                    return InvokeOwnAsync(request, route, cancellationToken);
                }

                (route.ProxyFields ??= ProxyFields(route)).CopyTo(request.Metadata);
                return invoker.SendAsync(request, route, default, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public ValueTask<InvokeResult> RepeatAsync(InvokeRequest request, InvokeError failure, CancellationToken cancellationToken)
    {
        // Whoever was asked has not looked at the call, and nothing of its messages has left.
        var mayTry = (failure.NotConnected || failure.NeverProcessed) && request.Body.CanRepeat && request.PeerAddress.Length > 0 &&
            !cancellationToken.IsCancellationRequested;
        return mayTry ? SendAgainAsync(request, cancellationToken) : Failed(failure);
    }

    private static ValueTask<InvokeResult> Failed(InvokeError error) => ValueTask.FromResult<InvokeResult>(error);

    /// <summary>Once, at another address if there is one.</summary>
    private async ValueTask<InvokeResult> SendAgainAsync(InvokeRequest request, CancellationToken cancellationToken)
    {
        var route = invoker.RouteTo(request.Target);
        var tried = default(TriedAddresses);
        tried.Add(request.PeerAddress);
        request.Body.Rewind();
        var result = await invoker.SendAsync(request, route, tried, cancellationToken);
        if (result.Error is { NotConnected: true })
        {
            invoker.Evict(route, request.PeerAddress);
        }

        return result;
    }

    /// <summary>Our own app needs no network, but Dapr asks the resolver all the same, and its failure fails the call.</summary>
    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder<>))]
    private async ValueTask<InvokeResult> InvokeOwnAsync(InvokeRequest request, Route route, CancellationToken cancellationToken)
    {
        var resolved = await invoker.ResolveAsync(route, cancellationToken);
        return resolved.Error is { } notFound ? ErrorTable.NotResolved(notFound) : await ownApp.InvokeAsync(request, cancellationToken);
    }

    private HeaderList ProxyFields(Route route)
    {
        var fields = new HeaderList();
        fields.Add(HeaderNames.CallerAppId, _appIdBytes);
        fields.Add(HeaderNames.CalleeAppId, Encoding.UTF8.GetBytes(route.AppId));
        return fields;
    }
}
