using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Protocol;
using FastSidecar.Protocol.Peer;
using Microsoft.Extensions.Logging;

namespace FastSidecar.Api.Http;

/// <summary>
/// The HTTP API in the order Dapr gives its layers: size of the head, trace context, CORS, token, route (dapr pkg/api/http/server.go
/// v1.18.3). The public port is the same with fewer layers and routes.
/// </summary>
internal sealed partial class HttpApi : IHttpHandler
{
    private readonly HttpApiOptions _options;
    private readonly RequestTargetCache _targets;
    private readonly HttpRoutes _routes;
    private readonly IApiLog? _apiLog;
    private readonly TimeProvider _time;
    private readonly byte[] _apiToken;
    private readonly ILogger _log;

    public HttpApi(HttpApiOptions options, RouteTable table, HttpRoutes routes, IApiLog? apiLog, ILogger log, TimeProvider time)
    {
        _log = log;
        _options = options;
        _targets = new RequestTargetCache(table);
        _routes = routes;
        _apiLog = apiLog;
        _time = time;
        _apiToken = Encoding.Latin1.GetBytes(options.ApiToken);
    }

    public ValueTask HandleAsync(HttpExchange exchange)
    {
        exchange.Invoke.Phases.Received = _time.GetTimestamp();
        var target = _targets.Get(exchange);
        return IsRefused(exchange, target, out var refusal) ? refusal : HandleAsync(exchange, target);
    }

    public bool TryEnd(HttpExchange exchange, Exception exception)
    {
        // The client is gone or broke its own request off, or the answer broke off: what the client has of it must not look whole.
        if (exception is not (IOException or OperationCanceledException or PeerMessageException))
        {
            Log.Unexpected(_log, exception);
        }

        exchange.Abort();
        return true;
    }

    private ValueTask HandleAsync(HttpExchange exchange, RequestTarget target)
    {
        if (_options.TraceHeaders && target.IsTraced)
        {
            if (Baggage.Validate(exchange.TraceFields) is { } invalidBaggage)
            {
                return HttpErrorWriter.WriteTextAsync(exchange, 400, invalidBaggage);
            }

            exchange.IsTraced = true;
        }

        if (ApplyCors(exchange))
        {
            return HttpErrorWriter.WriteEmptyAsync(exchange, 200);
        }

        if (!IsAuthorized(exchange, target))
        {
            return HttpErrorWriter.WriteTextAsync(exchange, 401, "invalid api token");
        }

        return _apiLog is null ? _routes.HandleAsync(exchange, target) : HandleLoggedAsync(_apiLog, exchange, target);
    }

    private async ValueTask HandleLoggedAsync(IApiLog apiLog, HttpExchange exchange, RequestTarget target)
    {
        try
        {
            await _routes.HandleAsync(exchange, target);
        }
        finally
        {
            apiLog.Write(exchange, target, _time.GetElapsedTime(exchange.Invoke.Phases.Received));
        }
    }

    /// <summary>What Go's server refuses before Dapr sees it; then <paramref name="refusal"/> writes the answer.</summary>
    private bool IsRefused(HttpExchange exchange, RequestTarget target, out ValueTask refusal)
    {
        if (exchange.HeadBytes > _options.MaxHeadBytes)
        {
            refusal = WriteRefusalAsync(exchange, 431);
            return true;
        }

        if (target.IsMalformed || exchange.HasIllegalField)
        {
            refusal = WriteRefusalAsync(exchange, 400);
            return true;
        }

        if (HasUnknownCoding(exchange))
        {
            exchange.ResponseHeaders.Add("Connection"u8, "close"u8);
            refusal = HttpErrorWriter.WriteAsync(exchange, 501, HttpErrorWriter.TextContentType, "Unsupported transfer encoding"u8.ToArray());
            return true;
        }

        if (target.Raw == "*" && target.Verb == "OPTIONS" && exchange.IsHttp1)
        {
            refusal = HttpErrorWriter.WriteEmptyAsync(exchange, 200);
            return true;
        }

        if (exchange.Has(HeaderRole.Expect) && exchange.RequestHeaders.TryGet("Expect"u8, out var expect) && expect.Length > 0)
        {
            if (!Ascii.EqualsIgnoreCase(expect, "100-continue"u8))
            {
                exchange.ResponseHeaders.Add("Connection"u8, "close"u8);
                refusal = HttpErrorWriter.WriteEmptyAsync(exchange, 417);
                return true;
            }

            // Until somebody reads it; an answer before that ends the connection, or the next request would be taken for this body.
            exchange.BodyUnknown = exchange.IsHttp11 && exchange.RequestLength != 0;
        }

        refusal = default;
        return false;
    }

    private static bool HasUnknownCoding(HttpExchange exchange) =>
        exchange.Has(HeaderRole.TransferEncoding)
            && exchange.RequestHeaders.IndexOf("Transfer-Encoding"u8) is >= 0 and var first
            && (!Ascii.EqualsIgnoreCase(exchange.RequestHeaders.Value(first), "chunked"u8) || exchange.RequestHeaders.IndexOf("Transfer-Encoding"u8, first + 1) >= 0);

    private static ValueTask WriteRefusalAsync(HttpExchange exchange, int status)
    {
        exchange.ResponseHeaders.Add("Connection"u8, "close"u8);
        return HttpErrorWriter.WriteAsync(exchange, status, HttpErrorWriter.TextContentType, Encoding.ASCII.GetBytes($"{status} {HttpReason.Of(status)}"));
    }

    /// <summary>True for a preflight, which is answered with what was added here and goes no further.</summary>
    private bool ApplyCors(HttpExchange exchange)
    {
        if (_options.Cors is not { } cors)
        {
            return false;
        }

        var verb = Encoding.Latin1.GetBytes(exchange.Method);
        if (CorsPolicy.IsPreflight(verb, exchange.RequestHeaders))
        {
            cors.AnswerPreflight(exchange.RequestHeaders, exchange.ResponseHeaders);
            return true;
        }

        cors.AddTo(verb, exchange.RequestHeaders, exchange.ResponseHeaders);
        exchange.LastingHeaders = exchange.ResponseHeaders.Count;
        return false;
    }

    /// <summary>
    /// Only GETs of the health routes go without the token (dapr pkg/api/http/middlewares.go v1.18.3). A token that was checked goes no
    /// further.
    /// </summary>
    private bool IsAuthorized(HttpExchange exchange, RequestTarget target)
    {
        if (_apiToken.Length == 0 || RouteTable.IsTokenExempt(target.DecodedPath, target.Match.Endpoint))
        {
            return true;
        }

        return exchange.RequestHeaders.TryGet(HeaderNames.DaprApiToken, out var token)
            && System.Security.Cryptography.CryptographicOperations.FixedTimeEquals(token, _apiToken);
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Error, Message = "A request to the HTTP API ended with an unexpected error and was aborted")]
        public static partial void Unexpected(ILogger logger, Exception exception);
    }
}
