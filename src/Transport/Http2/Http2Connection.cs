using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using FastSidecar.Transport.Http2.FlowControl;
using FastSidecar.Transport.Http2.Frames;
using FastSidecar.Transport.Http2.Streams;
using FastSidecar.Transport.Sockets;

namespace FastSidecar.Transport.Http2;

/// <summary>One HTTP/2 connection in either role over any duplex pipe (RFC 9113). It owns the pipe and closes it.</summary>
/// <remarks>
/// <para>
/// <see cref="Gate"/> is the one lock: it guards streams, windows and the output queue, is held for short stretches of computing only, and
/// never while code of a caller, or the transport, runs. A read batch is parsed under it as a whole; what became ready then runs without it
/// (<see cref="Turn"/>).
/// </para>
/// <para>The read loop lives as long as the connection, and closes it. <see cref="Closed"/> is its end.</para>
/// </remarks>
public sealed class Http2Connection : IAsyncDisposable, ITurnMember
{
    /// <summary>Server: streams that ended but whose handlers still run count up to this many times the stream limit.</summary>
    private const int MaxUndisposedFactor = 2;

    private const ulong KeepAlivePing = 0;

    private readonly IDuplexPipe _transport;
    private readonly Http2Options _options;
    private readonly IHttp2StreamHandler? _handler;
    private readonly TimeProvider _time;
    private readonly OwnSettings _settings;
    private readonly PeerSettings _peer;
    private readonly ConnectionInput _input;
    private readonly GoAway _goAway;
    private readonly Farewell _farewell;
    private readonly ReadyRunner _ready;
    private readonly Heartbeat _heartbeat;
    private readonly TaskCompletionSource _readySource = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _closedSource = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task? _readLoop;
    private State _state;
    private Exception? _failure;
    private int _initialWindowBytes;
    private bool _settingsAcked;
    private bool _lingers;

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
        _time = time;
        _settings = new OwnSettings(options, IsServer);
        _peer = new PeerSettings(peerIsServer: !IsServer);
        _ready = new ReadyRunner(Gate, observer);
        _heartbeat = new Heartbeat(options, IsServer, time);
        WindowSizing = new StreamWindowSizing(options, time);
        Streams = new StreamSet(this, time);
        Output = new ConnectionOutput(this, transport.Output, _peer);
        _input = new ConnectionInput(this, options, new FloodGuard(time, options.MaxConcurrentStreams));
        _goAway = new GoAway(this, Streams);
        _farewell = new Farewell(transport, Output, Gate);
    }

    /// <summary>Completes when the connection has ended, never faulted; <see cref="Failure"/> says why.</summary>
    public Task Closed => _closedSource.Task;

    /// <summary>Why the connection ended; null while it lives and after an orderly end.</summary>
    public Exception? Failure => Volatile.Read(ref _failure);

    /// <summary>Client: completes when the peer's SETTINGS have arrived; faults when the connection ends before.</summary>
    public Task Ready => _readySource.Task;

    /// <summary>Streams that are open now (RFC 9113 §5.1.2), and on a client those that were taken and have not been sent.</summary>
    public int ActiveStreams => Streams.Active;

    /// <summary>Client: how many streams the peer lets us have open at once.</summary>
    public int MaxStreams => _peer.MaxConcurrentStreams;

    /// <summary>
    /// Client: a stream could be opened: alive, told nothing to the contrary by GOAWAY, ids left and room below <see cref="MaxStreams"/>.
    /// </summary>
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

    internal StreamSet Streams { get; }

    internal StreamWindowSizing WindowSizing { get; }

    internal bool IsServer => _handler is not null;

    /// <summary>Something is ready to run. Read without the lock, see <see cref="ConnectionOutput.IsDue"/>.</summary>
    bool ITurnMember.HasReady => _ready.IsDue;

    /// <summary>Something is to be sent. Read without the lock, see <see cref="ConnectionOutput.IsDue"/>.</summary>
    bool ITurnMember.IsFlushDue => Output.IsDue;

    /// <summary>How long the connection has had no stream; zero while it has one.</summary>
    internal TimeSpan IdleTime
    {
        get
        {
            lock (Gate)
            {
                return Streams.Active > 0 ? TimeSpan.Zero : _time.GetElapsedTime(Streams.IdleSince);
            }
        }
    }

    private bool CanOpenUnsynchronized => _state == State.Open && !IsServer && Streams.Active < _peer.MaxConcurrentStreams;

    /// <summary>A client connection: sends preface and SETTINGS at once.</summary>
    public static Http2Connection StartClient(IDuplexPipe transport, Http2Options options, TimeProvider time) =>
        StartClient(transport, options, observer: null, time);

    /// <summary>A server connection; the client preface has not been read from <paramref name="transport"/> yet.</summary>
    public static Http2Connection StartServer(IDuplexPipe transport, Http2Options options, IHttp2StreamHandler handler, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(handler);
        var connection = new Http2Connection(transport, options, handler, observer: null, time);
        connection.Start(upgraded: null);
        return connection;
    }

    /// <summary>
    /// A server connection that began as HTTP/1.1: the 101 has left, the client preface comes next, and the request is stream 1 already.
    /// </summary>
    public static Http2Connection StartUpgraded(
        IDuplexPipe transport, UpgradedRequest request, Http2Options options, IHttp2StreamHandler handler, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(handler);
        var connection = new Http2Connection(transport, options, handler, observer: null, time);
        connection.Start(request);
        return connection;
    }

    internal static Http2Connection StartClient(
        IDuplexPipe transport, Http2Options options, IHttp2ConnectionObserver? observer, TimeProvider time)
    {
        var connection = new Http2Connection(transport, options, handler: null, observer, time);
        connection.Start(upgraded: null);
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

            stream = Streams.Rent();
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
            var isOrderly = Streams.Active == 0 && errorCode == Http2ErrorCode.NoError;
            CloseUnsynchronized(isOrderly ? null : failure, errorCode, debugText, linger: IsServer);
        }

        Settle();
    }

    /// <summary>Ends at once with GOAWAY NO_ERROR and waits for the end.</summary>
    public async ValueTask DisposeAsync()
    {
        Abort(Http2ErrorCode.NoError, IsServer ? "server transport shutdown" : "client transport shutdown");
        await Closed;
    }

    /// <summary>After a change, outside of the lock: runs what is ready and flushes, at the end of the thread's turn.</summary>
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
    internal void SettleElsewhere() =>
        ThreadPool.UnsafeQueueUserWorkItem(static connection => connection.Settle(), this, preferLocal: false);

    /// <summary>Runs, without the lock, what is ready.</summary>
    void ITurnMember.RunReady() => _ready.Run();

    void ITurnMember.Flush() => Output.Flush();

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

    /// <summary>So many received bytes wait for their reader no longer. True when a WINDOW_UPDATE was queued.</summary>
    internal bool FreeUnsynchronized(int bytes) => _input.FreeUnsynchronized(bytes);

    /// <summary>Server: takes a slot for a new stream; false when there is none.</summary>
    internal bool TryAcceptUnsynchronized(out Http2Stream stream)
    {
        if (Streams.Active >= _options.MaxConcurrentStreams || Streams.Rented >= MaxUndisposedFactor * _options.MaxConcurrentStreams)
        {
            stream = null!;
            return false;
        }

        stream = Streams.Rent();
        return true;
    }

    /// <summary>Server: our GOAWAY said that the stream will not be looked at.</summary>
    internal bool IsPastLastStreamUnsynchronized(int id) => _goAway.IsPastLast(id);

    internal void OpenUnsynchronized(Http2Stream stream, int id) => Streams.Open(stream, id, _peer.InitialWindowBytes, _initialWindowBytes);

    /// <summary>
    /// Client: the stream gets its id with its HEADERS, so that ids rise on the wire. False when it failed, because no stream can be opened
    /// any more.
    /// </summary>
    internal bool AssignIdUnsynchronized(Http2Stream stream)
    {
        if (stream.Id != 0)
        {
            return true;
        }

        if (_state == State.Closing || _goAway.IsReceived || Streams.NextId < 0)
        {
            const string Reason = "the connection went away before the request was sent";
            stream.FailUnsynchronized(StreamFault.NeverProcessed, Http2ErrorCode.RefusedStream, Reason);
            return false;
        }

        OpenUnsynchronized(stream, Streams.TakeId());
        if (Streams.NextId < 0)
        {
            DrainUnsynchronized("no stream ids left");
        }

        return true;
    }

    /// <summary>The stream is closed in the protocol's sense; its caller may still hold it.</summary>
    internal void OnClosedUnsynchronized(Http2Stream stream, bool resetHere)
    {
        Output.RemoveUnsynchronized(stream);
        Streams.Close(stream, resetHere);
        if (stream.IsDisposedUnsynchronized)
        {
            MarkReadyUnsynchronized(stream, StreamWork.Recycle);
        }

        _ready.NoticeFreeSlot();
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

    /// <summary>The connection's failure, once more for each stream that ends with it.</summary>
    internal Exception CreateStreamFailure() => _failure is Http2ConnectionException failure
        ? new Http2ConnectionException(failure.Message, failure.ErrorCode, failure.FromPeer, failure.InnerException)
        : new Http2ConnectionException("the connection is closing", Http2ErrorCode.NoError, fromPeer: false);

    /// <summary>Server: the settings that an upgrade brings. There is no stream yet, and nothing to acknowledge.</summary>
    internal void TakeUpgradeSettingsUnsynchronized(ReadOnlySpan<byte> payload)
    {
        _peer.Apply(payload);
        Output.SetHeaderTableBytesUnsynchronized(_peer.HeaderTableBytes);
    }

    internal void OnSettingsUnsynchronized(ReadOnlySpan<byte> payload)
    {
        var window = _peer.InitialWindowBytes;
        _peer.Apply(payload);
        Output.SetHeaderTableBytesUnsynchronized(_peer.HeaderTableBytes);
        Output.WriteSettingsAckUnsynchronized();
        if (_peer.InitialWindowBytes != window)
        {
            ShiftSendWindows(_peer.InitialWindowBytes - window);
        }

        _readySource.TrySetResult();
        _ready.NoticeChange();
    }

    /// <summary>Only now the peer is bound by an initial window that we made smaller than the protocol's.</summary>
    internal void OnSettingsAckUnsynchronized()
    {
        if (_settingsAcked || _initialWindowBytes == _settings.InitialWindowBytes)
        {
            return;
        }

        _settingsAcked = true;
        var difference = _settings.InitialWindowBytes - _initialWindowBytes;
        _initialWindowBytes = _settings.InitialWindowBytes;
        foreach (var stream in Streams.ToArray())
        {
            stream.ReceiveWindow.Shift(difference);
        }
    }

    internal void OnPingAckUnsynchronized(ulong opaque)
    {
        if (_state == State.Draining && _goAway.OnPingAck(opaque))
        {
            CloseIfDrainedUnsynchronized();
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

        _goAway.OnReceived(lastStreamId, code, debugText);
        _ready.NoticeChange();
        CloseIfDrainedUnsynchronized();
    }

    /// <summary>Outside of the lock: the output has nothing more to send.</summary>
    internal void OnFlushEnded()
    {
        if (_state == State.Closing)
        {
            _farewell.Say(_lingers);
        }
    }

    /// <summary>Outside of the lock: the transport does not take bytes any more.</summary>
    internal void OnWriteFailed(Exception cause)
    {
        lock (Gate)
        {
            CloseUnsynchronized(Lost("writing to", cause), goAway: null, "", linger: false);
        }

        _transport.Input.CancelPendingRead();
        Settle();
    }

    private void Start(UpgradedRequest? upgraded)
    {
        lock (Gate)
        {
            // Until it has acknowledged our SETTINGS the peer may use the protocol's window.
            _initialWindowBytes = Math.Max(_settings.InitialWindowBytes, Window.InitialBytes);
            if (!IsServer)
            {
                Output.WritePrefaceUnsynchronized();
            }

            _settings.Write(Output);
            if (_settings.ConnectionWindowGrowth > 0)
            {
                Output.WriteWindowUpdateUnsynchronized(0, _settings.ConnectionWindowGrowth);
            }
        }

        Settle();
        _heartbeat.Start(static connection => ((Http2Connection)connection!).OnTick(), this);
        if (upgraded is not null)
        {
            Open(upgraded);
        }

        _readLoop = ReadAsync();
    }

    /// <summary>Before anything is read: the client's first frames may concern the stream.</summary>
    private void Open(UpgradedRequest upgraded)
    {
        lock (Gate)
        {
            try
            {
                _input.OpenUnsynchronized(upgraded);
            }
            catch (Http2ConnectionException fault)
            {
                CloseUnsynchronized(fault, fault.ErrorCode, fault.Message, linger: true);
            }
        }

        Settle();
    }

    private void ShiftSendWindows(int bytes)
    {
        foreach (var stream in Streams.ToArray())
        {
            if (!stream.SendWindow.TryShift(bytes))
            {
                throw Http2Faults.FlowControl("SETTINGS_INITIAL_WINDOW_SIZE makes a window larger than 2^31 - 1");
            }

            Output.SendUnsynchronized(stream);
        }
    }

    private async Task ReadAsync()
    {
        Exception? end = null;
        try
        {
            while (OnRead(await _transport.Input.ReadAsync()))
            {
                // A peer that never pauses does not keep the thread: the transport sees to that (SocketPipeReader).
            }
        }
        catch (Exception failure)
        {
            // Whatever a transport throws, it has failed.
            end = failure;
        }

        if (end is null && _state == State.Closing && _lingers)
        {
            await SayLastWordsAsync();
        }

        lock (Gate)
        {
            CloseUnsynchronized(Lost("reading from", end), goAway: null, "", linger: false);
            Output.StopUnsynchronized();
        }

        Settle();
        await _heartbeat.StopAsync();
        await _farewell.CloseAsync();
        lock (Gate)
        {
            _input.ReleaseUnsynchronized();
        }

        _closedSource.TrySetResult();
    }

    /// <summary>
    /// The peer's end can come right behind what it is told off for, while another thread's flush is under way: our GOAWAY, queued behind that,
    /// still leaves, if the peer takes it.
    /// </summary>
    private async Task SayLastWordsAsync()
    {
        Output.Flush();
        try
        {
            await Output.WaitForFlushAsync().WaitAsync(Farewell.LingerTime, _time);
        }
        catch (TimeoutException)
        {
            // It takes nothing: the transport is closed under the flush.
        }
    }

    /// <summary>One read batch. False at the connection's end.</summary>
    private bool OnRead(ReadResult result)
    {
        var turn = Turn.Current;
        var outermost = turn.TryBegin();
        try
        {
            var buffer = result.Buffer;
            if (!buffer.IsEmpty)
            {
                _heartbeat.OnRead();
                Parse(buffer);
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

    private void Parse(in ReadOnlySequence<byte> buffer)
    {
        lock (Gate)
        {
            if (_state == State.Closing)
            {
                return; // only the end is waited for
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
        var awaitsDrainPing = _state == State.Draining && !_goAway.IsFinal;
        switch (_heartbeat.Tick(_input.HasSettings, awaitsDrainPing, Streams.Active == 0 ? Streams.IdleSince : null))
        {
            case HeartbeatAction.SendPing:
                Output.WritePingUnsynchronized(KeepAlivePing);
                break;
            case HeartbeatAction.GiveUp:
                GiveUp(Http2ErrorCode.NoError, "keepalive ping failed to receive ACK within timeout", goAway: null);
                break;
            case HeartbeatAction.GiveUpHandshake:
                GiveUp(Http2ErrorCode.SettingsTimeout, "the client's preface did not come", Http2ErrorCode.SettingsTimeout);
                break;
            case HeartbeatAction.GoAway:
                DrainUnsynchronized("max_idle");
                break;
            case HeartbeatAction.FinishDrain:
                _goAway.Finish();
                CloseIfDrainedUnsynchronized();
                break;
            default:
                break;
        }

        if (Streams.Active == 0)
        {
            Streams.Trim(); // busy connections keep theirs
        }

        void GiveUp(Http2ErrorCode code, string reason, Http2ErrorCode? goAway) =>
            CloseUnsynchronized(new Http2ConnectionException(reason, code, fromPeer: true), goAway, "", linger: false);
    }

    private void DrainUnsynchronized(string debugText)
    {
        if (_state != State.Open)
        {
            return;
        }

        _state = State.Draining;
        _ready.NoticeChange();
        if (IsServer && !_input.HasSettings)
        {
            // Nothing has come from the client yet, and it may send elsewhere what is on its way.
            _goAway.Finish();
        }
        else
        {
            _goAway.Announce(debugText);
            _heartbeat.OnDrain();
        }

        CloseIfDrainedUnsynchronized();
    }

    private void CloseIfDrainedUnsynchronized()
    {
        if (_state != State.Draining || Streams.Active > 0 || !_goAway.IsFinal)
        {
            return;
        }

        if (IsServer)
        {
            CloseUnsynchronized(null, goAway: null, "", linger: true);
        }
        else
        {
            CloseUnsynchronized(null, Http2ErrorCode.NoError, "client transport shutdown", linger: false);
        }
    }

    /// <summary>
    /// Ends everything: streams fail with the reason, what is queued still leaves, then the transport closes. Only the first call counts.
    /// </summary>
    private void CloseUnsynchronized(Exception? failure, Http2ErrorCode? goAway, string debugText, bool linger)
    {
        if (_state == State.Closing)
        {
            return;
        }

        _state = State.Closing;
        _lingers = linger;
        Volatile.Write(ref _failure, failure);
        foreach (var stream in Streams.ToArray())
        {
            stream.FailUnsynchronized(StreamFault.Connection, Http2ErrorCode.NoError, null);
        }

        var isLastWordDue = goAway is not null || linger;
        if (goAway is { } code)
        {
            Output.WriteGoAwayUnsynchronized(Streams.HighestPeerId, code, debugText);
        }
        else if (!linger)
        {
            Output.StopUnsynchronized();
        }

        _readySource.TrySetException(failure ?? CreateStreamFailure());
        _ = _readySource.Task.Exception; // observed: not everyone waits for it
        _ready.NoticeChange();

        // Even a peer that takes nothing more ends with this.
        _heartbeat.ScheduleTick(Farewell.LingerTime);
        if (Output.IsIdleUnsynchronized || !isLastWordDue)
        {
            // No flush will come, or none is worth waiting for, that could say farewell at its end.
            ThreadPool.UnsafeQueueUserWorkItem(
                static connection => connection._farewell.Say(connection._lingers), this, preferLocal: false);
        }
    }

    private Http2ConnectionException? Lost(string doing, Exception? cause)
    {
        if (cause is null && Streams.Active == 0 && _input.HasSettings)
        {
            return null; // the peer closed a connection that served nobody: that is its good right
        }

        var peer = IsServer ? "client" : "server";
        var message = $"error {doing} {peer}: {cause?.Message ?? "EOF"}";
        return new Http2ConnectionException(message, Http2ErrorCode.NoError, fromPeer: true, cause);
    }
}
