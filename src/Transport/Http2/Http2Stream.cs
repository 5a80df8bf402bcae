using System.Diagnostics;
using System.IO.Pipelines;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Http2.FlowControl;
using FastSidecar.Transport.Http2.Streams;

namespace FastSidecar.Transport.Http2;

/// <summary>
/// One request and its response. Rented from and returned to its connection: <see cref="Dispose"/> ends the caller's use.
/// Continuations run on the thread that delivered the bytes, after the whole read batch was parsed; they must not block.
/// </summary>
/// <remarks>
/// The caller's calls on one side (input or output) come from one flow at a time; the two sides are independent. What the connection
/// changes is guarded by its lock: members named <c>…Unsynchronized</c> are called under it. Dispose comes after both flows have let go:
/// the object may be another request's at once. A call that sends may run other streams' continuations before it returns, so no lock may be
/// held over it.
/// </remarks>
public sealed class Http2Stream : IDisposable
{
    private readonly Http2Connection _connection;
    private readonly StreamInput _input;
    private readonly StreamOutput _output;
    private readonly HeadWait _headWait;
    private readonly HeaderList _headers = new();
    private HeaderList? _trailers;
    private HeaderList? _trailersToSend;
    private StreamState _state;
    private StreamFailure _failure;
    private CancellationTokenSource? _aborted;
    private bool _endRequested;
    private bool _disposed;
    private bool _recycled;

    internal Http2Stream(Http2Connection connection)
    {
        _connection = connection;
        _input = new StreamInput(this, connection);
        _output = new StreamOutput(this, connection);
        _headWait = new HeadWait(this, connection);
        _recycled = true;
    }

    /// <summary>The odd (client) id; 0 before HEADERS were written.</summary>
    public int Id { get; internal set; }

    public Http2Connection Connection => _connection;

    /// <summary>
    /// The peer's header list: on a server stream the request, there from the start; on a client stream the response, there once
    /// <see cref="ReadHeadAsync"/> completed. Pseudo-headers come first, under their own names (":path"). Valid until
    /// <see cref="Dispose"/>.
    /// </summary>
    public HeaderList Headers => _headers;

    /// <summary>The peer's trailers; complete once <see cref="Input"/> reported its end. Empty when there were none.</summary>
    public HeaderList Trailers => _trailers ??= new HeaderList();

    /// <summary>The peer's first HEADERS carried END_STREAM (for gRPC: a trailers-only answer).</summary>
    public bool EndedWithHeaders { get; internal set; }

    /// <summary>
    /// Server: what is wrong with the request, when <see cref="Http2Options.MalformedRequests"/> leaves the answer to the handler; else
    /// <see cref="MalformedReason.None"/>.
    /// </summary>
    public MalformedReason MalformedReason { get; internal set; }

    /// <summary>
    /// The peer's DATA. Reading throws <see cref="Http2StreamException"/> or <see cref="Http2ConnectionException"/> when the stream or
    /// connection failed; credit returns to the peer on AdvanceTo. <c>Complete</c> before the end discards the rest (server: RST_STREAM
    /// NO_ERROR after our end; client: CANCEL).
    /// </summary>
    public PipeReader Input => _input;

    /// <summary>
    /// Our DATA. GetMemory/Advance buffer; FlushAsync sends as flow control allows and completes when the peer's window and the socket took
    /// it (IsCompleted: the peer does not want more). <c>WriteAsync(memory)</c> sends large memory without copying it: it must stay
    /// unchanged until the call completes. Headers must have been written first.
    /// </summary>
    public PipeWriter Output => _output;

    /// <summary>
    /// Cancelled when the peer resets the stream or the connection ends before both sides ended. For handlers that wait on something else.
    /// Good until <see cref="Dispose"/>: the object's next request has the same token.
    /// </summary>
    public CancellationToken Aborted
    {
        get
        {
            // Without the lock: until Dispose only this makes it, once.
            if (_aborted is { } made)
            {
                return made.Token;
            }

            lock (_connection.Gate)
            {
                if (_aborted is null)
                {
                    if (_failure.Fault != StreamFault.None)
                    {
                        return new CancellationToken(canceled: true);
                    }

                    _aborted = new CancellationTokenSource();
                }

                return _aborted.Token;
            }
        }
    }

    internal StreamInput InputPipe => _input;

    internal StreamOutput OutputPipe => _output;

    internal StreamState State => _state;

    internal Window SendWindow;

    internal ReceiveWindow ReceiveWindow;

    /// <summary>Client: the final response head came. Server: always.</summary>
    internal bool HasHead { get; set; }

    internal bool HeadWritten { get; set; }

    /// <summary>The peer's content-length, or −1.</summary>
    internal long ContentLength { get; set; } = -1;

    internal long ReceivedBytes { get; set; }

