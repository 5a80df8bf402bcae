namespace FastSidecar.Transport.Http2;

/// <summary>The whole connection failed; every stream on it ends with this.</summary>
public sealed class Http2ConnectionException : IOException
{
    public Http2ConnectionException(string message, Http2ErrorCode errorCode, bool fromPeer, Exception? inner = null)
        : base(message, inner)
    {
        ErrorCode = errorCode;
        FromPeer = fromPeer;
    }

    public Http2ErrorCode ErrorCode { get; }

    /// <summary>The peer said so (GOAWAY with an error) or closed the connection, as against our side finding the fault.</summary>
    public bool FromPeer { get; }
}
