using System.IO.Pipelines;
using System.Net;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Transport.Http1;

/// <summary>How a request body is framed (RFC 9112 §6).</summary>
public enum Http1BodyFraming
{
    /// <summary>No body and no framing header.</summary>
    None,

    /// <summary>Content-Length; exactly that many bytes must be written.</summary>
    Length,

    /// <summary>Transfer-Encoding: chunked.</summary>
    Chunked,
}

/// <summary>A pool of HTTP/1.1 connections to one endpoint.</summary>
public sealed class Http1Client : IAsyncDisposable
{
    public Http1Client(EndPoint endPoint, Http1ClientOptions options, TimeProvider time)
    {
        _ = (endPoint, options, time);
        throw new NotImplementedException();
    }

    /// <summary>
    /// A pooled idle connection, or a new one; waits when all connections are in use. Throws <see cref="System.Net.Sockets.SocketException"/> when connecting
    /// failed. The exchange must be disposed.
    /// </summary>
    public ValueTask<Http1Exchange> OpenAsync(CancellationToken cancellationToken) => throw new NotImplementedException();

    public ValueTask DisposeAsync() => throw new NotImplementedException();
}

/// <summary>One request and its response on a pooled connection. Request side and response side may be used at the same time by two flows.</summary>
public sealed class Http1Exchange : IDisposable
{
    /// <summary>The local address of the connection, for error texts.</summary>
    public EndPoint? LocalEndPoint => throw new NotImplementedException();

    /// <summary>The connection served an earlier exchange.</summary>
    public bool Reused => throw new NotImplementedException();

    /// <summary>
    /// Queues the request head. <paramref name="headers"/> must not hold Content-Length or Transfer-Encoding: they follow from <paramref name="framing"/>.
    /// Host must be in it. Nothing leaves before the first flush of <see cref="Output"/> or <see cref="EndRequestAsync"/>. Throws <see cref="ArgumentException"/>
    /// for a CR, LF or NUL in a name, value, method or target: nothing of the request is sent then.
    /// </summary>
    public void WriteHead(ReadOnlySpan<byte> method, ReadOnlySpan<byte> target, HeaderList headers, Http1BodyFraming framing, long contentLength) =>
        throw new NotImplementedException();

    /// <summary>
    /// The request body; framing is added. FlushAsync completes when the socket took it; IsCompleted when the server stopped reading (it closed its side or
    /// answered with Connection: close), IOException when the connection is gone. <c>WriteAsync(memory)</c> sends large memory without copying.
    /// </summary>
    public PipeWriter Output => throw new NotImplementedException();

    /// <summary>Ends the request body (last chunk), or, without a body, sends the head. Throws InvalidOperationException when fewer bytes than announced were written.</summary>
    public ValueTask EndRequestAsync(CancellationToken cancellationToken) => throw new NotImplementedException();

    /// <summary>Sends the queued head (and buffered body) now, without ending the request.</summary>
    public ValueTask FlushAsync(CancellationToken cancellationToken) => throw new NotImplementedException();

    /// <summary>
    /// Waits for the response head; may be called before the request has ended. Interim heads (1xx but 101) are skipped; a 100 completes <see cref="ContinueReceived"/>.
    /// Throws <see cref="Http1ResponseException"/>.
    /// </summary>
    public ValueTask ReadHeadAsync(CancellationToken cancellationToken) => throw new NotImplementedException();

    public Task ContinueReceived => throw new NotImplementedException();

    /// <summary>The status code, 100–999 (101 included: the caller decides).</summary>
    public int StatusCode => throw new NotImplementedException();

    /// <summary>The response's header fields as they came, framing headers included. Valid until <see cref="Dispose"/>.</summary>
    public HeaderList Headers => throw new NotImplementedException();

    /// <summary>The response body's length if Content-Length said it and no Transfer-Encoding did; 0 for statuses and methods without body; else null.</summary>
    public long? ResponseLength => throw new NotImplementedException();

    /// <summary>
    /// The response body without its framing. Reading throws <see cref="Http1ResponseException"/> for a body cut short (with its kind) or broken chunks.
    /// </summary>
    public PipeReader Input => throw new NotImplementedException();

    /// <summary>Ends use: back to the pool when request and response are complete and the connection may be kept, otherwise closed.</summary>
    public void Dispose() => throw new NotImplementedException();
}
