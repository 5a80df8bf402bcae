using FastSidecar.Invocation;
using FastSidecar.Protocol;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Targets.Apps;

/// <summary>The header fields that an app gets with a request, whichever HTTP it speaks; names in Go's canonical spelling.</summary>
/// <param name="apiToken">Sent as <c>dapr-api-token</c>; empty = none.</param>
/// <param name="traceHeaders">An app that gets no trace context from the caller gets an all-zero one.</param>
internal sealed class AppHeaders(byte[] apiToken, bool traceHeaders)
{
    /// <summary>Whether a length of 0 is worth a word (Go net/http transfer.go, golang.org/x/net/http2 shouldSendReqContentLength).</summary>
    public static bool HasUsualBody(HttpVerb verb) => verb is HttpVerb.Post or HttpVerb.Put or HttpVerb.Patch;

    public void Write(InvokeRequest request, HeaderList app)
    {
        var contentType = request.TypeUrl.Span.IsEmpty ? request.ContentType.Span : MediaTypes.Protobuf;
        HeaderRules.MetadataToApp(request.Metadata, contentType, request.FromPeer, app);
        ReadOnlySpan<byte> state = default;
        if (!request.FromPeer && !request.Trace.IsZero)
        {
            request.Metadata.TryGet(HeaderNames.TraceState, out state);
        }

        TraceHeaders.AddToApp(request.Trace.Text, state, request.Metadata, traceHeaders, app);
        if (request.EventStream)
        {
            // However the client spelt it; a second line goes (dapr pkg/channel/http/http_channel.go v1.18.3).
            app.Set("Accept"u8, MediaTypes.EventStream);
        }

        if (apiToken.Length > 0)
        {
            app.Set("Dapr-Api-Token"u8, apiToken);
        }
    }
}
