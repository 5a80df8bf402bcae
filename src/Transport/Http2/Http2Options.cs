namespace FastSidecar.Transport.Http2;

/// <summary>Settings and limits of one HTTP/2 connection. The defaults are those of the sidecar-to-sidecar wire.</summary>
public sealed record Http2Options
{
    /// <summary>Initial window of each stream that we announce, in bytes (RFC 9113 §6.5.2).</summary>
    public int StreamWindowBytes { get; init; } = 256 * 1024;

    /// <summary>Window of the connection that we announce, in bytes.</summary>
    public int ConnectionWindowBytes { get; init; } = 1024 * 1024;

    /// <summary>SETTINGS_MAX_CONCURRENT_STREAMS that a server announces.</summary>
    public int MaxConcurrentStreams { get; init; } = 1000;

    /// <summary>SETTINGS_MAX_FRAME_SIZE that we announce, in bytes.</summary>
    public int MaxFrameBytes { get; init; } = 16 * 1024;

    /// <summary>SETTINGS_MAX_HEADER_LIST_SIZE that we announce and enforce, in bytes (each field counts 32 bytes more, RFC 9113 §6.5.2).</summary>
    public int MaxHeaderListBytes { get; init; } = 4096 << 10;

    /// <summary>A PING leaves after this long without a byte received; zero switches it off.</summary>
    public TimeSpan KeepAliveInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The connection is given up when the answer to that PING takes longer.</summary>
    public TimeSpan KeepAliveTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Server: GOAWAY after this long without a stream; zero switches it off.</summary>
    public TimeSpan MaxIdle { get; init; } = TimeSpan.FromMinutes(3);

    /// <summary>Name for logs: the peer's address.</summary>
    public string PeerName { get; init; } = "";
}
