using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Text;
using FastSidecar.Transport.Http2.Frames;
using FastSidecar.Transport.Http2.Streams;
using FastSidecar.Transport.Sockets;

namespace FastSidecar.Transport.Http2;

/// <summary>Takes the streams that a client opens. Called on the connection's read loop after the batch that completed the request head was parsed.</summary>
public interface IHttp2StreamHandler
{
    /// <summary>Owns <paramref name="stream"/> from here and must dispose it. Must not block; may run synchronously as long as data is there.</summary>
    void OnStream(Http2Stream stream);
}

/// <summary>Hears of a client connection's changes outside of its lock; what is true now must be asked.</summary>
internal interface IHttp2ConnectionObserver
{
    /// <summary>Streams have ended, the peer changed its limit, said GOAWAY, or the connection ended.</summary>
    void OnConnectionChanged();
}

/// <summary>One HTTP/2 connection in either role over any duplex pipe (RFC 9113). It owns the pipe and closes it.</summary>
/// <remarks>
/// <para>
/// <see cref="Gate"/> is the one lock: it guards streams, windows and the output queue, is held for short stretches of computing only, and never while code of a
/// caller, or the transport, runs. A read batch is parsed under it as a whole; what became ready then runs without it (<see cref="Turn"/>).
/// </para>
/// <para>The read loop lives as long as the connection, and closes it. <see cref="Closed"/> is its end.</para>
/// </remarks>
public sealed class Http2Connection : IAsyncDisposable
{
    /// <summary>Stream objects kept for reuse, 5 KiB each.</summary>
    private const int MaxFreeStreams = 128;

    /// <summary>Server: streams that ended but whose handlers still run count up to this many times the stream limit.</summary>
    private const int MaxUndisposedFactor = 2;

    private const int MaxStreamId = int.MaxValue;
    private const ulong KeepAlivePing = 0;
    private const ulong DrainPing = 0x6472_6169_6e00_0001;

    /// <summary>After our farewell the peer may read it in peace before the socket is closed: an early close could destroy it on its way.</summary>
    private static readonly TimeSpan LingerTime = TimeSpan.FromSeconds(1);

    private readonly IDuplexPipe _transport;
    private readonly Http2Options _options;
    private readonly IHttp2StreamHandler? _handler;
    private readonly IHttp2ConnectionObserver? _observer;
    private readonly TimeProvider _time;
    private readonly ConnectionInput _input;
    private readonly PeerSettings _peer;
    private readonly KeepAlive _keepAlive;
    private readonly StreamTable _streams = new();
    private readonly ClosedStreams _closedStreams = new();
    private readonly ReadyQueue _ready = new();
    private readonly Http2Stream[] _free = new Http2Stream[MaxFreeStreams];
    private readonly TaskCompletionSource _readySource = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _closedSource = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly long _started;
    private ITimer? _timer;
    private Task? _readLoop;
    private State _state;
    private Exception? _failure;
    private long _lastRead;
    private long _idleSince;
    private int _freeCount;
    private int _active;
    private int _undisposed;
    private int _nextId = 1;
    private int _lastStreamId = MaxStreamId; // of the GOAWAY that was sent (server) or received (client)
    private int _initialWindowBytes;
    private bool _finalGoAwaySent;
    private bool _settingsAcked;
    private bool _lingers;
    private bool _farewellSent;
    private bool _observerDue;
    private bool _isReady;

    private enum State
    {
        Open,

        /// <summary>No new streams; the open ones go on.</summary>
        Draining,

        /// <summary>No streams; what is queued leaves, then the transport is closed.</summary>
        Closing,
    }

    private Http2Connection(
        IDuplexPipe transport,
        Http2Options options,
        IHttp2StreamHandler? handler,
        IHttp2ConnectionObserver? observer,
        TimeProvider time)
    {
        _transport = transport;
        _options = options;
        _handler = handler;
        _observer = observer;
        _time = time;
        _started = _lastRead = _idleSince = time.GetTimestamp();
        _peer = new PeerSettings(peerIsServer: !IsServer);
        _keepAlive = new KeepAlive(options.KeepAliveInterval, options.KeepAliveTimeout, IsServer ? options.MaxIdle : TimeSpan.Zero, isClient: !IsServer);
        Output = new ConnectionOutput(this, transport.Output, _peer);
        _input = new ConnectionInput(this, options, new FloodGuard(time, options.MaxConcurrentStreams));
    }

