using System.IO.Pipelines;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Transport.Http2;

/// <summary>
/// One request and its response. Rented from and returned to its connection: <see cref="Dispose"/> ends the caller's use.
/// Continuations run on the thread that delivered the bytes, after the whole read batch was parsed; they must not block.
/// </summary>
public sealed class Http2Stream : IDisposable
{
    /// <summary>The odd (client) id; 0 before HEADERS were written.</summary>
    public int Id => throw new NotImplementedException();

    public Http2Connection Connection => throw new NotImplementedException();

    /// <summary>
    /// The peer's header list: on a server stream the request, there from the start; on a client stream the response, there once
    /// <see cref="ReadHeadAsync"/> completed. Pseudo-headers come first, under their own names (":path"). Valid until <see cref="Dispose"/>.
    /// </summary>
    public HeaderList Headers => throw new NotImplementedException();

    /// <summary>The peer's trailers; complete once <see cref="Input"/> reported its end. Empty when there were none.</summary>
    public HeaderList Trailers => throw new NotImplementedException();

    /// <summary>The peer's first HEADERS carried END_STREAM (for gRPC: a trailers-only answer).</summary>
    public bool EndedWithHeaders => throw new NotImplementedException();

    /// <summary>The whole of the peer's side (END_STREAM) has been received, though perhaps not yet read.</summary>
    public bool InputEnded => throw new NotImplementedException();

    /// <summary>
    /// The peer's DATA. Reading throws <see cref="Http2StreamException"/> or <see cref="Http2ConnectionException"/> when the stream or connection failed;
    /// credit returns to the peer on AdvanceTo. <c>Complete</c> before the end discards the rest (server: RST_STREAM NO_ERROR after our end; client: CANCEL).
    /// </summary>
    public PipeReader Input => throw new NotImplementedException();

    /// <summary>
    /// Our DATA. GetMemory/Advance buffer; FlushAsync sends as flow control allows and completes when the peer's window and the socket took it
    /// (IsCompleted: the peer does not want more). <c>WriteAsync(memory)</c> sends large memory without copying it: it must stay unchanged until
    /// the call completes. Headers must have been written first.
    /// </summary>
    public PipeWriter Output => throw new NotImplementedException();

    /// <summary>Client: waits for the final response head (interim 1xx heads are skipped).</summary>
    public ValueTask ReadHeadAsync(CancellationToken cancellationToken) => throw new NotImplementedException();

    /// <summary>
    /// Queues our HEADERS (request or response head), pseudo-headers first in <paramref name="headers"/>; names must be lower-case. They leave together with the first
    /// flushed DATA, or at once with <see cref="Flush"/>.
    /// </summary>
    public void WriteHead(HeaderList headers, bool endStream) => throw new NotImplementedException();

    /// <summary>Sends what is queued (head, buffered data) without waiting for it to be taken.</summary>
    public void Flush() => throw new NotImplementedException();

    /// <summary>Ends our side: what is buffered in <see cref="Output"/>, then an empty DATA with END_STREAM, or the trailers. Leaves at once.</summary>
    public void End(HeaderList? trailers) => throw new NotImplementedException();

    /// <summary>RST_STREAM, unless the stream is closed already. Pending reads and writes fail.</summary>
    public void Reset(Http2ErrorCode errorCode) => throw new NotImplementedException();

    /// <summary>Cancelled when the peer resets the stream or the connection ends before both sides ended. For handlers that wait on something else.</summary>
    public CancellationToken Aborted => throw new NotImplementedException();

    /// <summary>Ends the caller's use: a stream still open is reset (CANCEL; NO_ERROR after a complete response). The object may be reused afterwards.</summary>
    public void Dispose() => throw new NotImplementedException();
}
