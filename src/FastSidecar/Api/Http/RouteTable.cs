using FastSidecar.Invocation;

namespace FastSidecar.Api.Http;

/// <summary>
/// Which route of the HTTP API a request takes. Routing looks at the <b>escaped</b> path, cleaned: doubles, literal dot segments and a
/// trailing slash are gone, escapes are not decoded (<c>/v1.0/%68ealthz</c> is no health route). The request's own path stays as it came
/// (Dapr <c>pkg/api/http/middlewares.go</c>, <c>server.go</c>; go-chi/chi <c>mux.go</c>).
/// </summary>
internal sealed class RouteTable
{
    private static readonly string[] KnownVerbs = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "CONNECT", "TRACE"];

    private readonly ApiRoute[] _routes;
    private readonly bool _invokeIsFallback;

    /// <param name="routes">
    /// More literal patterns first, as the router prefers them. Routes that the API allow and deny lists refuse are left out.
    /// </param>
    /// <param name="invokeIsFallback">
    /// Unmatched paths and verbs are invocations; false on the public port, and where the invoke API is denied.
    /// </param>
    public RouteTable(IEnumerable<ApiRoute> routes, bool invokeIsFallback)
    {
        _routes = [.. routes];
        _invokeIsFallback = invokeIsFallback;
    }

    /// <summary>Every route of the API port. Invocation has none of its own: it is the fallback.</summary>
    public static ApiRoute[] ApiPort =>
    [
        .. PublicPort,
        new("Shutdown", "shutdown", ApiEndpoint.Shutdown, ["POST"], "v1.0", "shutdown"),
        .. BuildingBlockRoutes.All,
    ];

    public static ApiRoute[] PublicPort =>
    [
        new("Healthz", "healthz", ApiEndpoint.Healthz, ["GET"], "v1.0", "healthz"),
        new("HealthzOutbound", "healthz", ApiEndpoint.HealthzOutbound, ["GET"], "v1.0", "healthz/outbound"),
        new("GetMetadata", "metadata", ApiEndpoint.GetMetadata, ["GET"], "v1.0", "metadata"),
        new("PutMetadata", "metadata", ApiEndpoint.PutMetadata, ["PUT"], "v1.0", "metadata/{key}"),
    ];

    /// <summary>The path routes are matched with.</summary>
    public static byte[] RoutingPath(GoUrl target)
    {
        var escaped = target.EscapedPath();
        var cleaned = new byte[escaped.Length + 1];
        return cleaned.AsSpan(0, GoPath.Clean(escaped, cleaned)).ToArray();
    }

    /// <summary>Chooses the route.</summary>
    /// <param name="verb">As sent; <c>get</c> is not <c>GET</c> here.</param>
    /// <param name="routingPath">From <see cref="RoutingPath"/>.</param>
    public RouteMatch Match(ReadOnlySpan<byte> verb, ReadOnlySpan<byte> routingPath)
    {
        var allowed = new List<string>();
        foreach (var route in _routes)
        {
            if (!route.Matches(routingPath, out var parameter))
            {
                continue;
            }

            if (route.Accepts(verb))
            {
                return new RouteMatch(route.Endpoint, route, Unescape(parameter), []);
            }

            allowed.AddRange(route.Verbs);
        }

        if (_invokeIsFallback)
        {
            return new RouteMatch(ApiEndpoint.Invoke, null, [], []);
        }

        // The router gives up on a verb it does not know before it looks at the path, and names no verbs then.
        if (!IsKnown(verb))
        {
            return new RouteMatch(ApiEndpoint.MethodNotAllowed, null, [], []);
        }

        return allowed.Count > 0
            ? new RouteMatch(ApiEndpoint.MethodNotAllowed, null, [], allowed)
            : new RouteMatch(ApiEndpoint.NotFound, null, [], []);
    }

    /// <summary>
    /// Whether the API token is not asked for: a health route, reached by its own path but for outer slashes. Dapr looks at the decoded
    /// path alone here, so that <c>/v1.0%2Fhealthz</c> passes without a token and is then routed as an invocation; judged on the route as
    /// well, it does not.
    /// </summary>
    public static bool IsTokenExempt(ReadOnlySpan<byte> decodedPath, ApiEndpoint endpoint) => endpoint switch
    {
        ApiEndpoint.Healthz => decodedPath.Trim((byte)'/').SequenceEqual("v1.0/healthz"u8),
        ApiEndpoint.HealthzOutbound => decodedPath.Trim((byte)'/').SequenceEqual("v1.0/healthz/outbound"u8),
        _ => false,
    };

    private static bool IsKnown(ReadOnlySpan<byte> verb)
    {
        foreach (var known in KnownVerbs)
        {
            if (System.Text.Ascii.Equals(verb, known))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A parameter is read as a query component: <c>+</c> is a space. Its escapes are sound, Go has written them.</summary>
    private static byte[] Unescape(ReadOnlySpan<byte> parameter)
    {
        var decoded = new byte[parameter.Length];
        return GoEscape.TryUnescape(parameter, UrlPart.QueryComponent, decoded, out var length, out _)
            ? decoded.AsSpan(0, length).ToArray()
            : parameter.ToArray();
    }
}

/// <summary>The outcome of routing.</summary>
/// <param name="Endpoint">What serves the request.</param>
/// <param name="Route">The route that matched; null for invocation and where none did.</param>
/// <param name="Parameter">
/// The first <c>{name}</c> of the pattern, decoded (the metadata key, the store's name); empty when there is none.
/// </param>
/// <param name="AllowedVerbs">One <c>Allow</c> line each, for <see cref="ApiEndpoint.MethodNotAllowed"/>.</param>
internal readonly record struct RouteMatch(ApiEndpoint Endpoint, ApiRoute? Route, byte[] Parameter, IReadOnlyList<string> AllowedVerbs);