    /// <summary>Completes when the connection has ended, never faulted; <see cref="Failure"/> says why.</summary>
    public Task Closed => _closedSource.Task;

    /// <summary>Why the connection ended; null while it lives and after an orderly end.</summary>
    public Exception? Failure => Volatile.Read(ref _failure);

    /// <summary>Client: completes when the peer's SETTINGS have arrived; faults when the connection ends before.</summary>
    public Task Ready => _readySource.Task;

    /// <summary>Streams that are open now (RFC 9113 §5.1.2).</summary>
    public int ActiveStreams => Volatile.Read(ref _active);

    /// <summary>Client: how many streams the peer lets us have open at once.</summary>
    public int MaxStreams => _peer.MaxConcurrentStreams;

    /// <summary>Client: a stream could be opened: alive, told nothing to the contrary by GOAWAY, ids left and room below <see cref="MaxStreams"/>.</summary>
    public bool CanOpenStream
    {
        get
        {
            lock (Gate)
            {
                return CanOpenUnsynchronized;
            }
        }
    }

    /// <summary>The connection takes new streams now or when others have ended: neither ending nor told to.</summary>
    public bool IsOpen
    {
        get
        {
            lock (Gate)
            {
                return _state == State.Open;
            }
        }
    }

    internal Lock Gate { get; } = new();

    internal ConnectionOutput Output { get; }

    internal bool IsServer => _handler is not null;

    /// <summary>Something is ready to run. Read without the lock, see <see cref="ConnectionOutput.IsDue"/>.</summary>
    internal bool HasReady => !_ready.IsEmpty || _observerDue;

    /// <summary>How long the connection has had no stream; zero while it has one.</summary>
    internal TimeSpan IdleTime
    {
        get
        {
            lock (Gate)
            {
                return _active > 0 ? TimeSpan.Zero : _time.GetElapsedTime(_idleSince);
            }
        }
    }

    private bool CanOpenUnsynchronized => _state == State.Open && !IsServer && _active < _peer.MaxConcurrentStreams;

    /// <summary>A client connection: sends preface and SETTINGS at once.</summary>
    public static Http2Connection StartClient(IDuplexPipe transport, Http2Options options, TimeProvider time) =>
        StartClient(transport, options, observer: null, time);

    /// <summary>A server connection; the client preface has not been read from <paramref name="transport"/> yet.</summary>
    public static Http2Connection StartServer(IDuplexPipe transport, Http2Options options, IHttp2StreamHandler handler, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(handler);
        var connection = new Http2Connection(transport, options, handler, observer: null, time);
        connection.Start();
        return connection;
    }

    internal static Http2Connection StartClient(IDuplexPipe transport, Http2Options options, IHttp2ConnectionObserver? observer, TimeProvider time)
    {
        var connection = new Http2Connection(transport, options, handler: null, observer, time);
        connection.Start();
        return connection;
    }

    /// <summary>Client: takes a slot and returns a stream that has sent nothing yet. False when <see cref="CanOpenStream"/> is.</summary>
    public bool TryOpenStream(out Http2Stream stream)
    {
        lock (Gate)
        {
            if (!CanOpenUnsynchronized)
            {
                stream = null!;
                return false;
            }

            stream = RentUnsynchronized();
            return true;
        }
    }

    /// <summary>Stops taking new streams (GOAWAY), lets the open ones finish, then closes. Completes with <see cref="Closed"/>.</summary>
    public Task DrainAsync()
    {
        lock (Gate)
        {
            DrainUnsynchronized("graceful_stop");
        }

        Settle();
        return Closed;
    }

    /// <summary>Ends at once with GOAWAY.</summary>
    public void Abort(Http2ErrorCode errorCode, string debugText)
    {
        lock (Gate)
        {
            var failure = new Http2ConnectionException($"the connection was ended on this side: {debugText}", errorCode, fromPeer: false);
            CloseUnsynchronized(_active > 0 || errorCode != Http2ErrorCode.NoError ? failure : null, errorCode, debugText, linger: IsServer);
        }

        Settle();
    }

