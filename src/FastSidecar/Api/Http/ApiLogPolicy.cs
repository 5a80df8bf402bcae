using System.Text;
using FastSidecar.Observability.Logging;

namespace FastSidecar.Api.Http;

/// <summary>
/// Which API calls are logged, and under which name (Configuration logging.apiLogging; dapr pkg/api/http/server.go v1.18.3).
/// </summary>
internal sealed class ApiLogPolicy(ApiLog log, bool obfuscateUrls, bool omitHealthChecks) : IApiLog
{
    public void Write(HttpExchange exchange, RequestTarget target, TimeSpan duration)
    {
        if (omitHealthChecks && target.Match.Endpoint is (ApiEndpoint.Healthz or ApiEndpoint.HealthzOutbound))
        {
            return;
        }

        exchange.RequestHeaders.TryGet("User-Agent"u8, out var userAgent);
        var verb = obfuscateUrls ? [] : Encoding.Latin1.GetBytes(exchange.Method);
        var path = obfuscateUrls ? Encoding.UTF8.GetBytes(OperationName(exchange, target)) : target.DecodedPath;
        log.HttpCalled(verb, path, exchange.ResponseStatus, (long)duration.TotalMilliseconds, exchange.ResponseBytes, userAgent);
    }

    private static string OperationName(HttpExchange exchange, RequestTarget target)
    {
        if (target.Match.Route is { } route)
        {
            return route.Name;
        }

        return exchange.Invoke.Target.Length > 0 ? $"InvokeService/{exchange.Invoke.Target}" : "InvokeService";
    }
}
