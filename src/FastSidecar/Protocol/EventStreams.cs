using System.Text;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Protocol;

/// <summary>Server-sent events, decided by the request alone (dapr pkg/sse/sse.go v1.18.3).</summary>
internal static class EventStreams
{
    /// <summary>The first Accept value is <c>text/event-stream</c> and nothing else.</summary>
    public static bool IsAskedFor(HeaderList request) =>
        request.TryGet("Accept"u8, out var accept) && Ascii.EqualsIgnoreCase(accept.Trim(" \t"u8), MediaTypes.EventStream);
}
