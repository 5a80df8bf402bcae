using System.IO.Pipelines;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Invocation;

/// <summary>
/// A response head and its unread body. The target that made it owns the buffers; they are valid until <see cref="DisposeAsync"/>, after
/// which the object may serve another call. Disposing before the body's end aborts what is still under way; it completes when nothing reads
/// the request's body any longer.
/// </summary>
internal abstract class InvokeResponse : IAsyncDisposable
{
    /// <summary>An HTTP status (100–999), or, when <see cref="IsGrpcStatus"/>, a gRPC code.</summary>
    public int Status { get; protected set; }

    /// <summary>The answer came from another sidecar.</summary>
    public virtual bool IsRemote => false;

    /// <summary>The status is a gRPC code: the app is a gRPC app, or a Dapr peer answered an event stream.</summary>
    public bool IsGrpcStatus { get; protected set; }

    /// <summary>Message that goes with a gRPC code; empty for HTTP apps.</summary>
    public string StatusMessage { get; protected set; } = "";

    /// <summary>
    /// What else a gRPC status has: the encoded <c>repeated google.protobuf.Any details = 3</c> with tags and lengths, which
    /// google.rpc.Status and Dapr's own Status share; empty for none.
    /// </summary>
    public virtual ReadOnlySpan<byte> StatusDetails => default;

    /// <summary>
    /// What a gRPC app said behind its messages, in the form of <see cref="Headers"/>; null for none. Where the body is a stream of messages
    /// it holds the whole trailers, status included, and is complete once the body was read to its end.
    /// </summary>
    public virtual HeaderList? Trailers => null;

    /// <summary>The app's header fields in Dapr's wire form (canonical names, no framing or hop-by-hop fields).</summary>
    public abstract HeaderList Headers { get; }

    /// <summary>
    /// The app's Content-Type, as an HTTP client is told; empty when it sent none. Data with a <see cref="TypeUrl"/> is protobuf.
    /// </summary>
    public abstract ReadOnlySpan<byte> ContentType { get; }

    /// <summary>The content type that stands in the message, as a gRPC client is told, whatever <see cref="TypeUrl"/> says.</summary>
    public virtual ReadOnlySpan<byte> MessageContentType => ContentType;

    /// <summary>What kind of message a gRPC app's body is (the <c>type_url</c> of its data); empty else.</summary>
    public virtual ReadOnlySpan<byte> TypeUrl => default;

    /// <summary>A gRPC app gave data, though perhaps empty; HTTP apps have none beside their body.</summary>
    public virtual bool HasData => !TypeUrl.IsEmpty;

    /// <summary>
    /// The body's length where the app told it to us directly; unknown behind another sidecar, which does not pass it on.
    /// </summary>
    public virtual long? Length => null;

    /// <summary>
    /// The body. Reading throws <see cref="InvokeBodyException"/> when it cannot be completed: whatever was forwarded must then not look
    /// complete.
    /// </summary>
    public abstract PipeReader Body { get; }

    public abstract ValueTask DisposeAsync();
}

/// <summary>A body, of a request or a response, that cannot be completed.</summary>
internal sealed class InvokeBodyException : IOException
{
    public InvokeBodyException(InvokeError error, Exception? inner = null)
        : base(error.Reason, inner)
    {
        Error = error;
    }

    public InvokeError Error { get; }
}