    /// <summary>Client: the request was HEAD, so the response's content-length announces no body.</summary>
    internal bool IsHeadRequest { get; set; }

    internal int InterimHeads { get; set; }

    /// <summary>Its header lists have grown: the object is not used again.</summary>
    internal bool IsBulky { get; set; }

    internal StreamWork Work { get; set; }

    internal Http2Stream? NextReady { get; set; }

    internal Http2Stream? NextToSend { get; set; }

    internal bool IsInSendQueue { get; set; }

    internal bool HasFailedUnsynchronized => _failure.Fault != StreamFault.None;

    internal bool IsResetHereUnsynchronized => _failure.Fault == StreamFault.ResetHere;

    internal bool CanSendUnsynchronized => HeadWritten && !_endRequested && _failure.Fault == StreamFault.None;

    /// <summary>The peer ended its side in full and then said that it wants no more of ours (RFC 9113 §8.1).</summary>
    internal bool IsOutputUnwantedUnsynchronized => _failure.IsNoError && _input.IsEnded;

    internal bool EndRequestedUnsynchronized => _endRequested;

    internal HeaderList? TrailersToSendUnsynchronized { get; private set; }

    internal bool InputEndedUnsynchronized => _state is StreamState.HalfClosedRemote or StreamState.Closed;

    internal bool OutputEndedUnsynchronized => _state is StreamState.HalfClosedLocal or StreamState.Closed;

    /// <summary>Client: waits for the final response head (interim 1xx heads are skipped).</summary>
    public ValueTask ReadHeadAsync(CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        lock (_connection.Gate)
        {
            if (HasHead && _failure.Fault != StreamFault.ResetHere)
            {
                return default;
            }

            if (_failure.Fault != StreamFault.None)
            {
                return ValueTask.FromException(_failure.ToException(_connection));
            }

            return _headWait.StartUnsynchronized(cancellationToken);
        }
    }

    /// <summary>
    /// Queues our HEADERS (request or response head), pseudo-headers first in <paramref name="headers"/>; names must be lower-case. They
    /// leave together with the first flushed DATA, or at once with <see cref="Flush"/>. On a stream that has failed already nothing is
    /// written: reading and flushing tell.
    /// </summary>
    /// <remarks>A server may send interim heads (1xx) before the final one.</remarks>
    /// <exception cref="ArgumentException">A name or value that HTTP/2 does not allow; nothing is sent.</exception>
    public void WriteHead(HeaderList headers, bool endStream)
    {
        ArgumentNullException.ThrowIfNull(headers);
        lock (_connection.Gate)
        {
            var known = _connection.Output.CheckHeadUnsynchronized(headers);
            if (HeadWritten || _endRequested)
            {
                throw new InvalidOperationException("the head of the stream was written already");
            }

            if (_failure.Fault != StreamFault.None || !_connection.AssignIdUnsynchronized(this))
            {
                return;
            }

            var interim = _connection.IsServer && HeadRules.IsInterim(headers);
            HeadWritten = !interim;
            IsHeadRequest = !_connection.IsServer && HeadRules.IsHeadRequest(headers);
            _endRequested = endStream;
            _connection.Output.WriteHeadersUnsynchronized(this, headers, known, endStream);
        }

        if (endStream)
        {
            _connection.Settle();
        }
    }

    /// <summary>Sends what is queued (head, buffered data) without waiting for it to be taken.</summary>
    public void Flush()
    {
        lock (_connection.Gate)
        {
            if (CanSendUnsynchronized)
            {
                _output.CommitUnsynchronized();
                _connection.Output.SendUnsynchronized(this);
            }
        }

        _connection.Settle();
    }

    /// <summary>
    /// Ends our side: what is buffered in <see cref="Output"/>, then an empty DATA with END_STREAM, or the trailers. Leaves at once.
    /// </summary>
    /// <exception cref="ArgumentException">A name or value of the trailers that HTTP/2 does not allow; nothing is sent.</exception>
    public void End(HeaderList? trailers)
    {
        lock (_connection.Gate)
        {
            if (trailers is not null)
            {
                _connection.Output.CheckHeadUnsynchronized(trailers);
            }

            if (_failure.Fault != StreamFault.None)
            {
                return;
            }

            if (!HeadWritten || _endRequested)
            {
                throw new InvalidOperationException(
                    HeadWritten ? "the stream was ended already" : "the stream is ended before its head was written");
            }

            EndUnsynchronized(trailers);
        }

        _connection.Settle();
    }

    /// <summary>RST_STREAM, unless the stream is closed already. Pending reads and writes fail.</summary>
    public void Reset(Http2ErrorCode errorCode)
    {
        lock (_connection.Gate)
        {
            ResetUnsynchronized(errorCode, null);
        }

        _connection.Settle();
    }

