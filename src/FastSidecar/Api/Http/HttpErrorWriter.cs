using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Protocol;
using FastSidecar.Transport.Buffers;
using FastSidecar.Transport.Grpc;

namespace FastSidecar.Api.Http;

/// <summary>The sidecar's own answers: Dapr's JSON errors and Go's plain-text ones (dapr pkg/api/http/responses.go v1.18.3).</summary>
internal static class HttpErrorWriter
{
    /// <summary>Dapr's code for every failed invocation.</summary>
    public const string DirectInvoke = "ERR_DIRECT_INVOKE";

    public static readonly ReadOnlyMemory<byte> JsonContentType = "application/json"u8.ToArray();
    public static readonly ReadOnlyMemory<byte> TextContentType = "text/plain; charset=utf-8"u8.ToArray();

    /// <summary>A failed invocation: 403 for a denied one, else 500.</summary>
    public static ValueTask WriteInvokeErrorAsync(HttpExchange exchange, InvokeError error)
    {
        var status = error.Code == GrpcStatusCode.PermissionDenied ? 403 : 500;
        return WriteJsonAsync(exchange, status, DirectInvoke, $"failed to invoke, id: {exchange.Invoke.Target}, err: {error.Reason}");
    }

    /// <summary>Dapr's JSON error.</summary>
    public static async ValueTask WriteJsonAsync(HttpExchange exchange, int status, string errorCode, string message)
    {
        using var body = new PooledBufferWriter();
        ErrorJson.Write(body, errorCode, message);
        await WriteAsync(exchange, status, JsonContentType, body.WrittenMemory);
    }

    /// <summary>What Go's http.Error writes: the text and a line feed.</summary>
    public static ValueTask WriteTextAsync(HttpExchange exchange, int status, string text)
    {
        exchange.ResponseHeaders.Set("X-Content-Type-Options"u8, "nosniff"u8);
        return WriteAsync(exchange, status, TextContentType, Encoding.UTF8.GetBytes(text + "\n"));
    }

    public static ValueTask WriteEmptyAsync(HttpExchange exchange, int status)
    {
        TraceHeaders.AddToClient(exchange.TraceFields, null, exchange.IsTraced, exchange.ResponseHeaders);
        CloseIf(exchange, exchange.BodyUnknown);
        exchange.Start(status, status is 204 or 304 || exchange.Method == "HEAD" ? null : 0);
        return ValueTask.CompletedTask;
    }

    /// <summary>A whole response. A Content-Type that is among the response's header fields already stays.</summary>
    public static async ValueTask WriteAsync(HttpExchange exchange, int status, ReadOnlyMemory<byte> contentType, ReadOnlyMemory<byte> body)
    {
        if (!exchange.ResponseHeaders.Contains("Content-Type"u8))
        {
            exchange.ResponseHeaders.Add("Content-Type"u8, contentType.Span);
        }

        TraceHeaders.AddToClient(exchange.TraceFields, null, exchange.IsTraced, exchange.ResponseHeaders);
        await WriteFramedAsync(exchange, status, body);
    }

    /// <summary>Status, length and body, nothing else.</summary>
    public static async ValueTask WriteFramedAsync(HttpExchange exchange, int status, ReadOnlyMemory<byte> body)
    {
        CloseIf(exchange, exchange.HasMuchUnread);
        exchange.Start(status, body.Length);
        exchange.CountBody(body.Length);
        await exchange.ResponseBody.WriteAsync(body, CancellationToken.None);
    }

    private static void CloseIf(HttpExchange exchange, bool isAmbiguous)
    {
        if (isAmbiguous && !exchange.ResponseHeaders.Contains("Connection"u8))
        {
            exchange.ResponseHeaders.Add("Connection"u8, "close"u8);
        }
    }
}
