using FastSidecar.Transport.Http2.Frames;
using FastSidecar.Transport.Http2.Streams;

namespace FastSidecar.Transport.Http2;

/// <summary>
/// What a peer may not do with streams, and what it gets for it: an error of the connection is thrown, an error of a stream resets it (RFC
/// 9113 §5.1, §5.4). Under the connection's lock.
/// </summary>
internal sealed class PeerConduct
{
    private readonly StreamSet _streams;
    private readonly FloodGuard _floods;

    public PeerConduct(StreamSet streams, FloodGuard floods)
    {
        _streams = streams;
        _floods = floods;
    }

    public static void RequireStream(FrameHeader header)
    {
        if (header.StreamId == 0)
        {
            throw Http2Faults.Protocol($"{header.Type} on stream 0");
        }
    }

    public static void RequireNoStream(FrameHeader header)
    {
        if (header.StreamId != 0)
        {
            throw Http2Faults.Protocol($"{header.Type} on stream {header.StreamId}");
        }
    }

    public static void RequireLength(FrameHeader header, bool isRight)
    {
        if (!isRight)
        {
            throw Http2Faults.FrameSize($"{header.Type} of {header.Length} bytes");
        }
    }

    /// <summary>The stream must have been opened at some time: frames for idle streams are an error of the connection.</summary>
    public void RequireOpened(FrameHeader header)
    {
        if (!_streams.HasOpened(header.StreamId))
        {
            throw Http2Faults.Protocol($"{header.Type} for stream {header.StreamId}, which is idle");
        }
    }

    /// <summary>DATA or HEADERS for a stream that is not open (RFC 9113 §5.1, idle and closed).</summary>
    public void OnLateFrame(FrameHeader header)
    {
        RequireOpened(header);
        switch (_streams.FindClosed(header.StreamId))
        {
            case ClosedStreamFact.NeverOpened:
                throw Http2Faults.Protocol($"{header.Type} for stream {header.StreamId}, which was passed over");
            case ClosedStreamFact.Ended:
                throw Http2Faults.StreamClosed($"{header.Type} for stream {header.StreamId}, which is closed");
            default:
                _floods.OnIdleFrame();
                break;
        }
    }

    /// <summary>An error of the stream that the peer caused (RFC 9113 §5.4.2).</summary>
    public void Break(Http2Stream stream, Http2ErrorCode code, string reason)
    {
        _floods.OnReset();
        stream.ResetUnsynchronized(code, reason);
    }

    /// <summary>END_STREAM came: the body must be as long as was said (RFC 9113 §8.1.1).</summary>
    public void EndInput(Http2Stream stream)
    {
        if (stream.ContentLength >= 0 && stream.ReceivedBytes != stream.ContentLength)
        {
            Break(
                stream,
                Http2ErrorCode.ProtocolError,
                $"the peer's content-length is {stream.ContentLength}, it sent {stream.ReceivedBytes} bytes");
            return;
        }

        stream.OnInputEndUnsynchronized();
    }
}