    /// <summary>Ends at once with GOAWAY NO_ERROR and waits for the end.</summary>
    public async ValueTask DisposeAsync()
    {
        Abort(Http2ErrorCode.NoError, IsServer ? "server transport shutdown" : "client transport shutdown");
        await Closed;
    }

    /// <summary>After a change made outside of the lock's region: runs what is ready and flushes, at the end of the thread's turn.</summary>
    internal void Settle()
    {
        var turn = Turn.Current;
        if (!turn.TryBegin())
        {
            turn.Add(this);
            return;
        }

        turn.Add(this);
        turn.End();
    }

    /// <summary>The same from a callback that must return soon.</summary>
    internal void SettleElsewhere() => ThreadPool.UnsafeQueueUserWorkItem(static connection => connection.Settle(), this, preferLocal: false);

    /// <summary>Runs, without the lock, what is ready.</summary>
    internal void RunReady()
    {
        while (true)
        {
            Http2Stream stream;
            StreamWork work;
            CancellationTokenSource? aborted = null;
            bool notify;
            lock (Gate)
            {
                notify = _observerDue;
                _observerDue = false;
                if (!_ready.TryTake(out stream, out work))
                {
                    if (!notify)
                    {
                        return;
                    }
                }
                else if ((work & StreamWork.Abort) != 0)
                {
                    aborted = stream.AbortedSourceUnsynchronized;
                }
            }

            if (notify)
            {
                _observer!.OnConnectionChanged();
            }

            if (work == StreamWork.None)
            {
                continue;
            }

            if (aborted is not null)
            {
                Cancel(aborted);
            }

            stream.Run(work);
            if ((work & StreamWork.Recycle) != 0)
            {
                stream.TryRecycle();
            }
        }
    }

    /// <summary>Server: gives a new stream to the handler.</summary>
    internal void Arrive(Http2Stream stream)
    {
        try
        {
            _handler!.OnStream(stream);
        }
        catch (Exception)
        {
            // A handler that throws has given its stream up; the client is told, its neighbours are not touched.
            stream.Reset(Http2ErrorCode.InternalError);
            stream.Dispose();
        }
    }

    internal void MarkReadyUnsynchronized(Http2Stream stream, StreamWork work) => _ready.Add(stream, work);

    internal Http2Stream? FindUnsynchronized(int id) => _streams.Find(id);

    internal ClosedStreamFact FindClosedUnsynchronized(int id) => _closedStreams.Find(id);

    internal void RememberClosedUnsynchronized(int id) => _closedStreams.Add(id, resetHere: true);

    /// <summary>Client: the stream has sent its HEADERS at some time.</summary>
    internal bool HasOpenedUnsynchronized(int id) => (id & 1) == 1 && id < _nextId;

    /// <summary>Server: our GOAWAY said that the stream will not be looked at.</summary>
    internal bool IsPastLastStreamUnsynchronized(int id) => _finalGoAwaySent && id > _lastStreamId;

    /// <summary>So many received bytes are no longer buffered. True when a WINDOW_UPDATE was queued.</summary>
    internal bool FreeUnsynchronized(int bytes) => _input.FreeUnsynchronized(bytes);

    /// <summary>Server: takes a slot for a new stream; false when there is none.</summary>
    internal bool TryAcceptUnsynchronized(out Http2Stream stream)
    {
        if (_active >= _options.MaxConcurrentStreams || _undisposed >= MaxUndisposedFactor * _options.MaxConcurrentStreams)
        {
            stream = null!;
            return false;
        }

        stream = RentUnsynchronized();
        return true;
    }

    /// <summary>Server: the stream that was taken for a malformed request is not needed.</summary>
    internal void TakeBackUnsynchronized(Http2Stream stream)
    {
        _active--;
        stream.AbandonUnsynchronized();
    }

    internal void OpenUnsynchronized(Http2Stream stream, int id)
    {
        stream.OpenUnsynchronized(id, _peer.InitialWindowBytes, _initialWindowBytes);
        _streams.Add(stream);
    }

