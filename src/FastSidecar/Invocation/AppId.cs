namespace FastSidecar.Invocation;

/// <summary>
/// How the target id of an invocation is to be understood (Dapr <c>pkg/messaging/direct_messaging.go</c> requestAppIDAndNamespace).
/// </summary>
internal enum AppIdKind
{
    /// <summary>An app, by name and namespace. May still turn out to be the name of an HTTPEndpoint resource.</summary>
    App,

    /// <summary>The id is the base URL of an external server.</summary>
    Url,

    /// <summary>Empty, or two dots and more: nobody can be called by it.</summary>
    Invalid,
}

/// <summary>A target id, taken apart.</summary>
/// <param name="Kind">What it names.</param>
/// <param name="Name">The app's name without namespace, or the base URL.</param>
/// <param name="Namespace">The app's namespace; may be empty (<c>b.</c>), null unless <see cref="AppIdKind.App"/>.</param>
/// <param name="Error">Dapr's text when invalid.</param>
internal readonly record struct AppId(AppIdKind Kind, string Name, string? Namespace, string? Error)
{
    /// <summary>Takes a target id apart; ids without a dot are in the sidecar's own namespace.</summary>
    public static AppId Parse(string id, string ownNamespace)
    {
        if (id.Length == 0)
        {
            return new AppId(AppIdKind.Invalid, id, null, "app id is empty");
        }

        // Only lower case is a URL: Dapr compares the prefix as it stands.
        if (id.StartsWith("http://", StringComparison.Ordinal) || id.StartsWith("https://", StringComparison.Ordinal))
        {
            return new AppId(AppIdKind.Url, id, null, null);
        }

        var dot = id.IndexOf('.', StringComparison.Ordinal);
        if (dot < 0)
        {
            return new AppId(AppIdKind.App, id, ownNamespace, null);
        }

        return id.IndexOf('.', dot + 1) < 0
            ? new AppId(AppIdKind.App, id[..dot], id[(dot + 1)..], null)
            : new AppId(AppIdKind.Invalid, id, null, $"invalid app id {id}");
    }
}
