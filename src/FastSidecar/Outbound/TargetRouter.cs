using FastSidecar.Invocation;

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

/// <summary>The decision, and what the way there needs.</summary>
internal readonly record struct Route(RouteKind Kind, string AppId, string Namespace, InvokeError? Error);

/// <summary>Decides by the target's name alone (dapr pkg/messaging/direct_messaging.go v1.18.3).</summary>
internal sealed class TargetRouter(string ownAppId, string ownNamespace)
{
    public Route Find(string target)
    {
        var id = AppId.Parse(target, ownNamespace);
        return id.Kind switch
        {
            AppIdKind.Url => new Route(RouteKind.External, target, ownNamespace, null),
            AppIdKind.Invalid => new Route(RouteKind.Refused, "", "", ErrorTable.NotResolved(id.Error!)),
            _ when id.Name == ownAppId && id.Namespace == ownNamespace => new Route(RouteKind.Self, id.Name, ownNamespace, null),
            _ => new Route(RouteKind.Peer, id.Name, id.Namespace ?? ownNamespace, null),
        };
    }
}