    /// <summary>Client: the stream gets its id with its HEADERS, so that ids rise on the wire. False when it failed, because no stream can be opened any more.</summary>
    internal bool AssignIdUnsynchronized(Http2Stream stream)
    {
        if (stream.Id != 0)
        {
            return true;
        }

        if (_state == State.Closing || _lastStreamId != MaxStreamId || _nextId < 0)
        {
            stream.FailUnsynchronized(StreamFault.NeverProcessed, Http2ErrorCode.RefusedStream, "the connection went away before the request was sent");
            return false;
        }

        OpenUnsynchronized(stream, _nextId);
        _nextId += 2; // wraps to negative after the last id
        if (_nextId < 0)
        {
            DrainUnsynchronized("no stream ids left");
        }

        return true;
    }

    /// <summary>The stream is closed in the protocol's sense; its caller may still hold it.</summary>
    internal void OnClosedUnsynchronized(Http2Stream stream, bool resetHere)
    {
        Output.RemoveUnsynchronized(stream);
        if (stream.Id != 0)
        {
            _streams.Remove(stream);
            _closedStreams.Add(stream.Id, resetHere);
        }

        if (--_active == 0)
        {
            _idleSince = _time.GetTimestamp();
        }

        if (stream.IsDisposedUnsynchronized)
        {
            MarkReadyUnsynchronized(stream, StreamWork.Recycle);
        }

        NotifyUnsynchronized();
        CloseIfDrainedUnsynchronized();
    }

    /// <summary>Server: nobody reads the rest of the request. Once our answer is out, the client is told so (RFC 9113 §8.1).</summary>
    internal void StopRequestUnsynchronized(Http2Stream stream)
    {
        Debug.Assert(IsServer, "only a server may end a stream early without an error");
        if (stream.State == StreamState.HalfClosedLocal)
        {
            stream.ResetUnsynchronized(Http2ErrorCode.NoError, null);
        }
    }

    internal void RecycleUnsynchronized(Http2Stream stream)
    {
        _undisposed--;
        if (_freeCount < MaxFreeStreams)
        {
            _free[_freeCount++] = stream;
        }
    }

    internal Exception CreateStreamFailure() => _failure is Http2ConnectionException failure
        ? new Http2ConnectionException(failure.Message, failure.ErrorCode, failure.FromPeer, failure.InnerException)
        : new Http2ConnectionException("the connection is closing", Http2ErrorCode.NoError, fromPeer: false);

    internal void OnSettingsUnsynchronized(ReadOnlySpan<byte> payload)
    {
        var window = _peer.InitialWindowBytes;
        _peer.Apply(payload);
        Output.SetHeaderTableBytesUnsynchronized(_peer.HeaderTableBytes);
        Output.WriteSettingsAckUnsynchronized();
        if (_peer.InitialWindowBytes != window)
        {
            foreach (var stream in _streams.ToArray())
            {
                if (!stream.SendWindow.TryShift(_peer.InitialWindowBytes - window))
                {
                    throw Http2Faults.FlowControl("SETTINGS_INITIAL_WINDOW_SIZE makes a window larger than 2^31 - 1");
                }

                Output.SendUnsynchronized(stream);
            }
        }

        _isReady = true;
        _readySource.TrySetResult();
        NotifyUnsynchronized();
    }

    /// <summary>Only now the peer is bound by an initial window that we made smaller than the protocol's.</summary>
    internal void OnSettingsAckUnsynchronized()
    {
        if (_settingsAcked)
        {
            return;
        }

        _settingsAcked = true;
        var announced = AnnouncedWindowBytes();
        if (announced == _initialWindowBytes)
        {
            return;
        }

        _initialWindowBytes = announced;
        foreach (var stream in _streams.ToArray())
        {
            stream.ReceiveWindow.Resize(announced);
        }
    }

    internal void OnPingAckUnsynchronized(ulong opaque)
    {
        if (opaque == DrainPing && _state == State.Draining && IsServer && !_finalGoAwaySent)
        {
            SendFinalGoAwayUnsynchronized();
        }
    }

