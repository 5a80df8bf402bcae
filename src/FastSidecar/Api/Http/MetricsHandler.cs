using FastSidecar.Observability.Metrics;
using FastSidecar.Transport.Buffers;

namespace FastSidecar.Api.Http;

/// <summary>The metrics port: every path and verb answers with the metrics (dapr pkg/metrics/exporter.go v1.18.3).</summary>
internal sealed class MetricsHandler : IHttpHandler
{
    private static readonly ReadOnlyMemory<byte> ContentType = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"u8.ToArray();

    public async ValueTask HandleAsync(HttpExchange exchange)
    {
        using var text = new PooledBufferWriter();
        ProcessMetrics.Write(text);
        await HttpErrorWriter.WriteAsync(exchange, 200, ContentType, text.WrittenMemory);
    }
}