    /// <summary>
    /// Ends the caller's use: a stream still open is reset (CANCEL; NO_ERROR after a complete response). The object may be reused
    /// afterwards.
    /// </summary>
    public void Dispose()
    {
        lock (_connection.Gate)
        {
            if (_disposed || _recycled)
            {
                return;
            }

            _input.DiscardUnsynchronized();
            if (_state == StreamState.Closed)
            {
                // Both sides are through.
            }
            else if (_connection.IsServer && _endRequested)
            {
                // Our answer may still wait for the peer's window; the stream lives on until it has left, then closes.
                _connection.StopRequestUnsynchronized(this);
            }
            else
            {
                ResetUnsynchronized(Http2ErrorCode.Cancel, null);
            }

            _disposed = true;
            TryRecycleUnsynchronized();
        }

        _connection.Settle();
    }

    /// <summary>For a completed output: the end, unless it was said or can no longer be.</summary>
    internal void EndIfOpen()
    {
        lock (_connection.Gate)
        {
            if (CanSendUnsynchronized)
            {
                EndUnsynchronized(null);
            }
        }

        _connection.Settle();
    }

    internal void RentUnsynchronized()
    {
        Debug.Assert(_recycled, "a stream is rented when it is free");
        _recycled = false;
    }

    internal void OpenUnsynchronized(int id, int sendWindowBytes, int receiveWindowBytes)
    {
        Debug.Assert(_state == StreamState.Idle, "a stream is opened once");
        Id = id;
        SendWindow = new Window(sendWindowBytes);
        ReceiveWindow = new ReceiveWindow(receiveWindowBytes);
        _state = StreamState.Open;
    }

    /// <summary>Under the lock: the stream was rented and is not needed.</summary>
    internal void AbandonUnsynchronized()
    {
        _disposed = true;
        TryRecycleUnsynchronized();
    }

    /// <summary>Under the lock: the peer's END_STREAM came.</summary>
    internal void OnInputEndUnsynchronized()
    {
        Debug.Assert(!InputEndedUnsynchronized, "the peer's side ends once");
        _state = _state == StreamState.HalfClosedLocal ? StreamState.Closed : StreamState.HalfClosedRemote;
        _input.EndUnsynchronized();
        if (_state == StreamState.Closed)
        {
            _connection.OnClosedUnsynchronized(this, resetHere: false);
        }
    }

    /// <summary>Under the lock: our END_STREAM is in the output.</summary>
    internal void OnOutputEndUnsynchronized()
    {
        Debug.Assert(!OutputEndedUnsynchronized, "our side ends once");
        _state = _state == StreamState.HalfClosedRemote ? StreamState.Closed : StreamState.HalfClosedLocal;
        if (_state == StreamState.Closed)
        {
            _connection.OnClosedUnsynchronized(this, resetHere: false);
        }
        else if (_connection.IsServer && _input.IsCompleted)
        {
            _connection.StopRequestUnsynchronized(this);
        }
    }

    /// <summary>Under the lock: the final response head has been decoded into <see cref="Headers"/>.</summary>
    internal void OnHeadUnsynchronized()
    {
        HasHead = true;
        _headWait.WakeUnsynchronized();
    }

    /// <summary>Under the lock: the reader does not want the rest.</summary>
    internal void OnInputCompletedUnsynchronized()
    {
        if (_input.IsEnded || _failure.Fault != StreamFault.None || _state == StreamState.Idle)
        {
            return;
        }

        if (!_connection.IsServer)
        {
            ResetUnsynchronized(Http2ErrorCode.Cancel, null);
        }
        else if (_state == StreamState.HalfClosedLocal)
        {
            _connection.StopRequestUnsynchronized(this);
        }
    }

    /// <summary>Under the lock: examined bytes may come again. True when a WINDOW_UPDATE was queued.</summary>
    internal bool GiveBackUnsynchronized(int bytes)
    {
        if (_state is not (StreamState.Open or StreamState.HalfClosedLocal))
        {
            return false;
        }

        var update = _connection.WindowSizing.GiveBack(ref ReceiveWindow, bytes);
        if (update > 0)
        {
            _connection.Output.WriteWindowUpdateUnsynchronized(Id, update);
        }

        return update > 0;
    }

    /// <summary>Under the lock: RST_STREAM unless closed, and failure here.</summary>
    internal void ResetUnsynchronized(Http2ErrorCode errorCode, string? peerFault)
    {
        if (_state is StreamState.Open or StreamState.HalfClosedLocal or StreamState.HalfClosedRemote)
        {
            _connection.Output.WriteResetUnsynchronized(Id, errorCode, isAnswer: peerFault is not null);
        }

        FailUnsynchronized(peerFault is null ? StreamFault.ResetHere : StreamFault.PeerFault, errorCode, peerFault);
    }