    internal void OnGoAwayUnsynchronized(int lastStreamId, Http2ErrorCode code, ReadOnlySpan<byte> debugText)
    {
        if (IsServer)
        {
            // A client opens streams or not, as it likes; nothing of ours depends on it.
            return;
        }

        if (_state == State.Open)
        {
            _state = State.Draining;
        }

        // Never up again (RFC 9113 §6.8), and below the initial value even when the peer names the highest id.
        _lastStreamId = Math.Min(lastStreamId, _lastStreamId - 1);
        var reason = $"the peer went away with {code.WireName()} {Encoding.UTF8.GetString(debugText)}".TrimEnd();
        foreach (var stream in _streams.ToArray())
        {
            if (stream.Id > lastStreamId)
            {
                stream.FailUnsynchronized(StreamFault.NeverProcessed, code, reason);
            }
        }

        NotifyUnsynchronized();
        CloseIfDrainedUnsynchronized();
    }

    /// <summary>Outside of the lock: the output has nothing more to send.</summary>
    internal void OnFlushEnded()
    {
        if (_state == State.Closing)
        {
            SayFarewell();
        }
    }

    /// <summary>Outside of the lock: the transport does not take bytes any more.</summary>
    internal void OnWriteFailed(Exception cause)
    {
        lock (Gate)
        {
            CloseUnsynchronized(Lost(cause), goAway: null, "", linger: false);
        }

        _transport.Input.CancelPendingRead();
        Settle();
    }

