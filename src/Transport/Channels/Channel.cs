using FastSidecar.Transport.Http2;

namespace FastSidecar.Transport.Channels;

/// <summary>One HTTP/2 connection of a pool.</summary>
internal sealed class Channel
{
    private readonly Http2Connection _connection;
    private readonly double _growthLoad;

    public Channel(Http2Connection connection, double growthLoad)
    {
        _connection = connection;
        _growthLoad = growthLoad;
    }

    public ChannelState State =>
        _connection.Closed.IsCompleted ? ChannelState.Closed
        : _connection.IsOpen ? ChannelState.Ready
        : ChannelState.Draining;

    public int ActiveStreams => _connection.ActiveStreams;

    public TimeSpan IdleTime => _connection.IdleTime;

    public Task Closed => _connection.Closed;

    /// <summary>So many of its streams are in use that the next channel should be opened. Never without a limit.</summary>
    public bool IsLoaded => _connection.MaxStreams is var most && most != int.MaxValue && _connection.ActiveStreams >= most * _growthLoad;

    public bool TryOpenStream(out Http2Stream stream) => _connection.TryOpenStream(out stream);

    /// <summary>How many streams could be opened now.</summary>
    public int Room => _connection.CanOpenStream ? Math.Max(1, _connection.MaxStreams - _connection.ActiveStreams) : 0;

    public Task DrainAsync() => _connection.DrainAsync();
}
