namespace FastSidecar.Transport.Http2;

/// <summary>What <see cref="KeepAlive"/> wants done.</summary>
internal enum KeepAliveAction
{
    None,
    SendPing,

    /// <summary>The peer did not answer: the connection is dead.</summary>
    GiveUp,

    /// <summary>Nothing was asked of the connection for too long: announce the end.</summary>
    GoAway,
}

/// <summary>
/// Decides when to ask whether the peer is still there, and when a connection has idled too long. Clock in, decision out: it has no timer
/// and does no I/O. Times are counted from any fixed moment.
/// </summary>
internal sealed class KeepAlive
{
    /// <summary>
    /// Servers end connections with clients that ping more often without a reason (grpc-go keepalive enforcement; daprd allows 8 s).
    /// </summary>
    public static readonly TimeSpan MinClientInterval = TimeSpan.FromSeconds(10);

    /// <summary>The state is looked at this often at least: how late the end of an idle connection may be noticed.</summary>
    private static readonly TimeSpan MaxTick = TimeSpan.FromSeconds(10);

    private readonly TimeSpan _interval;
    private readonly TimeSpan _timeout;
    private readonly TimeSpan _maxIdle;
    private TimeSpan? _pingSent;
    private bool _wentAway;

    /// <summary>A zero interval or idle time switches that part off.</summary>
    public KeepAlive(TimeSpan interval, TimeSpan timeout, TimeSpan maxIdle, bool isClient)
    {
        _interval = isClient && interval > TimeSpan.Zero && interval < MinClientInterval ? MinClientInterval : interval;
        _timeout = timeout;
        _maxIdle = maxIdle;
    }

    /// <param name="now">The time.</param>
    /// <param name="lastRead">When bytes came last; whatever they were, they answer a PING.</param>
    /// <param name="idleSince">When the last stream ended; null while there are streams.</param>
    /// <param name="next">When to ask again, at the latest.</param>
    public KeepAliveAction Tick(TimeSpan now, TimeSpan lastRead, TimeSpan? idleSince, out TimeSpan next)
    {
        if (_pingSent is { } sent && lastRead >= sent)
        {
            _pingSent = null;
        }

        var action = Decide(now, lastRead, idleSince);
        next = now + MaxTick;
        if (_pingSent is { } pending)
        {
            next = Earlier(next, pending + _timeout);
        }
        else if (_interval > TimeSpan.Zero)
        {
            next = Earlier(next, lastRead + _interval);
        }

        if (idleSince is { } idle && _maxIdle > TimeSpan.Zero && !_wentAway)
        {
            next = Earlier(next, idle + _maxIdle);
        }

        return action;
    }

    private KeepAliveAction Decide(TimeSpan now, TimeSpan lastRead, TimeSpan? idleSince)
    {
        if (_pingSent is { } sent && now - sent >= _timeout)
        {
            return KeepAliveAction.GiveUp;
        }

        if (!_wentAway && _maxIdle > TimeSpan.Zero && idleSince is { } idle && now - idle >= _maxIdle)
        {
            _wentAway = true;
            return KeepAliveAction.GoAway;
        }

        if (_pingSent is null && _interval > TimeSpan.Zero && now - lastRead >= _interval)
        {
            _pingSent = now;
            return KeepAliveAction.SendPing;
        }

        return KeepAliveAction.None;
    }

    private static TimeSpan Earlier(TimeSpan a, TimeSpan b) => a < b ? a : b;
}
