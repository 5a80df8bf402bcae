namespace FastSidecar.Transport.Http2.Streams;

/// <summary>
/// RFC 9113 §5.1 without the reserved states: nobody pushes.
/// <code>
///                idle
///                  | HEADERS sent or received
///                open ------------------------------.
///      END_STREAM sent |            | END_STREAM received
///      half-closed (local)      half-closed (remote)
///      END_STREAM received |            | END_STREAM sent
///                closed  (also by RST_STREAM from anywhere)
/// </code>
/// </summary>
internal enum StreamState : byte
{
    Idle,
    Open,
    HalfClosedLocal,
    HalfClosedRemote,
    Closed,
}

/// <summary>What is to be run for a stream after the read batch, outside of the connection's lock.</summary>
[Flags]
internal enum StreamWork : byte
{
    None = 0,

    /// <summary>Server: give the new stream to the handler.</summary>
    Arrived = 1,

    /// <summary>Complete ReadHeadAsync.</summary>
    Head = 2,

    /// <summary>Complete the pending read.</summary>
    Read = 4,

    /// <summary>Complete the pending flush.</summary>
    Write = 8,

    /// <summary>Cancel the Aborted token.</summary>
    Abort = 16,

    /// <summary>The stream, disposed earlier, is through: it may be reused.</summary>
    Recycle = 32,
}