    private void Start()
    {
        lock (Gate)
        {
            var announced = AnnouncedWindowBytes();
            _initialWindowBytes = Math.Max(announced, FlowControl.Window.InitialBytes);
            if (!IsServer)
            {
                Output.WritePrefaceUnsynchronized();
            }

            WriteSettingsUnsynchronized();
            if (_options.ConnectionWindowBytes > FlowControl.Window.InitialBytes)
            {
                Output.WriteWindowUpdateUnsynchronized(0, _options.ConnectionWindowBytes - FlowControl.Window.InitialBytes);
            }
        }

        Settle();
        _timer = _time.CreateTimer(static connection => ((Http2Connection)connection!).OnTick(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        OnTick();
        _readLoop = ReadAsync();
    }

    private int AnnouncedWindowBytes() => Announces(Http2AnnouncedSettings.InitialWindowSize) ? _options.StreamWindowBytes : FlowControl.Window.InitialBytes;

    private bool Announces(Http2AnnouncedSettings setting) => _options.Announce is not { } announce || (announce & setting) != 0;

    private void WriteSettingsUnsynchronized()
    {
        Span<(SettingId Id, uint Value)> settings = stackalloc (SettingId, uint)[5];
        var count = 0;
        var always = _options.Announce is not null;
        if (!IsServer && Announces(Http2AnnouncedSettings.EnablePush))
        {
            settings[count++] = (SettingId.EnablePush, 0);
        }

        if (IsServer && Announces(Http2AnnouncedSettings.MaxConcurrentStreams))
        {
            settings[count++] = (SettingId.MaxConcurrentStreams, (uint)_options.MaxConcurrentStreams);
        }

        if (Announces(Http2AnnouncedSettings.InitialWindowSize) && (always || _options.StreamWindowBytes != FlowControl.Window.InitialBytes))
        {
            settings[count++] = (SettingId.InitialWindowSize, (uint)_options.StreamWindowBytes);
        }

        if (Announces(Http2AnnouncedSettings.MaxFrameSize) && (always || _options.MaxFrameBytes != FrameHeader.DefaultMaxLength))
        {
            settings[count++] = (SettingId.MaxFrameSize, (uint)_options.MaxFrameBytes);
        }

        if (Announces(Http2AnnouncedSettings.MaxHeaderListSize))
        {
            settings[count++] = (SettingId.MaxHeaderListSize, (uint)_options.MaxHeaderListBytes);
        }

        Output.WriteSettingsUnsynchronized(settings[..count]);
    }

    private async Task ReadAsync()
    {
        Exception? end = null;
        try
        {
            var more = true;
            while (more)
            {
                more = OnRead(await _transport.Input.ReadAsync());
            }
        }
        catch (Exception failure)
        {
            // Whatever a transport throws, it has failed.
            end = failure;
        }

        lock (Gate)
        {
            if (_state != State.Closing)
            {
                CloseUnsynchronized(Lost(end), goAway: null, "", linger: false);
            }

            Output.StopUnsynchronized();
        }

        Settle();
        await EndAsync();
    }

    /// <summary>One read batch. False at the connection's end.</summary>
    private bool OnRead(ReadResult result)
    {
        var turn = Turn.Current;
        var outermost = turn.TryBegin();
        try
        {
            var buffer = result.Buffer;
            lock (Gate)
            {
                if (!buffer.IsEmpty)
                {
                    Volatile.Write(ref _lastRead, _time.GetTimestamp());
                    ReadUnsynchronized(buffer);
                }
            }

            _transport.Input.AdvanceTo(buffer.End);
            turn.Add(this);
        }
        finally
        {
            if (outermost)
            {
                turn.End();
            }
        }

        return !result.IsCompleted && !(result.IsCanceled && _state == State.Closing);
    }

    private void ReadUnsynchronized(in ReadOnlySequence<byte> buffer)
    {
        if (_state == State.Closing)
        {
            return;
        }

        try
        {
            _input.ReadUnsynchronized(buffer);
        }
        catch (Http2ConnectionException fault)
        {
            CloseUnsynchronized(fault, fault.ErrorCode, fault.Message, linger: true);
        }
    }

    private void OnTick()
    {
        lock (Gate)
        {
            if (_state == State.Closing)
            {
                // The farewell had its time.
                _transport.Input.CancelPendingRead();
                return;
            }

            TickUnsynchronized();
        }

        Settle();
    }

    private void TickUnsynchronized()
    {
        var now = _time.GetElapsedTime(_started);
        var lastRead = _time.GetElapsedTime(_started, Volatile.Read(ref _lastRead));
        var idleSince = _active == 0 ? _time.GetElapsedTime(_started, _idleSince) : (TimeSpan?)null;
        if (IsServer && !_isReady && _options.HandshakeTimeout > TimeSpan.Zero && now >= _options.HandshakeTimeout)
        {
            CloseUnsynchronized(
                new Http2ConnectionException("the client's preface did not come", Http2ErrorCode.SettingsTimeout, fromPeer: false),
                Http2ErrorCode.SettingsTimeout,
                "",
                linger: false);
            return;
        }

        switch (_keepAlive.Tick(now, lastRead, idleSince, out var next))
        {
            case KeepAliveAction.SendPing:
                Output.WritePingUnsynchronized(KeepAlivePing);
                break;
            case KeepAliveAction.GiveUp:
                CloseUnsynchronized(
                    new Http2ConnectionException("keepalive ping failed to receive ACK within timeout", Http2ErrorCode.NoError, fromPeer: true),
                    goAway: null,
                    "",
                    linger: false);
                return;
            case KeepAliveAction.GoAway:
                DrainUnsynchronized("max_idle");
                break;
            default:
                break;
        }

        if (_active == 0)
        {
            // Nobody needs them; busy connections keep theirs.
            Array.Clear(_free, 0, _freeCount);
            _freeCount = 0;
        }

        _timer!.Change(next - now, Timeout.InfiniteTimeSpan);
    }

    private void DrainUnsynchronized(string debugText)
    {
        if (_state != State.Open)
        {
            return;
        }

        _state = State.Draining;
        NotifyUnsynchronized();
        if (IsServer)
        {
            // The client may have streams on their way: it hears of the end first, and the last id is told when its answer shows that it has.
            Output.WriteGoAwayUnsynchronized(MaxStreamId, Http2ErrorCode.NoError, debugText);
            Output.WritePingUnsynchronized(DrainPing);
        }

        CloseIfDrainedUnsynchronized();
    }

    private void SendFinalGoAwayUnsynchronized()
    {
        _finalGoAwaySent = true;
        _lastStreamId = _input.HighestStreamId;
        Output.WriteGoAwayUnsynchronized(_lastStreamId, Http2ErrorCode.NoError, "");
        CloseIfDrainedUnsynchronized();
    }

    private void CloseIfDrainedUnsynchronized()
    {
        if (_state != State.Draining || _active > 0)
        {
            return;
        }

        if (!IsServer)
        {
            CloseUnsynchronized(null, Http2ErrorCode.NoError, "client transport shutdown", linger: false);
        }
        else if (_finalGoAwaySent)
        {
            CloseUnsynchronized(null, goAway: null, "", linger: true);
        }
    }

    /// <summary>Ends everything: streams fail with the reason, what is queued still leaves, then the transport closes. Only the first call counts.</summary>
    private void CloseUnsynchronized(Exception? failure, Http2ErrorCode? goAway, string debugText, bool linger)
    {
        if (_state == State.Closing)
        {
            return;
        }

        _state = State.Closing;
        _lingers = linger;
        Volatile.Write(ref _failure, failure);
        foreach (var stream in _streams.ToArray())
        {
            stream.FailUnsynchronized(StreamFault.Connection, Http2ErrorCode.NoError, null);
        }

        if (goAway is { } code)
        {
            Output.WriteGoAwayUnsynchronized(IsServer ? _input.HighestStreamId : 0, code, debugText);
        }
        else if (!linger)
        {
            Output.StopUnsynchronized();
        }

        _readySource.TrySetException(failure ?? new Http2ConnectionException("the connection is closing", Http2ErrorCode.NoError, fromPeer: false));
        _ = _readySource.Task.Exception; // observed: not everyone waits for it
        NotifyUnsynchronized();

        // Even a peer that takes nothing more ends with this.
        _timer?.Change(LingerTime, Timeout.InfiniteTimeSpan);
        if (Output.IsIdleUnsynchronized || (goAway is null && !linger))
        {
            // No flush will come, or none is worth waiting for, that could say farewell at its end.
            ThreadPool.UnsafeQueueUserWorkItem(static connection => connection.SayFarewell(), this, preferLocal: false);
        }
    }

    /// <summary>Everything has left: our side of the transport ends, and the read loop too, unless it lingers for the peer's end.</summary>
    private void SayFarewell()
    {
        lock (Gate)
        {
            if (_farewellSent)
            {
                return;
            }

            _farewellSent = true;
            Output.StopUnsynchronized();
        }

        if (!_lingers)
        {
            _transport.Input.CancelPendingRead();
            return;
        }

        _ = CompleteOutputAsync(); // the read loop, which waits for the peer's end now, completes it again
    }

    private async Task CompleteOutputAsync()
    {
        try
        {
            await _transport.Output.CompleteAsync();
        }
        catch (Exception)
        {
            // The transport has failed: the read loop sees that too.
        }
    }

    private async Task EndAsync()
    {
        await (_timer?.DisposeAsync() ?? default);
        if (Output.IsFlushing)
        {
            await EndFlushAsync();
        }

        await CompleteOutputAsync();
        try
        {
            await _transport.Input.CompleteAsync();
            if (_transport is IAsyncDisposable transport)
            {
                await transport.DisposeAsync();
            }
        }
        catch (Exception)
        {
            // A transport that fails while it is closed is closed.
        }

        lock (Gate)
        {
            _input.ReleaseUnsynchronized();
        }

        _closedSource.TrySetResult();
    }

    /// <summary>A peer that takes nothing: the transport is closed under its flush. Nobody else may use its writer until that has ended.</summary>
    private async Task EndFlushAsync()
    {
        if (_transport is SocketConnection socket)
        {
            socket.Abort();
        }
        else
        {
            _transport.Output.CancelPendingFlush();
        }

        await Output.WaitForFlushAsync();
    }

    private Http2Stream RentUnsynchronized()
    {
        _active++;
        _undisposed++;
        Http2Stream stream;
        if (_freeCount > 0)
        {
            stream = _free[--_freeCount];
            _free[_freeCount] = null!;
        }
        else
        {
            stream = new Http2Stream(this);
        }

        stream.RentUnsynchronized();
        return stream;
    }

    private void NotifyUnsynchronized() => _observerDue = _observer is not null;

    private Http2ConnectionException? Lost(Exception? cause)
    {
        if (cause is null && (_active == 0 && _isReady))
        {
            return null; // the peer closed a connection that served nobody: that is its good right
        }

        var what = IsServer ? "client" : "server";
        return new Http2ConnectionException(
            $"error reading from {what}: {cause?.Message ?? "EOF"}", Http2ErrorCode.NoError, fromPeer: true, cause);
    }

    private static void Cancel(CancellationTokenSource source)
    {
        try
        {
            source.Cancel();
        }
        catch (AggregateException)
        {
            // What a caller's callback throws must not end the connection for everyone.
        }
    }
}
