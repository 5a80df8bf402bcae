using FastSidecar.Invocation;
using FastSidecar.Invocation.Grpc;
using FastSidecar.Transport.Grpc;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Targets.Peers;

/// <summary>
/// The HTTP/2 request head of a call to one address. It is the same for every call but for trace context and deadline, so it is built once
/// (order as grpc-go has it: grpc-go internal/transport/http2_client.go).
/// </summary>
internal sealed class PeerCallTemplate
{
    private readonly HeaderList _withoutTrace = new();
    private readonly HeaderList _plain = new();

    public PeerCallTemplate(ReadOnlySpan<byte> path, ReadOnlySpan<byte> authority, bool tls)
    {
        _withoutTrace.Add(":method"u8, "POST"u8);
        _withoutTrace.Add(":scheme"u8, tls ? "https"u8 : "http"u8);
        _withoutTrace.Add(":path"u8, path);
        _withoutTrace.Add(":authority"u8, authority);
        _withoutTrace.Add("content-type"u8, "application/grpc"u8);
        _withoutTrace.Add("user-agent"u8, "grpc-go/1.82.1"u8);
        _withoutTrace.Add("te"u8, "trailers"u8);
        _withoutTrace.Add("grpc-accept-encoding"u8, "gzip"u8);
        _withoutTrace.CopyTo(_plain);
        TraceContext.Zero.AddGrpcMetadata(_plain);
    }

    /// <summary>
    /// The head for a call with <paramref name="trace"/> and <paramref name="deadline"/>; <paramref name="scratch"/> holds it unless there
    /// is neither.
    /// </summary>
    public HeaderList For(TraceContext trace, CallDeadline? deadline, HeaderList scratch)
    {
        if (ReferenceEquals(trace, TraceContext.Zero) && deadline is null)
        {
            return _plain;
        }

        scratch.Clear();
        _withoutTrace.CopyTo(scratch);
        if (deadline is not null)
        {
            Span<byte> timeout = stackalloc byte[TimeoutHeader.MaxBytes];
            scratch.Add("grpc-timeout"u8, timeout[..TimeoutHeader.Format(deadline.Remaining, timeout)]);
        }

        trace.AddGrpcMetadata(scratch);
        return scratch;
    }
}
