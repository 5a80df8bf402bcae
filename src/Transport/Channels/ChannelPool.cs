using FastSidecar.Transport.Http2;

namespace FastSidecar.Transport.Channels;

/// <summary>
/// Which connections may be shared: the full value, never a hash of it. <paramref name="Identity"/> is the TLS identity we act under and
/// <paramref name="ExpectedPeer"/> the SPIFFE path the peer must prove; both empty in cleartext.
/// </summary>
public readonly record struct ChannelKey(string Address, string Identity, string ExpectedPeer);

/// <summary>Connecting to a peer failed; no byte of a request was sent.</summary>
public sealed class ChannelConnectException : IOException
{
    public ChannelConnectException(string message, Exception? inner)
        : base(message, inner)
    {
    }
}

/// <summary>
/// HTTP/2 connections to peers, shared by all requests. Opens the next connection before the stream limit is reached, never dials on the request path while
/// a live channel has room, and forgets a channel that was told to go away or died without touching its other streams.
/// </summary>
public sealed class ChannelPool : IAsyncDisposable
{
    public ChannelPool(ChannelPoolOptions options, TimeProvider time)
    {
        _ = (options, time);
        throw new NotImplementedException();
    }

    /// <summary>
    /// A stream to <paramref name="key"/>; synchronous when a live channel has room. Throws <see cref="ChannelConnectException"/> when connecting failed or took longer than
    /// <see cref="ChannelPoolOptions.ConnectTimeout"/>, which covers TCP, TLS and the peer's SETTINGS.
    /// </summary>
    public ValueTask<Http2Stream> OpenStreamAsync(ChannelKey key, CancellationToken cancellationToken) => throw new NotImplementedException();

    /// <summary>Drains every channel, then closes.</summary>
    public ValueTask DisposeAsync() => throw new NotImplementedException();
}
