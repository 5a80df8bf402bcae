using System.Text;

namespace FastSidecar.Protocol;

/// <summary>
/// Header and metadata names, in the exact case Dapr 1.18.3 puts on a wire (pkg/messaging/v1/util.go, pkg/api/http/directmessaging.go,
/// pkg/security/consts). Look-ups must ignore case.
/// </summary>
internal static class DaprHeaders
{
    /// <summary>Selects the target of a call that has no app id in its path, and of a proxied gRPC call.</summary>
    public static ReadOnlySpan<byte> AppId => "dapr-app-id"u8;

    /// <summary>Carries the API token towards the sidecar, and the app token towards the app.</summary>
    public static ReadOnlySpan<byte> ApiToken => "dapr-api-token"u8;

    public static ReadOnlySpan<byte> CallerAppId => "dapr-caller-app-id"u8;

    public static ReadOnlySpan<byte> CalleeAppId => "dapr-callee-app-id"u8;

    public static ReadOnlySpan<byte> CallerNamespace => "dapr-caller-namespace"u8;

    public static ReadOnlySpan<byte> DestinationAppId => "destination-app-id"u8;

    /// <summary>Marks a proxied gRPC call as a stream, so that a policy covers only its opening.</summary>
    public static ReadOnlySpan<byte> Stream => "dapr-stream"u8;

    /// <summary>The HTTP status of an HTTP app, told to a gRPC client.</summary>
    public static ReadOnlySpan<byte> HttpStatus => "dapr-http-status"u8;

    public static ReadOnlySpan<byte> ForwardedFor => "X-Forwarded-For"u8;

    public static ReadOnlySpan<byte> ForwardedHost => "X-Forwarded-Host"u8;

    public static ReadOnlySpan<byte> Forwarded => "Forwarded"u8;

    public static ReadOnlySpan<byte> Traceparent => "traceparent"u8;

    public static ReadOnlySpan<byte> Tracestate => "tracestate"u8;

    public static ReadOnlySpan<byte> Baggage => "baggage"u8;

    public static ReadOnlySpan<byte> GrpcTraceBin => "grpc-trace-bin"u8;

    public static ReadOnlySpan<byte> Accept => "Accept"u8;

    public static ReadOnlySpan<byte> Connection => "Connection"u8;

    public static ReadOnlySpan<byte> ContentLength => "Content-Length"u8;

    public static ReadOnlySpan<byte> ContentType => "Content-Type"u8;

    public static ReadOnlySpan<byte> Host => "Host"u8;

    public static ReadOnlySpan<byte> TransferEncoding => "Transfer-Encoding"u8;

    /// <summary>The content type of a body whose message carried a protobuf type URL.</summary>
    public static ReadOnlySpan<byte> ProtobufContentType => "application/x-protobuf"u8;

    /// <summary>The media type that makes Dapr treat a call as server-sent events (pkg/sse/sse.go).</summary>
    public static ReadOnlySpan<byte> EventStreamContentType => "text/event-stream"u8;

    /// <summary>
    /// A field that ends at this hop, so it is not copied between an HTTP message and the internal wire's headers (pkg/messaging/v1/util.go). What a
    /// <c>Connection</c> field names besides is the caller's to drop.
    /// </summary>
    public static bool IsHopByHop(ReadOnlySpan<byte> name) => name.Length switch
    {
        2 => Same(name, "te"u8),
        7 => Same(name, "upgrade"u8) || Same(name, "trailer"u8),
        10 => Same(name, "connection"u8) || Same(name, "keep-alive"u8),
        14 => Same(name, "http2-settings"u8),
        16 => Same(name, "proxy-connection"u8),
        17 => Same(name, "transfer-encoding"u8),
        18 => Same(name, "proxy-authenticate"u8),
        19 => Same(name, "proxy-authorization"u8),
        _ => false,
    };

    /// <summary>An identity that only a sidecar may state; what a client sent under such a name is dropped before the real one is added.</summary>
    public static bool IsSidecarIdentity(ReadOnlySpan<byte> name) => name.Length switch
    {
        18 => Same(name, CallerAppId) || Same(name, CalleeAppId) || Same(name, DestinationAppId),
        21 => Same(name, CallerNamespace),
        _ => false,
    };

    /// <summary>A name that carries binary values in gRPC; it is never copied to an HTTP message.</summary>
    public static bool IsBinary(ReadOnlySpan<byte> name) => name.Length >= 4 && Same(name[^4..], "-bin"u8);

    private static bool Same(ReadOnlySpan<byte> name, ReadOnlySpan<byte> wanted) => Ascii.EqualsIgnoreCase(name, wanted);
}
