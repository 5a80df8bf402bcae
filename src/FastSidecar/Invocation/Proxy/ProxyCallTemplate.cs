using FastSidecar.Transport.Grpc;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Invocation.Proxy;

/// <summary>
/// The HTTP/2 request head of proxied calls to one address: what is the same for every call, in grpc-go's order (internal/transport/http2_client.go), around
/// the caller's own path and before its metadata. The content type is Dapr's whatever the caller's was: the bytes are not looked at.
/// </summary>
internal sealed class ProxyCallTemplate
{
    private readonly HeaderList _before = new();
    private readonly HeaderList _behind = new();
    private readonly bool _withTrace;

    /// <param name="authority">host:port.</param>
    /// <param name="tls">Over TLS.</param>
    /// <param name="withTrace">The call's trace context goes along beside what the caller sent of it.</param>
    public ProxyCallTemplate(ReadOnlySpan<byte> authority, bool tls, bool withTrace)
    {
        _withTrace = withTrace;
        _before.Add(":method"u8, "POST"u8);
        _before.Add(":scheme"u8, tls ? "https"u8 : "http"u8);
        _behind.Add(":authority"u8, authority);
        _behind.Add("content-type"u8, "application/grpc+proto"u8);
        _behind.Add("user-agent"u8, "grpc-go/1.82.1"u8);
        _behind.Add("te"u8, "trailers"u8);
        _behind.Add("grpc-accept-encoding"u8, "gzip"u8);
    }

    public void Write(InvokeRequest request, HeaderList head)
    {
        head.Clear();
        _before.CopyTo(head);
        head.Add(":path"u8, request.Method.Span);
        _behind.CopyTo(head);
        if (request.Deadline is { } deadline)
        {
            Span<byte> timeout = stackalloc byte[TimeoutHeader.MaxBytes];
            head.Add("grpc-timeout"u8, timeout[..TimeoutHeader.Format(deadline.Remaining, timeout)]);
        }

        request.Metadata.CopyTo(head);
        if (_withTrace)
        {
            request.Trace.AddGrpcMetadata(head);
        }
    }
}
