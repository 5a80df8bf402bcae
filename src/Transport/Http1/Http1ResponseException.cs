namespace FastSidecar.Transport.Http1;

/// <summary>What was wrong with a response.</summary>
public enum Http1ResponseFault
{
    /// <summary>The server closed the connection (FIN) before a byte of the response.</summary>
    ClosedBeforeResponse,

    /// <summary>The server closed inside the head.</summary>
    ClosedInHead,

    /// <summary>FIN inside a body with Content-Length.</summary>
    ClosedInBody,

    /// <summary>FIN inside a chunked body.</summary>
    ClosedInChunks,

    /// <summary>The connection was reset.</summary>
    Reset,

    /// <summary>The head, status line and blank line included, is longer than the limit.</summary>
    HeadTooLarge,

    /// <summary>Not an HTTP/1.x response, or an illegal header.</summary>
    Malformed,

    /// <summary>Chunk framing is broken.</summary>
    MalformedChunk,
}

/// <summary>A response could not be read; the connection is not used again.</summary>
public sealed class Http1ResponseException : IOException
{
    public Http1ResponseException(Http1ResponseFault fault, string message, Exception? inner = null)
        : base(message, inner)
    {
        Fault = fault;
    }

    public Http1ResponseFault Fault { get; }

    /// <summary>
    /// Provably, no server has read anything of the request: it was sent on a connection that had served others and was closed before it arrived.
    /// Whatever its method, it may be sent again on another connection.
    /// </summary>
    public bool NeverReceived { get; init; }
}
