using System.Text;

namespace FastSidecar.Api.Http;

/// <summary><c>POST /v1.0/shutdown</c>: answers at once, the stop follows (dapr pkg/api/http/shutdown.go v1.18.3).</summary>
/// <param name="requestShutdown">Starts the stop; true = forced, without grace.</param>
internal sealed class ShutdownRoute(Action<bool> requestShutdown)
{
    private static ReadOnlySpan<byte> ForceHeader => "dapr-force-shutdown"u8;

    public ValueTask HandleAsync(HttpExchange exchange)
    {
        var force = exchange.RequestHeaders.TryGet(ForceHeader, out var value) && Ascii.EqualsIgnoreCase(value, "true"u8);
        requestShutdown(force);
        return HttpErrorWriter.WriteEmptyAsync(exchange, 204);
    }
}
