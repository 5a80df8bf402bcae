using FastSidecar.Invocation;

namespace FastSidecar.Api.Http;

/// <summary><c>/v1.0/healthz</c> and <c>/v1.0/healthz/outbound</c> (dapr pkg/api/http/healthz.go v1.18.3).</summary>
internal sealed class HealthRoute(Readiness readiness, string appId)
{
    /// <param name="exchange">The exchange to answer.</param>
    /// <param name="expectedAppId">Value of the query's <c>appid</c>; null when it has none.</param>
    public ValueTask HandleAsync(HttpExchange exchange, string? expectedAppId)
    {
        if (!readiness.IsReady)
        {
            return HttpErrorWriter.WriteJsonAsync(exchange, 500, "ERR_HEALTH_NOT_READY", $"dapr is not ready: [{readiness.Waiting()}]");
        }

        if (expectedAppId is not null && expectedAppId != appId)
        {
            return HttpErrorWriter.WriteJsonAsync(exchange, 500, "ERR_HEALTH_APPID_NOT_MATCH", "dapr app-id does not match");
        }

        return HttpErrorWriter.WriteEmptyAsync(exchange, 204);
    }

    public ValueTask HandleOutboundAsync(HttpExchange exchange) =>
        readiness.IsOutboundReady
            ? HttpErrorWriter.WriteEmptyAsync(exchange, 204)
            : HttpErrorWriter.WriteJsonAsync(exchange, 500, "ERR_OUTBOUND_HEALTH_NOT_READY", "dapr outbound is not ready");
}
