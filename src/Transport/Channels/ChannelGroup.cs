using FastSidecar.Transport.Http2;

namespace FastSidecar.Transport.Channels;

/// <summary>
/// The channels to one key, the dial under way, and the requests that wait for one of the two. A request that finds room in a live channel
/// takes no lock of the group.
/// </summary>
/// <remarks>
/// Locks are taken in the order group, connection; a connection calls <see cref="OnConnectionChanged"/> outside of its own.
/// </remarks>
internal sealed class ChannelGroup : IHttp2ConnectionObserver
{
    /// <summary>A request gives up when so many connections were made for it and each was gone before it could use it.</summary>
    private const int MostDialsInVain = 3;

    /// <summary>After a dial failed beside live channels the next one waits: nobody depends on it.</summary>
    private static readonly TimeSpan GrowthPause = TimeSpan.FromSeconds(1);

    private readonly ChannelKey _key;
    private readonly ChannelPoolOptions _options;
    private readonly ChannelDialer _dialer;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private readonly LinkedList<TaskCompletionSource> _waiting = new();
    private readonly List<Channel> _leaving = []; // drain, or die
    private readonly CancellationTokenSource _stop = new();
    private volatile Channel[] _channels = []; // Ready ones, replaced as a whole
    private volatile int _waitingCount;
    private Task? _dial;
    private long _growthFailed;
    private bool _hasGrowthFailed;
    private bool _disposed;
    private bool _retired;

    public ChannelGroup(ChannelKey key, ChannelPoolOptions options, ChannelDialer dialer, TimeProvider time)
    {
        _key = key;
        _options = options;
        _dialer = dialer;
        _time = time;
    }

    public int ChannelCount => _channels.Length;

    public bool WantsSlots => _waitingCount > 0;

    /// <summary>A stream of the first channel with room, so that few channels are kept busy and their frames leave together.</summary>
    public bool TryOpenStream(out Http2Stream stream)
    {
        var channels = _channels;
        for (var i = 0; i < channels.Length; i++)
        {
            if (channels[i].TryOpenStream(out stream))
            {
                if (i == channels.Length - 1 && channels[i].IsLoaded)
                {
                    Grow();
                }

                return true;
            }
        }

        stream = null!;
        return false;
    }

    /// <summary>Waits for a dial or a free slot. Null when the group was retired meanwhile: the pool makes another.</summary>
    /// <exception cref="ChannelConnectException">A dial failed and no live channel is left.</exception>
    public async ValueTask<Http2Stream?> OpenStreamAsync(CancellationToken cancellationToken)
    {
        var first = true;
        var dials = 0;
        while (true)
        {
            LinkedListNode<TaskCompletionSource> waiter;
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_disposed, typeof(ChannelPool));
                if (_retired)
                {
                    return null;
                }

                // Raised before the try: a stream that ends after it sees that somebody wants its slot, and its notice waits for this lock.
                // The other way round a slot could become free in between without a notice, and the request would wait for ever.
                _waitingCount = _waiting.Count + 1;
                if (TryOpenStream(out var stream))
                {
                    _waitingCount = _waiting.Count;
                    return stream;
                }

                if (_channels.Length == 0 && dials++ == MostDialsInVain)
                {
                    _waitingCount = _waiting.Count;
                    throw new ChannelConnectException("connection error: desc = \"error reading server preface: EOF\"", null);
                }

                var source = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                waiter = first ? _waiting.AddLast(source) : _waiting.AddFirst(source);
                _waitingCount = _waiting.Count;
                first = false;
                if (_channels.Length < _options.MaxChannelsPerKey && (_channels.Length == 0 || !IsGrowthPaused()))
                {
                    DialUnsynchronized();
                }
            }

