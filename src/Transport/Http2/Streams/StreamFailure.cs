namespace FastSidecar.Transport.Http2.Streams;

/// <summary>How a stream came to fail.</summary>
internal enum StreamFault : byte
{
    None,

    /// <summary>RST_STREAM received.</summary>
    ResetByPeer,

    /// <summary>The caller reset or disposed it.</summary>
    ResetHere,

    /// <summary>The peer broke a rule of this stream; our side sent RST_STREAM.</summary>
    PeerFault,

    /// <summary>Above the last stream that the peer's GOAWAY names, or never sent.</summary>
    NeverProcessed,

    /// <summary>The whole connection failed.</summary>
    Connection,
}

/// <summary>Why a stream failed. The exception is made only when someone asks for it.</summary>
internal readonly record struct StreamFailure(StreamFault Fault, Http2ErrorCode Code, string? Reason)
{
    /// <summary>
    /// The peer wants no more of ours, and calls nothing wrong (RFC 9113 §8.1). A failure unless its own side was complete.
    /// </summary>
    public bool IsNoError => Fault == StreamFault.ResetByPeer && Code == Http2ErrorCode.NoError;

    /// <summary>For <see cref="StreamFault.Connection"/> the connection's own failure is the reason.</summary>
    public Exception ToException(Http2Connection connection) => Fault switch
    {
        StreamFault.ResetByPeer => new Http2StreamException(
            $"stream terminated by RST_STREAM with error code: {Code.WireName()}",
            Code,
            fromPeer: true,
            neverProcessed: Code == Http2ErrorCode.RefusedStream),
        StreamFault.NeverProcessed => new Http2StreamException(
            Reason ?? "the connection is draining", Code, fromPeer: true, neverProcessed: true),
        StreamFault.PeerFault => new Http2StreamException(Reason ?? "the peer broke a rule", Code, fromPeer: false),
        StreamFault.Connection => connection.CreateStreamFailure(),
        _ => new Http2StreamException($"the stream was reset on this side with error code: {Code.WireName()}", Code, fromPeer: false),
    };
}