    /// <summary>
    /// Under the lock: the stream is over; whoever waits on it is woken. The first failure is the reason; only the caller's own reset comes
    /// after another.
    /// </summary>
    internal void FailUnsynchronized(StreamFault fault, Http2ErrorCode code, string? reason)
    {
        if (_failure.Fault != StreamFault.None && fault != StreamFault.ResetHere)
        {
            return;
        }

        var wasOpen = _state != StreamState.Closed;
        _failure = new StreamFailure(fault, code, reason);
        _state = StreamState.Closed;
        if (wasOpen)
        {
            _output.DropUnsynchronized();
            _connection.OnClosedUnsynchronized(this, resetHere: fault is StreamFault.ResetHere or StreamFault.PeerFault);
            if (_aborted is not null && fault != StreamFault.ResetHere)
            {
                _connection.MarkReadyUnsynchronized(this, StreamWork.Abort);
            }
        }

        _input.WakeUnsynchronized();
        _output.WakeUnsynchronized();
        _headWait.WakeUnsynchronized();
    }

    internal void ThrowFailure() => throw _failure.ToException(_connection);

    /// <summary>
    /// Under the lock: what a flush has to say about the stream's failure; an answer that came complete beforehand is none.
    /// </summary>
    internal void ThrowWriteFailure()
    {
        if (_failure.Fault != StreamFault.None && !IsOutputUnwantedUnsynchronized)
        {
            ThrowFailure();
        }

        if (!HeadWritten)
        {
            throw new InvalidOperationException("DATA was flushed before the head was written");
        }
    }

    /// <summary>Outside of the lock: runs what became ready.</summary>
    internal void Run(StreamWork work)
    {
        if ((work & StreamWork.Arrived) != 0)
        {
            _connection.Arrive(this);
        }

        if ((work & StreamWork.Head) != 0)
        {
            _headWait.Complete();
        }

        if ((work & StreamWork.Read) != 0)
        {
            _input.CompleteRead();
        }

        if ((work & StreamWork.Write) != 0)
        {
            _output.CompleteFlush();
        }

        if ((work & StreamWork.Recycle) != 0)
        {
            TryRecycle();
        }
    }

    /// <summary>Under the lock: the source of the token to cancel, which may outlive the stream's use.</summary>
    internal CancellationTokenSource? AbortedSourceUnsynchronized => _aborted;

    /// <summary>Under the lock: the caller has disposed the stream; it may still have something to send.</summary>
    internal bool IsDisposedUnsynchronized => _disposed;

    /// <summary>
    /// Returns the stream to its connection when its caller, the protocol and every pending operation are through with it.
    /// </summary>
    internal void TryRecycle()
    {
        if (!Volatile.Read(ref _disposed))
        {
            return;
        }

        lock (_connection.Gate)
        {
            TryRecycleUnsynchronized();
        }
    }

    internal void TryRecycleUnsynchronized()
    {
        if (!_disposed || _recycled || _state is not (StreamState.Closed or StreamState.Idle) || Work != StreamWork.None || IsInSendQueue ||
            _headWait.IsOutstanding || _input.IsOutstanding || _output.IsOutstanding)
        {
            return;
        }

        _recycled = true;
        ClearUnsynchronized();
        _connection.Streams.Recycle(this, keep: !IsBulky);
    }

    private void EndUnsynchronized(HeaderList? trailers)
    {
        _output.CommitUnsynchronized();
        _endRequested = true;
        if (trailers is { Count: > 0 })
        {
            TrailersToSendUnsynchronized = trailers;
        }

        _connection.Output.SendUnsynchronized(this);
        if (TrailersToSendUnsynchronized is not null)
        {
            // They must wait for DATA before them, and the caller's list is the caller's.
            _trailersToSend ??= new HeaderList();
            trailers!.CopyTo(_trailersToSend);
            TrailersToSendUnsynchronized = _trailersToSend;
        }
    }

    internal void OnTrailersSentUnsynchronized() => TrailersToSendUnsynchronized = null;

    private void ClearUnsynchronized()
    {
        _input.ResetUnsynchronized();
        _output.ResetUnsynchronized();
        _headers.Clear();
        _trailers?.Clear();
        _trailersToSend?.Clear();
        TrailersToSendUnsynchronized = null;
        if (_failure.Fault != StreamFault.None || _aborted?.TryReset() == false)
        {
            // The source was cancelled, or is about to be outside of the lock. Any other serves the next request too.
            _aborted = null;
        }

        _state = StreamState.Idle;
        _failure = default;
        _endRequested = false;
        _disposed = false;
        Id = 0;
        EndedWithHeaders = false;
        MalformedReason = MalformedReason.None;
        HasHead = false;
        HeadWritten = false;
        ContentLength = -1;
        ReceivedBytes = 0;
        IsHeadRequest = false;
        InterimHeads = 0;
    }
}
