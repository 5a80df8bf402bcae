using System.Runtime.CompilerServices;
using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Outbound;
using FastSidecar.Protocol;
using FastSidecar.Transport.Async;

namespace FastSidecar.Api.Http;

/// <summary>Service invocation over the HTTP API (dapr pkg/api/http/directmessaging.go v1.18.3).</summary>
internal sealed class InvokeRoute(OutboundInvoker outbound, InvokeOptions options, InvocationObserver observer, TimeProvider time)
{
    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder))]
    public async ValueTask HandleAsync(HttpExchange exchange, RequestTarget target)
    {
        var request = exchange.Invoke;
        var form = FindTarget(exchange, target);
        if (form == InvokeForm.None)
        {
            await HttpErrorWriter.WriteJsonAsync(
                exchange, 404, HttpErrorWriter.DirectInvoke, "failed getting app id either from the URL path or the header dapr-app-id");
            return;
        }

        Fill(exchange, target, request, form == InvokeForm.Header);
        exchange.BodyUnknown = false;
        var keepAtMost = exchange.RequestLength is null ? 0 : options.ReplayBytes;
        request.Body.Start(exchange.RequestBody, exchange.RequestLength, BodyKind.Bytes, options.MaxBodyBytes, keepAtMost);
        InvokeResult result = ErrorTable.Unexpected;
        try
        {
            result = await outbound.InvokeAsync(request, exchange.Aborted);
            await AnswerAsync(exchange, result);
        }
        finally
        {
            // Before the response is given back: the observer reads it.
            request.Phases.Ended = time.GetTimestamp();
            observer.RequestEnded(request, result);
            if (result.Response is { } response)
            {
                await EndAsync(request, response);
            }
            else
            {
                request.Body.Finish();
            }
        }
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder))]
    private static async ValueTask EndAsync(InvokeRequest request, InvokeResponse response)
    {
        try
        {
            await response.DisposeAsync();
        }
        finally
        {
            request.Body.Finish();
        }
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder))]
    private async ValueTask AnswerAsync(HttpExchange exchange, InvokeResult result)
    {
        if (result.Failed)
        {
            // A client that waits for its 100 may or may not send the body that nobody read.
            exchange.BodyUnknown = exchange.Invoke.ExpectsContinue && exchange.Invoke.Body.ReadBytes == 0;
            await HttpErrorWriter.WriteInvokeErrorAsync(exchange, result.Error);
            return;
        }

        try
        {
            await InvokeResponseWriter.WriteAsync(exchange, result.Response, time);
        }
        catch (UnsendableHeadException e)
        {
            await HttpErrorWriter.WriteInvokeErrorAsync(exchange, ErrorTable.UnsendableResponse(e.Message));
        }
    }

    /// <summary>The three forms in their order: header, basic authorization, path. None when none names a target.</summary>
    private static InvokeForm FindTarget(HttpExchange exchange, RequestTarget target)
    {
        var headers = exchange.RequestHeaders;
        var request = exchange.Invoke;
        headers.TryGet(HeaderNames.DaprAppId, out var header);
        headers.TryGet("Authorization"u8, out var authorization);
        if (header.IsEmpty && !authorization.StartsWith("Basic "u8))
        {
            // The path form alone, remembered with the target.
            request.Target = target.PathTarget;
            request.Method.Set(target.PathForm.Method);
            return target.PathForm.Form;
        }

        var found = InvokePath.Find(target.DecodedPath, header, authorization);
        request.Target = Encoding.UTF8.GetString(found.TargetId);
        request.Method.Set(found.Method);
        return found.Form;
    }

    private void Fill(HttpExchange exchange, RequestTarget target, InvokeRequest request, bool fromHeader)
    {
        var headers = exchange.RequestHeaders;
        Span<byte> verb = stackalloc byte[HttpVerbs.MaxBytes];
        var method = exchange.Method;
        request.Verb = method.Length <= verb.Length && HttpVerbs.TryParse(verb[..Encoding.Latin1.GetBytes(method, verb)], out var known) ? known : HttpVerb.Post;
        request.Query.Set(target.Query);
        request.ContentType.Set(headers.TryGet("Content-Type"u8, out var contentType) ? contentType : default);
        request.EventStream = EventStreams.IsAskedFor(headers);
        request.ExpectsContinue = headers.TryGet("Expect"u8, out var expect) && Ascii.EqualsIgnoreCase(expect, "100-continue"u8);
        var rules = new ClientHeaderOptions(DropAppId: fromHeader, options.ApiTokenChecked, outbound.GoesToPeer(request.Target));
        HeaderRules.ClientToMetadata(headers, rules, request.Metadata);
        if (target.IsTraced && headers.TryGet(HeaderNames.TraceParent, out var traceParent))
        {
            request.SetTrace(traceParent);
        }
    }
}

/// <summary>Limits of invocations.</summary>
internal sealed record InvokeOptions
{
    /// <summary>Most bytes of a request body; 0 = no limit (--max-body-size).</summary>
    public long MaxBodyBytes { get; init; } = 4 << 20;

    /// <summary>The API token was checked at the edge and goes no further.</summary>
    public bool ApiTokenChecked { get; init; }

    /// <summary>
    /// How much of a body of known length is kept in memory so that it can be sent again; 0 keeps nothing (--replay-buffer-size). Ours.
    /// </summary>
    public int ReplayBytes { get; init; } = 64 << 10;
}