            try
            {
                await waiter.Value.Task.WaitAsync(cancellationToken);
            }
            catch (OperationCanceledException)
            {
                GiveUp(waiter);
                throw;
            }
        }
    }

    /// <summary>Closes channels that idled too long.</summary>
    public void CloseIdle()
    {
        var channels = _channels;
        for (var i = _options.KeepsFirst ? 1 : 0; i < channels.Length; i++)
        {
            var channel = channels[i];
            if (channel.IdleTime >= _options.MaxIdle)
            {
                Leave(channel);
                _ = channel.DrainAsync(); // ends by itself; Closed is watched
            }
        }
    }

    /// <summary>True when the group is empty; it stays so.</summary>
    public bool TryRetire()
    {
        lock (_gate)
        {
            _retired = _channels.Length == 0 && _leaving.Count == 0 && _dial is null && _waiting.Count == 0;
            return _retired;
        }
    }

    public void OnConnectionChanged()
    {
        foreach (var channel in _channels)
        {
            if (channel.State != ChannelState.Ready)
            {
                Leave(channel);
                if (channel.ActiveStreams > 0)
                {
                    // Told to go away in the middle of work: more will come, and should not have to wait.
                    Grow();
                }
            }
        }

        if (WantsSlots)
        {
            WakeWaiting();
        }
    }

    /// <summary>Drains every channel; requests that wait fail.</summary>
    public async Task DisposeAsync()
    {
        List<Task> ends = [];
        lock (_gate)
        {
            _disposed = true;
            foreach (var channel in _channels)
            {
                _leaving.Add(channel);
            }

            _channels = [];
            foreach (var waiter in _waiting)
            {
                waiter.TrySetException(new ObjectDisposedException(nameof(ChannelPool)));
            }

            _waiting.Clear();
            _waitingCount = 0;
            if (_dial is not null)
            {
                ends.Add(_dial);
            }
        }

        await _stop.CancelAsync();
        foreach (var channel in Leaving())
        {
            ends.Add(channel.DrainAsync());
        }

        await Task.WhenAll(ends);
        _stop.Dispose();
    }

    private Channel[] Leaving()
    {
        lock (_gate)
        {
            return [.. _leaving];
        }
    }

    private void Grow()
    {
        if (_dial is not null)
        {
            return;
        }

        lock (_gate)
        {
            if (!_disposed && _channels.Length < _options.MaxChannelsPerKey && !IsGrowthPaused())
            {
                DialUnsynchronized();
            }
        }
    }

    private bool IsGrowthPaused() => _hasGrowthFailed && _time.GetElapsedTime(_growthFailed) < GrowthPause;

    /// <summary>One dial at a time: all who wait share it. It starts elsewhere, because the lock is held here.</summary>
    private void DialUnsynchronized() => _dial ??= Task.Run(DialAsync);

    private async Task DialAsync()
    {
        try
        {
            var connection = await _dialer.DialAsync(_key, this, _stop.Token);
            Join(new Channel(connection, _options.OpenNextAtLoad));
        }
        catch (ChannelConnectException failure)
        {
            OnDialFailed(failure);
        }
    }

    private void Join(Channel channel)
    {
        bool refused;
        lock (_gate)
        {
            _dial = null;
            _hasGrowthFailed = false;
            refused = _disposed;
            if (!refused)
            {
                _channels = [.. _channels, channel];
            }
        }

        if (refused)
        {
            _ = channel.DrainAsync(); // has no streams: closes at once
            return;
        }

        WakeWaiting();

        // It may have gone away before it was in the list.
        OnConnectionChanged();
    }

    private void OnDialFailed(ChannelConnectException failure)
    {
        lock (_gate)
        {
            _dial = null;
            if (_channels.Length > 0)
            {
                // Whoever waits, waits for a slot of these.
                _hasGrowthFailed = true;
                _growthFailed = _time.GetTimestamp();
                if (_waiting.Count > 0)
                {
                    _dial = DialAgainAsync();
                }

                return;
            }

            foreach (var waiter in _waiting)
            {
                waiter.TrySetException(new ChannelConnectException(failure.Message, failure.InnerException));
            }

            _waiting.Clear();
            _waitingCount = 0;
        }
    }

    private async Task DialAgainAsync()
    {
        try
        {
            await Task.Delay(GrowthPause, _time, _stop.Token);
        }
        catch (OperationCanceledException)
        {
            return;
        }

        await DialAsync();
    }

    private void Leave(Channel channel)
    {
        lock (_gate)
        {
            var index = Array.IndexOf(_channels, channel);
            if (index < 0)
            {
                return;
            }

            _channels = [.. _channels[..index], .. _channels[(index + 1)..]];
            _leaving.Add(channel);
        }

        _ = ForgetWhenClosedAsync(channel);
    }

    private async Task ForgetWhenClosedAsync(Channel channel)
    {
        await channel.Closed;
        lock (_gate)
        {
            _leaving.Remove(channel);
        }
    }

    /// <summary>Lets as many waiting requests try again as there is room; those behind may need a dial.</summary>
    private void WakeWaiting()
    {
        lock (_gate)
        {
            long room = 0;
            foreach (var channel in _channels)
            {
                room += channel.Room;
            }

            if (_channels.Length == 0 && _waiting.Count > 0)
            {
                // Nobody is left to give them a slot; the end of a dial decides for all of them.
                DialUnsynchronized();
            }

            for (; room > 0 && _waiting.First is { } first; room--)
            {
                _waiting.RemoveFirst();
                first.Value.TrySetResult();
            }

            _waitingCount = _waiting.Count;
        }
    }

    /// <summary>A canceled request leaves the queue; if it had just been woken, its chance goes to the next.</summary>
    private void GiveUp(LinkedListNode<TaskCompletionSource> waiter)
    {
        lock (_gate)
        {
            if (waiter.List is not null)
            {
                _waiting.Remove(waiter);
                _waitingCount = _waiting.Count;
                return;
            }
        }

        WakeWaiting();
    }
}
