using FastSidecar.Transport.Http2.Frames;

namespace FastSidecar.Transport.Http2;

/// <summary>
/// Errors of a connection that the peer caused (RFC 9113 §5.4.1). Thrown inside frame parsing, turned into a GOAWAY by the read loop.
/// </summary>
internal static class Http2Faults
{
    public static Http2ConnectionException Protocol(string message) => new(message, Http2ErrorCode.ProtocolError, fromPeer: false);

    public static Http2ConnectionException FrameSize(string message) => new(message, Http2ErrorCode.FrameSizeError, fromPeer: false);

    public static Http2ConnectionException FlowControl(string message) => new(message, Http2ErrorCode.FlowControlError, fromPeer: false);

    public static Http2ConnectionException StreamClosed(string message) => new(message, Http2ErrorCode.StreamClosed, fromPeer: false);

    public static Http2ConnectionException Compression(string message, Exception inner) =>
        new(message, Http2ErrorCode.CompressionError, fromPeer: false, inner);

    public static Http2ConnectionException Calm(string message) => new(message, Http2ErrorCode.EnhanceYourCalm, fromPeer: false);

    public static Http2ConnectionException TooLarge(FrameHeader header, int maxFrameBytes)
    {
        // "HTTP" read as a frame header: the commonest way to meet a peer that does not speak HTTP/2.
        var http1 = header is { Length: 0x485454, Type: (FrameType)0x50 } ? ", it looks like an HTTP/1.1 answer" : "";
        return FrameSize($"http2: frame too large ({header.Length} bytes, allowed are {maxFrameBytes}{http1})");
    }
}
