namespace FastSidecar.Transport.Http1;

/// <summary>
/// The connections of a client: idle ones, last used first, a bound on all of them, and the requests that wait for one in the order they came.
/// </summary>
internal sealed class Http1ConnectionPool : IDisposable
{
    private readonly Http1ClientOptions _options;
    private readonly TimeProvider _time;
    private readonly Func<CancellationToken, ValueTask<Http1Wire>> _connect;
    private readonly Lock _gate = new();

    // The oldest at the front, where the timer takes them, the youngest at the end, where requests do.
    private readonly List<Http1Connection> _idle = [];
    private readonly LinkedList<TaskCompletionSource<Http1Connection?>> _waiters = [];
    private readonly ITimer _timer;
    private int _open;
    private bool _timerArmed;
    private bool _surplusTimerArmed;
    private bool _disposed;

    public Http1ConnectionPool(Http1ClientOptions options, TimeProvider time, Func<CancellationToken, ValueTask<Http1Wire>> connect)
    {
        _options = options;
        _time = time;
        _connect = connect;
        _timer = time.CreateTimer(static state => ((Http1ConnectionPool)state!).CloseExpired(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Connections open or being opened.</summary>
    public int OpenCount
    {
        get
        {
            lock (_gate)
            {
                return _open;
            }
        }
    }

    public int IdleCount
    {
        get
        {
            lock (_gate)
            {
                return _idle.Count;
            }
        }
    }

    /// <param name="fresh">A new connection; where there are as many as there may be, at the cost of an idle one, or whichever becomes free.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public ValueTask<Http1Connection> RentAsync(bool fresh, CancellationToken cancellationToken)
    {
        LinkedListNode<TaskCompletionSource<Http1Connection?>>? waiter = null;
        Http1Connection? displaced = null;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (!fresh && TryTakeIdle(out var connection))
            {
                return ValueTask.FromResult(connection.Rent());
            }

            if (_open < _options.MaxConnections)
            {
                _open++;
            }
            else if (TryTakeIdle(out var idle))
            {
                displaced = idle;
            }
            else
            {
                waiter = _waiters.AddLast(new TaskCompletionSource<Http1Connection?>(TaskCreationOptions.RunContinuationsAsynchronously));
            }
        }

        displaced?.CloseIdle();
        return waiter is null ? ConnectAsync(cancellationToken) : WaitAsync(waiter, cancellationToken);
    }

    /// <summary>Takes back a connection whose exchange ended well.</summary>
    public void Return(Http1Connection connection)
    {
        // Outside the lock: it may read at once.
        connection.Reader.TryWatch();
        lock (_gate)
        {
            // News that come from here on find the connection in the list, or in the hands of a request, which sees them as its answer.
            if (!_disposed && !connection.Reader.HasNews)
            {
                if (TryTakeWaiter(out var waiter))
                {
                    waiter.SetResult(connection.Rent());
                    return;
                }

                if (_idle.Count < _options.MaxIdleConnections || _options.SurplusIdleTimeout > TimeSpan.Zero)
                {
                    connection.IdleSince = _time.GetTimestamp();
                    _idle.Add(connection);
                    ArmTimer(TimeSpan.Zero);
                    return;
                }
            }
        }

        connection.CloseIdle();
        FreePlace();
    }

    /// <summary>A connection was closed, or did not come about: its place goes to the first request that waits.</summary>
    public void FreePlace()
    {
        lock (_gate)
        {
            if (TryTakeWaiter(out var waiter))
            {
                // The place stays taken: the waiter connects.
                waiter.SetResult(null);
            }
            else
            {
                _open--;
            }
        }
    }

    /// <summary>The server closed an idle connection, or sent what nobody asked for.</summary>
    public void OnNews(Http1Connection connection)
    {
        lock (_gate)
        {
            if (!_idle.Remove(connection))
            {
                // On its way into the pool, which looks once more, or out of it.
                return;
            }
        }

        connection.CloseIdle();
        FreePlace();
    }

    public void Dispose()
    {
        Http1Connection[] idle;
        TaskCompletionSource<Http1Connection?>[] waiters;
        lock (_gate)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            idle = [.. _idle];
            waiters = [.. _waiters];
            _idle.Clear();
            _waiters.Clear();
            _open -= idle.Length;
        }

        _timer.Dispose();
        foreach (var connection in idle)
        {
            connection.CloseIdle();
        }

        foreach (var waiter in waiters)
        {
            waiter.SetException(new ObjectDisposedException(nameof(Http1Client)));
        }
    }

    private bool TryTakeIdle(out Http1Connection connection)
    {
        for (var last = _idle.Count - 1; last >= 0; last--)
        {
            connection = _idle[last];
            if (!connection.Reader.HasNews)
            {
                _idle.RemoveAt(last);
                return true;
            }

            // Its callback is on the way and takes it out.
        }

        connection = null!;
        return false;
    }

    private bool TryTakeWaiter(out TaskCompletionSource<Http1Connection?> waiter)
    {
        if (_waiters.First is not { } first)
        {
            waiter = null!;
            return false;
        }

        _waiters.RemoveFirst();
        waiter = first.Value;
        return true;
    }

    private async ValueTask<Http1Connection> ConnectAsync(CancellationToken cancellationToken)
    {
        try
        {
            var wire = await _connect(cancellationToken);
            return new Http1Connection(wire, this, _options.MaxResponseHeadBytes).Rent();
        }
        catch
        {
            FreePlace();
            throw;
        }
    }

    private async ValueTask<Http1Connection> WaitAsync(LinkedListNode<TaskCompletionSource<Http1Connection?>> waiter, CancellationToken cancellationToken)
    {
        using var registration = cancellationToken.UnsafeRegister(
            static (state, token) =>
            {
                var (pool, node) = ((Http1ConnectionPool, LinkedListNode<TaskCompletionSource<Http1Connection?>>))state!;
                pool.CancelWaiter(node, token);
            },
            (this, waiter));
        return await waiter.Value.Task ?? await ConnectAsync(cancellationToken);
    }

    private void CancelWaiter(LinkedListNode<TaskCompletionSource<Http1Connection?>> waiter, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (waiter.List is null)
            {
                // It was given a connection at the same moment: the request will find the token canceled by itself.
                return;
            }

            _waiters.Remove(waiter);
        }

        waiter.Value.SetCanceled(cancellationToken);
    }

