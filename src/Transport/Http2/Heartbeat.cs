namespace FastSidecar.Transport.Http2;

/// <summary>What the clock asks of a connection.</summary>
internal enum HeartbeatAction
{
    None,
    SendPing,

    /// <summary>The peer did not answer a PING: the connection is dead.</summary>
    GiveUp,

    /// <summary>Server: idle for too long.</summary>
    GoAway,

    /// <summary>Server: the client's preface and SETTINGS did not come.</summary>
    GiveUpHandshake,

    /// <summary>Server: the PING of the GOAWAY was not answered: the last stream is told without.</summary>
    FinishDrain,
}

/// <summary>
/// The one timer of a connection. It is coarse: set again at each tick for when something may be due next, at most some seconds ahead,
/// never by a request.
/// </summary>
internal sealed class Heartbeat
{
    /// <summary>
    /// How long the answer to the PING of a GOAWAY is waited for: a client that hangs must not hold a shutdown up. Go's own HTTP/2 server
    /// waits as long for a GOAWAY to be read; grpc-go waits 5 s (internal/transport/http2_server.go).
    /// </summary>
    private static readonly TimeSpan DrainPingTimeout = TimeSpan.FromSeconds(1);

    private readonly TimeProvider _time;
    private readonly KeepAlive _keepAlive;
    private readonly TimeSpan _handshakeTimeout;
    private readonly long _started;
    private ITimer? _timer;
    private long _lastRead;
    private long _drainStarted;

    public Heartbeat(Http2Options options, bool isServer, TimeProvider time)
    {
        _time = time;
        _started = _lastRead = time.GetTimestamp();
        _handshakeTimeout = isServer ? options.HandshakeTimeout : TimeSpan.Zero;
        var maxIdle = isServer ? options.MaxIdle : TimeSpan.Zero;
        _keepAlive = new KeepAlive(options.KeepAliveInterval, options.KeepAliveTimeout, maxIdle, isClient: !isServer);
    }

    /// <summary>Calls <paramref name="tick"/>, which calls <see cref="Tick"/>, from now on.</summary>
    public void Start(TimerCallback tick, object state) =>
        _timer = _time.CreateTimer(tick, state, TimeSpan.Zero, Timeout.InfiniteTimeSpan);

    public ValueTask StopAsync() => _timer?.DisposeAsync() ?? default;

    /// <summary>Bytes came.</summary>
    public void OnRead() => Volatile.Write(ref _lastRead, _time.GetTimestamp());

    /// <summary>Server: a GOAWAY and its PING leave now.</summary>
    public void OnDrain()
    {
        _drainStarted = _time.GetTimestamp();
        ScheduleTick(DrainPingTimeout);
    }

    /// <summary>The next tick comes then, and not before.</summary>
    public void ScheduleTick(TimeSpan delay) => _timer?.Change(delay, Timeout.InfiniteTimeSpan);

    /// <summary>Decides what is due, and when to ask again.</summary>
    /// <param name="hasSettings">The peer's SETTINGS have come.</param>
    /// <param name="awaitsDrainPing">The answer to the PING of a GOAWAY has not come.</param>
    /// <param name="idleSince">When the last stream ended; null while there are streams.</param>
    public HeartbeatAction Tick(bool hasSettings, bool awaitsDrainPing, long? idleSince)
    {
        var now = _time.GetElapsedTime(_started);
        if (!hasSettings && _handshakeTimeout > TimeSpan.Zero && now >= _handshakeTimeout)
        {
            return HeartbeatAction.GiveUpHandshake;
        }

        var idle = idleSince is { } since ? _time.GetElapsedTime(_started, since) : (TimeSpan?)null;
        var decision = _keepAlive.Tick(now, _time.GetElapsedTime(_started, Volatile.Read(ref _lastRead)), idle, out var next);
        if (awaitsDrainPing)
        {
            var drained = _time.GetElapsedTime(_started, _drainStarted) + DrainPingTimeout;
            if (now >= drained)
            {
                ScheduleTick(next - now);
                return HeartbeatAction.FinishDrain;
            }

            next = drained < next ? drained : next;
        }

        ScheduleTick(next - now);

        return decision switch
        {
            KeepAliveAction.SendPing => HeartbeatAction.SendPing,
            KeepAliveAction.GiveUp => HeartbeatAction.GiveUp,
            KeepAliveAction.GoAway => HeartbeatAction.GoAway,
            _ => HeartbeatAction.None,
        };
    }
}
