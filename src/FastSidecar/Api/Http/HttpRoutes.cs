using System.Text;

namespace FastSidecar.Api.Http;

/// <summary>Sends a request to what serves it.</summary>
/// <param name="invoke">Null on the public port.</param>
/// <param name="health">Both health routes.</param>
/// <param name="metadata">The metadata routes.</param>
/// <param name="shutdown">Null on the public port.</param>
/// <param name="blocks">Other building blocks; null on the public port.</param>
internal sealed class HttpRoutes(InvokeRoute? invoke, HealthRoute health, MetadataRoute metadata, ShutdownRoute? shutdown, BuildingBlockRoute? blocks)
{
    public ValueTask HandleAsync(HttpExchange exchange, RequestTarget target) => target.Match.Endpoint switch
    {
        ApiEndpoint.Invoke => invoke!.HandleAsync(exchange, target),
        ApiEndpoint.Healthz => health.HandleAsync(exchange, QueryValue(target.Query, "appid"u8)),
        ApiEndpoint.HealthzOutbound => health.HandleOutboundAsync(exchange),
        ApiEndpoint.GetMetadata => metadata.GetAsync(exchange),
        ApiEndpoint.PutMetadata => metadata.PutAsync(exchange, target.Parameter),
        ApiEndpoint.Shutdown => shutdown!.HandleAsync(exchange),
        ApiEndpoint.BuildingBlock => blocks!.HandleAsync(exchange, target.Match),
        ApiEndpoint.MethodNotAllowed => WriteMethodNotAllowedAsync(exchange, target.Match),
        _ => HttpErrorWriter.WriteTextAsync(exchange, 404, "404 page not found"),
    };

    private static ValueTask WriteMethodNotAllowedAsync(HttpExchange exchange, RouteMatch match)
    {
        foreach (var verb in match.AllowedVerbs)
        {
            exchange.ResponseHeaders.Add("Allow"u8, Encoding.ASCII.GetBytes(verb));
        }

        return HttpErrorWriter.WriteEmptyAsync(exchange, 405);
    }

    /// <summary>The first value of a query parameter, decoded; null when there is none.</summary>
    private static string? QueryValue(ReadOnlySpan<byte> query, ReadOnlySpan<byte> name)
    {
        foreach (var range in query.Split((byte)'&'))
        {
            var pair = query[range];
            var equals = pair.IndexOf((byte)'=');
            var key = equals < 0 ? pair : pair[..equals];
            if (key.SequenceEqual(name))
            {
                return equals < 0 ? "" : Uri.UnescapeDataString(Encoding.UTF8.GetString(pair[(equals + 1)..]).Replace('+', ' '));
            }
        }

        return null;
    }
}
