using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Outbound;
using FastSidecar.Protocol;

namespace FastSidecar.Api.Http;

/// <summary>Everything that follows from a request's verb and target alone, so that it can be remembered.</summary>
internal sealed class RequestTarget
{
    private RequestTarget(string verb, string raw)
    {
        Verb = verb;
        Raw = raw;
    }

    public string Verb { get; }

    /// <summary>The verb as it travels; POST for one that the wire has no number for.</summary>
    public HttpVerb WireVerb { get; private init; }

    public string Raw { get; }

    /// <summary>Go's server would have refused it.</summary>
    public bool IsMalformed { get; private init; }

    /// <summary>The path with its escapes decoded.</summary>
    public byte[] DecodedPath { get; private init; } = [];

    /// <summary>The query as it came, without the question mark.</summary>
    public byte[] Query { get; private init; } = [];

    public RouteMatch Match { get; private init; }

    /// <summary>Target and method of the path form, when that is what the path says.</summary>
    public InvokePath PathForm { get; private init; }

    /// <summary>The path form's target as text.</summary>
    public string PathTarget { get; private init; } = "";

    /// <summary>The way to the path form's target. Filled at its first use; whoever fills it, fills in the same.</summary>
    public Route? PathRoute { get; set; }

    /// <summary>The first decoded parameter of the route.</summary>
    public string Parameter { get; private init; } = "";

    /// <summary>Paths with "/healthz" anywhere in them are not traced (dapr pkg/diagnostics/http_tracing.go v1.18.3).</summary>
    public bool IsTraced { get; private init; }

    public static RequestTarget Parse(string verb, string raw, RouteTable routes)
    {
        var verbBytes = Encoding.Latin1.GetBytes(verb);
        if (!GoUrl.TryParseRequestTarget(verbBytes, Encoding.Latin1.GetBytes(raw), out var url))
        {
            return new RequestTarget(verb, raw) { IsMalformed = true };
        }

        var match = routes.Match(verbBytes, RouteTable.RoutingPath(url));
        var path = match.Endpoint == ApiEndpoint.Invoke ? InvokePath.FromPath(url.Path) : InvokePath.None;
        HttpVerbs.TryParse(verbBytes, out var wireVerb);
        return new RequestTarget(verb, raw)
        {
            WireVerb = wireVerb,
            DecodedPath = url.Path,
            Query = url.RawQuery,
            Match = match,
            PathForm = path,
            PathTarget = Encoding.UTF8.GetString(path.TargetId),
            Parameter = Encoding.UTF8.GetString(match.Parameter),
            IsTraced = !TraceHeaders.IsExempt(url.Path),
        };
    }

    public bool Is(string verb, string raw) => Raw == raw && Verb == verb;
}

/// <summary>
/// Targets that were parsed before. Direct-mapped and bounded; reads and writes race harmlessly, since an entry is compared in full, and what is
/// filled in later follows from it alone.
/// </summary>
internal sealed class RequestTargetCache(RouteTable routes)
{
    /// <summary>Entries; clients of a sidecar rarely use more distinct targets that repeat.</summary>
    private const int Slots = 1024;

    /// <summary>Longer targets are parsed each time: the table stays below 1 MiB, and below 3 MiB with the routes of its entries.</summary>
    private const int LongestKept = 512;

    private readonly RequestTarget?[] _entries = new RequestTarget?[Slots];

    public RequestTarget Get(HttpExchange exchange)
    {
        var (verb, raw) = (exchange.Method, exchange.RawTarget);
        if (exchange.LastTarget is { } last && last.Is(verb, raw))
        {
            return last;
        }

        var target = Find(verb, raw);
        exchange.LastTarget = raw.Length <= LongestKept ? target : null;
        return target;
    }

    private RequestTarget Find(string verb, string raw)
    {
        ref var slot = ref _entries[(raw.GetHashCode(StringComparison.Ordinal) ^ verb.Length) & (Slots - 1)];
        var entry = Volatile.Read(ref slot);
        if (entry is not null && entry.Is(verb, raw))
        {
            return entry;
        }

        entry = RequestTarget.Parse(verb, raw, routes);
        if (raw.Length <= LongestKept)
        {
            Volatile.Write(ref slot, entry);
        }

        return entry;
    }
}
