using FastSidecar.Transport.Http2;
using FastSidecar.Transport.Tls;

namespace FastSidecar.Transport.Channels;

/// <summary>Limits of a <see cref="ChannelPool"/>.</summary>
public sealed record ChannelPoolOptions
{
    /// <summary>Connecting (TCP, TLS and the peer's SETTINGS together) gives up after this. Ours: Dapr has no effective limit.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A channel without streams is closed after this; Dapr's is 3 minutes (dapr pkg/api/grpc/manager/pool.go v1.18.3).</summary>
    public TimeSpan MaxIdle { get; init; } = TimeSpan.FromMinutes(3);

    /// <summary>The first channel to a key stays open however long it idles: the peer is always the same, and near.</summary>
    public bool KeepsFirst { get; init; }

    /// <summary>Another channel is opened in the background when one has this share of its streams in use.</summary>
    public double OpenNextAtLoad { get; init; } = 0.75;

    /// <summary>Most channels to one key.</summary>
    public int MaxChannelsPerKey { get; init; } = 16;

    /// <summary>How each connection speaks HTTP/2.</summary>
    public Http2Options Http2 { get; init; } = new();

    /// <summary>Who we are and whom we accept: every connection is made over TLS, with h2. Null: cleartext.</summary>
    public ITlsCredentials? Credentials { get; init; }
}
