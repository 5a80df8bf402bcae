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
        var form = FindTarget(exchange, target, out var route);
        if (form == InvokeForm.None)
        {
            await HttpErrorWriter.WriteJsonAsync(
                exchange, 404, HttpErrorWriter.DirectInvoke, "failed getting app id either from the URL path or the header dapr-app-id");
            return;
        }

        Fill(exchange, target, request, new ClientHeaderOptions(form == InvokeForm.Header, options.ApiTokenChecked, route.Kind == RouteKind.Peer));
        exchange.BodyUnknown = false;
        var keepAtMost = exchange.RequestLength is null ? 0 : options.ReplayBytes;
        request.Body.Start(exchange.RequestBody, exchange.RequestLength, BodyKind.Bytes, options.MaxBodyBytes, keepAtMost);
        InvokeResult result = ErrorTable.Unexpected;
        try
        {
            result = await outbound.InvokeAsync(request, route, exchange.Aborted);
            if (result.Failed)
            {
                result = await outbound.RepeatAsync(request, route, result.Error, exchange.Aborted);
            }

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
    private InvokeForm FindTarget(HttpExchange exchange, RequestTarget target, out Route route)
    {
        var request = exchange.Invoke;
        if (!exchange.Has(HeaderRole.DaprAppId | HeaderRole.Authorization))
        {
            return TakePathForm(target, request, out route);
        }

        var headers = exchange.RequestHeaders;
        headers.TryGet(HeaderNames.DaprAppId, out var header);
        headers.TryGet("Authorization"u8, out var authorization);
        if (header.IsEmpty && !authorization.StartsWith("Basic "u8))
        {
            return TakePathForm(target, request, out route);
        }

        var found = InvokePath.Find(target.DecodedPath, header, authorization);
        request.Target = Encoding.UTF8.GetString(found.TargetId);
        request.Method.Set(found.Method);
        route = outbound.RouteTo(request.Target);
        return found.Form;
    }

    /// <summary>The path form alone: all of it is remembered with the target.</summary>
    private InvokeForm TakePathForm(RequestTarget target, InvokeRequest request, out Route route)
    {
        request.Target = target.PathTarget;
        request.Method.Set(target.PathForm.Method);
        route = target.PathRoute ??= outbound.RouteTo(target.PathTarget);
        return target.PathForm.Form;
    }

    private static void Fill(HttpExchange exchange, RequestTarget target, InvokeRequest request, in ClientHeaderOptions rules)
    {
        var headers = exchange.RequestHeaders;
        request.Verb = target.WireVerb;
        request.Query.Set(target.Query);
        request.ContentType.Set(exchange.Has(HeaderRole.ContentType) && headers.TryGet("Content-Type"u8, out var contentType) ? contentType : default);
        request.EventStream = exchange.Has(HeaderRole.Accept) && EventStreams.IsAskedFor(headers);
        request.ExpectsContinue = exchange.Has(HeaderRole.Expect)
            && headers.TryGet("Expect"u8, out var expect) && Ascii.EqualsIgnoreCase(expect, "100-continue"u8);
        HeaderRules.ClientToMetadata(headers, rules, request.Metadata);
        if (target.IsTraced && exchange.TraceFields.TryGet(HeaderNames.TraceParent, out var traceParent))
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
