using System.Buffers;

namespace FastSidecar.Api.Http;

/// <summary>Request bodies of routes that need the whole of it at once.</summary>
internal static class WholeBody
{
    /// <summary>
    /// Reads to the end. Null when there is more than <paramref name="maxBytes"/> (0 = no limit): the rest is left unread.
    /// </summary>
    public static async ValueTask<byte[]?> ReadAsync(HttpExchange exchange, long maxBytes)
    {
        if (exchange.RequestLength == 0)
        {
            return [];
        }

        exchange.BodyUnknown = false;
        var reader = exchange.RequestBody;
        while (true)
        {
            var result = await reader.ReadAsync(CancellationToken.None);
            if (maxBytes > 0 && result.Buffer.Length > maxBytes)
            {
                reader.AdvanceTo(result.Buffer.End);
                return null;
            }

            if (result.IsCompleted || result.IsCanceled)
            {
                var body = result.Buffer.ToArray();
                reader.AdvanceTo(result.Buffer.End);
                return body;
            }

            reader.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }

    public static ValueTask WriteTooLargeAsync(HttpExchange exchange) =>
        HttpErrorWriter.WriteJsonAsync(exchange, 400, "ERR_BODY_READ", "failed to read request body: stream too large");
}
