namespace FastSidecar.Api.Http;

/// <summary>
/// The profiling port (<c>--enable-profiling</c>). What daprd serves there are profiles of Go's runtime, which this program does not have:
/// the index says so, and every profile is missing.
/// </summary>
internal sealed class ProfilingHandler : IHttpHandler
{
    private static readonly ReadOnlyMemory<byte> Index =
        "/debug/pprof/\n\nThis sidecar is FastSidecar. It has no Go runtime and so none of its profiles; measure it with perf or dotnet-trace.\n"u8
            .ToArray();

    public ValueTask HandleAsync(HttpExchange exchange)
    {
        var path = exchange.RawTarget.AsSpan();
        var query = path.IndexOf('?');
        return (query < 0 ? path : path[..query]) is "/debug/pprof/"
            ? HttpErrorWriter.WriteAsync(exchange, 200, HttpErrorWriter.TextContentType, Index)
            : HttpErrorWriter.WriteTextAsync(exchange, 404, "404 page not found");
    }
}
