using System.Collections.Concurrent;
using FastSidecar.Transport.Http2;

namespace FastSidecar.Transport.Channels;

/// <summary>
/// HTTP/2 connections to peers, shared by all requests. Opens the next connection before the stream limit is reached, never dials on the
/// request path while a live channel has room, and forgets a channel that was told to go away or died without touching its other streams.
/// </summary>
public sealed class ChannelPool : IAsyncDisposable
{
    /// <summary>Idle channels are looked for this often, as daprd does (dapr pkg/api/grpc/manager/pool.go v1.18.3).</summary>
    private static readonly TimeSpan IdleTick = TimeSpan.FromSeconds(45);

    private readonly ConcurrentDictionary<ChannelKey, ChannelGroup> _groups = new();
    private readonly ChannelPoolOptions _options;
    private readonly ChannelDialer _dialer;
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private volatile bool _disposed;

    public ChannelPool(ChannelPoolOptions options, TimeProvider time)
        : this(options, (key, cancellationToken) => ChannelDialer.ConnectAsync(key, options.Credentials, time, cancellationToken), time)
    {
    }

    internal ChannelPool(ChannelPoolOptions options, ChannelConnect connect, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        _options = options;
        _time = time;
        _dialer = new ChannelDialer(options, connect, time);
        _timer = time.CreateTimer(static pool => ((ChannelPool)pool!).CloseIdle(), this, IdleTick, IdleTick);
    }

    /// <summary>
    /// A stream to <paramref name="key"/>; synchronous when a live channel has room. Throws <see cref="ChannelConnectException"/> when
    /// connecting failed or took longer than
    /// <see cref="ChannelPoolOptions.ConnectTimeout"/>, which covers TCP, TLS and the peer's SETTINGS.
    /// </summary>
    public ValueTask<Http2Stream> OpenStreamAsync(ChannelKey key, CancellationToken cancellationToken)
    {
        if (_groups.TryGetValue(key, out var group) && group.TryOpenStream(out var stream))
        {
            return new ValueTask<Http2Stream>(stream);
        }

        return OpenStreamAwaitedAsync(key, cancellationToken);
    }

    /// <summary>The pool's channels to <paramref name="key"/>, whether there are any yet or not; costs nothing to have.</summary>
    public ChannelSource For(in ChannelKey key) => new(this, key);

    /// <summary>Drains every channel, then closes.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        await _timer.DisposeAsync();
        await Task.WhenAll(_groups.Values.Select(static group => group.DisposeAsync()));
    }

    internal ChannelGroup? Find(in ChannelKey key) => _groups.GetValueOrDefault(key);

    /// <summary>Channels that take streams for this key now.</summary>
    internal int ChannelCount(ChannelKey key) => _groups.TryGetValue(key, out var group) ? group.ChannelCount : 0;

    private async ValueTask<Http2Stream> OpenStreamAwaitedAsync(ChannelKey key, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        while (true)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            var group = _groups.GetOrAdd(
                key, static (key, pool) => new ChannelGroup(key, pool._options, pool._dialer, pool._time), this);
            if (await group.OpenStreamAsync(cancellationToken) is { } stream)
            {
                return stream;
            }
        }
    }

    private void CloseIdle()
    {
        foreach (var entry in _groups)
        {
            entry.Value.CloseIdle();
            if (entry.Value.TryRetire())
            {
                _groups.TryRemove(entry);
            }
        }
    }
}
