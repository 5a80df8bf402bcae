using FastSidecar.AccessControl;
using FastSidecar.Invocation;
using FastSidecar.Invocation.Proxy;
using FastSidecar.Protocol;
using FastSidecar.Transport.Grpc;

namespace FastSidecar.Inbound;

/// <summary>
/// The way of a proxied gRPC call to our own app: for our app, access decision, app (dapr pkg/messaging/grpc_proxy.go v1.18.3). Calls of the
/// own app that come in on the public port take it too.
/// </summary>
/// <param name="appId">Our app's id.</param>
/// <param name="app">Our app as proxied calls see it; there even without one, to say so.</param>
/// <param name="access">Who may call what.</param>
internal sealed class InboundProxy(string appId, ITarget app, AccessPolicy access) : IProxyRouter
{
    /// <inheritdoc/>
    public ValueTask<InvokeResult> InvokeAsync(InvokeRequest request, CancellationToken cancellationToken)
    {
        // daprd's internal port relays calls for other apps, so that whoever reaches it calls them under this sidecar's identity, past the
        // rules that name the real caller. No sidecar ever sends such a call. The namespace does not count, as everywhere in proxying.
        if (!IsOwn(request.Target))
        {
            return ValueTask.FromResult<InvokeResult>(NotRelayed(request.Target));
        }

        // The path as it is sent on, not a cleaned copy of it: what is decided about is what is dispatched. Upper and lower case differ.
        return access.Denial(request.Caller, request.Method.Span, HttpVerb.None) is { } denied
            ? ValueTask.FromResult<InvokeResult>(denied)
            : app.InvokeAsync(request, cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<InvokeResult> RepeatAsync(InvokeRequest request, InvokeError failure, CancellationToken cancellationToken) =>
        ValueTask.FromResult<InvokeResult>(failure);

    private bool IsOwn(string target) =>
        target.StartsWith(appId, StringComparison.Ordinal) && (target.Length == appId.Length || target.IndexOf('.', StringComparison.Ordinal) == appId.Length);

    private InvokeError NotRelayed(string target)
    {
        var id = AppId.Parse(target, "");
        return id.Kind == AppIdKind.Invalid
            ? ErrorTable.NotResolved(id.Error!)
            : new InvokeError(ErrorSide.Self, GrpcStatusCode.PermissionDenied, $"this is the sidecar of app {appId}: calls of app {target} are not relayed");
    }
}
