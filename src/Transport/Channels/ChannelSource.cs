using FastSidecar.Transport.Http2;

namespace FastSidecar.Transport.Channels;

/// <summary>
/// A pool's channels to one key, for whoever opens streams to it again and again: remembers what the pool would have to look up.
/// </summary>
public sealed class ChannelSource
{
    private readonly ChannelPool _pool;
    private readonly ChannelKey _key;

    /// <summary>The key's group as it was found last. One that the pool has dropped meanwhile has no channel, and is looked up anew.</summary>
    private volatile ChannelGroup? _group;

    internal ChannelSource(ChannelPool pool, in ChannelKey key)
    {
        _pool = pool;
        _key = key;
    }

    /// <summary>As <see cref="ChannelPool.OpenStreamAsync"/> with this source's key.</summary>
    public ValueTask<Http2Stream> OpenStreamAsync(CancellationToken cancellationToken)
    {
        if (_group is { } group && group.TryOpenStream(out var stream))
        {
            return new ValueTask<Http2Stream>(stream);
        }

        _group = _pool.Find(_key);
        return _pool.OpenStreamAsync(_key, cancellationToken);
    }
}
