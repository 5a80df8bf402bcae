namespace FastSidecar.Transport.Http2;

/// <summary>One stream failed; its connection goes on.</summary>
public sealed class Http2StreamException : IOException
{
    public Http2StreamException(string message, Http2ErrorCode errorCode, bool fromPeer, bool neverProcessed = false)
        : base(message)
    {
        ErrorCode = errorCode;
        FromPeer = fromPeer;
        NeverProcessed = neverProcessed;
    }

    public Http2ErrorCode ErrorCode { get; }

    /// <summary>The peer reset the stream (RST_STREAM received), as against our side.</summary>
    public bool FromPeer { get; }

    /// <summary>
    /// The peer has provably not looked at the request: REFUSED_STREAM, or a stream above the last one its GOAWAY names (RFC 9113 §8.7).
    /// Sending it again elsewhere is safe whatever its method.
    /// </summary>
    public bool NeverProcessed { get; }
}
