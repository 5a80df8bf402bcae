using System.Buffers.Binary;

namespace FastSidecar.Integration.Shared;

/// <summary>Reads what an HTTP/2 server makes of frames that were sent to it.</summary>
internal static class Http2Client
{
    /// <summary>The error code of the GOAWAY that ended the connection; null when it ended without one.</summary>
    public static uint? GoAwayCode(RawConnection connection) =>
        Http2Frames.Read(connection.Received).Where(static frame => frame.Type == Http2Frames.GoAway).Select(static frame => (uint?)BinaryPrimitives.ReadUInt32BigEndian(frame.Payload.AsSpan(4))).LastOrDefault();

    /// <summary>The error code with which a stream was reset; null when it was not.</summary>
    public static uint? ResetCode(RawConnection connection, int stream) =>
        Http2Frames.Read(connection.Received).Where(frame => frame.Type == Http2Frames.RstStream && frame.Stream == stream).Select(static frame => (uint?)BinaryPrimitives.ReadUInt32BigEndian(frame.Payload)).FirstOrDefault();

    /// <summary>A stream has been ended by the server, with an answer or a reset.</summary>
    public static bool IsEnded(RawConnection connection, int stream) =>
        Http2Frames.Read(connection.Received).Any(frame =>
            frame.Stream == stream && (frame.Type == Http2Frames.RstStream || (frame.Type is Http2Frames.HeadersType or Http2Frames.Data && (frame.Flags & Http2Frames.EndStream) != 0)));

    /// <summary>Reads until the server has answered a PING with these bytes, so that everything sent before it has been judged. False when the connection ended before.</summary>
    public static async Task<bool> IsAliveAsync(RawConnection connection)
    {
        byte[] mark = [9, 8, 7, 6, 5, 4, 3, 2];
        await connection.SendAsync(Http2Frames.Frame(Http2Frames.Ping, 0, 0, mark));
        while (!Http2Frames.Read(connection.Received).Any(frame => frame.Type == Http2Frames.Ping && frame.Flags == Http2Frames.Ack && frame.Payload.AsSpan().SequenceEqual(mark)))
        {
            if (!await connection.ReceiveAsync())
            {
                return false;
            }
        }

        return true;
    }
}
