namespace FastSidecar.Transport.Channels;

/// <summary>
/// A channel's life.
/// <code>Connecting -> Ready -> Draining -> Closed; from anywhere to Closed when the connection dies</code>
/// </summary>
public enum ChannelState
{
    /// <summary>TCP, TLS or the peer's SETTINGS are outstanding.</summary>
    Connecting,

    /// <summary>Takes streams, as far as the peer's limit allows.</summary>
    Ready,

    /// <summary>Finishes its streams and takes no new ones: GOAWAY, idle for too long, or the pool is closing.</summary>
    Draining,

    Closed,
}
