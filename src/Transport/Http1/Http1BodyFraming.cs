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
