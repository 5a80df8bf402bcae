using FastSidecar.Invocation;
using FastSidecar.Targets.Peers;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Outbound;

/// <summary>Where a request goes.</summary>
internal enum RouteKind
{
    /// <summary>Our own app: no other sidecar is involved.</summary>
    Self,

    /// <summary>Another app, through its sidecar.</summary>
    Peer,

    /// <summary>A URL or a named endpoint outside the mesh.</summary>
    External,

    /// <summary>The target's name is not one.</summary>
    Refused,
}

/// <summary>The decision, and what the way there needs. It follows from the target's name alone, and may be remembered.</summary>
/// <param name="Kind">Which way.</param>
/// <param name="AppId">The app's name without namespace, or the base URL.</param>
/// <param name="Namespace">The app's namespace.</param>
/// <param name="Error">Why the name is refused.</param>
/// <param name="CallerFields">What a call of a peer says about its origin, and for whom it is (<see cref="CallerHeaders"/>); only read.</param>
internal sealed record Route(RouteKind Kind, string AppId, string Namespace, InvokeError? Error = null, HeaderList? CallerFields = null)
{
    /// <summary>Where the last attempt went, which for an app with one sidecar is where the next one goes; any thread may replace it.</summary>
    public PeerTarget? LastPeer { get; set; }

    /// <summary>What a proxied call of a peer says about its origin; made with the first one, then only read.</summary>
    public HeaderList? ProxyFields { get; set; }
}

/// <summary>Decides by the target's name alone (dapr pkg/messaging/direct_messaging.go v1.18.3).</summary>
internal sealed class TargetRouter(string ownAppId, string ownNamespace)
{
    public Route Find(string target)
    {
        var id = AppId.Parse(target, ownNamespace);
        return id.Kind switch
        {
            AppIdKind.Url => new Route(RouteKind.External, target, ownNamespace),
            AppIdKind.Invalid => new Route(RouteKind.Refused, "", "", ErrorTable.NotResolved(id.Error!)),
            _ when id.Name == ownAppId && id.Namespace == ownNamespace => new Route(RouteKind.Self, id.Name, ownNamespace),
            _ => new Route(RouteKind.Peer, id.Name, id.Namespace ?? ownNamespace),
        };
    }
}