    /// <summary>Arms the timer for the oldest idle connection, which has been idle for <paramref name="age"/>; at once for a surplus one.</summary>
    private void ArmTimer(TimeSpan age)
    {
        var isSurplus = _idle.Count > _options.MaxIdleConnections;
        var timeout = IdleTimeoutAmong(_idle.Count);
        if (timeout != Timeout.InfiniteTimeSpan && (!_timerArmed || (isSurplus && !_surplusTimerArmed)))
        {
            (_timerArmed, _surplusTimerArmed) = (true, isSurplus);
            _timer.Change(timeout > age ? timeout - age : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>How long the oldest of so many idle connections is kept.</summary>
    private TimeSpan IdleTimeoutAmong(int count) =>
        count > _options.MaxIdleConnections ? _options.SurplusIdleTimeout : _options.IdleTimeout;

    private bool IsExpired(int index, long now)
    {
        var timeout = IdleTimeoutAmong(_idle.Count - index);
        return timeout != Timeout.InfiniteTimeSpan && _time.GetElapsedTime(_idle[index].IdleSince, now) >= timeout;
    }

    private void CloseExpired()
    {
        List<Http1Connection> expired = [];
        lock (_gate)
        {
            (_timerArmed, _surplusTimerArmed) = (false, false);
            if (_disposed)
            {
                return;
            }

            var now = _time.GetTimestamp();
            while (expired.Count < _idle.Count && IsExpired(expired.Count, now))
            {
                expired.Add(_idle[expired.Count]);
            }

            _idle.RemoveRange(0, expired.Count);
            if (_idle.Count > 0)
            {
                ArmTimer(_time.GetElapsedTime(_idle[0].IdleSince, now));
            }
        }

        foreach (var connection in expired)
        {
            connection.CloseIdle();
            FreePlace();
        }
    }
}
