using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Threading.Tasks.Sources;
using FastSidecar.Transport.Sockets.Loop;
using FastSidecar.Transport.Sockets.Runtime;

namespace FastSidecar.Transport.Sockets;

/// <summary>
/// The sending half of a <see cref="SocketConnection"/>. A flush takes over everything buffered and sends it; what is written meanwhile goes into
/// blocks of its own, so the writing flow and the completion of a send never touch the same piece.
/// </summary>
internal sealed class SocketPipeWriter : PipeWriter, IGatherWriter, IValueTaskSource<FlushResult>
{
    // _state: Complete may meet a pending flush, then the flush's end finishes the job. A flush that was waited for is Ended until its result
    // has been taken, and only that makes the writer Idle: the waiter is set once per Reset, and no Reset comes between setting and taking.
    private const int Idle = 0;
    private const int Flushing = 1;
    private const int Ended = 2;
    private const int Completed = 3;
    private const int CompletedFlushing = 4;

    private readonly SocketConnection _connection;
    private readonly SendOperation _operation;
    private readonly SendQueue _queue = new();

    private ManualResetValueTaskSourceCore<FlushResult> _waiter;
    private CancellationTokenRegistration _registration;
    private CancellationToken _token;

    private List<SendPiece> _sending = [];
    private int _sendIndex;
    private int _state = Idle;
    private IOException? _fault;

    public SocketPipeWriter(SocketConnection connection)
    {
        _connection = connection;
        _operation = connection.LoopSocket is { } socket ? new LoopSend(socket, OnSent) : new RuntimeSend(connection.Socket, OnSent);
    }

    /// <summary>For the event loop: there is room to send.</summary>
    public void OnWritable() => ((LoopSend)_operation).OnWritable();

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => _queue.Length;

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        ThrowIfCompleted();
        return _queue.Room(sizeHint);
    }

    public override Span<byte> GetSpan(int sizeHint = 0)
    {
        ThrowIfCompleted();
        return _queue.RoomSpan(sizeHint);
    }

    public override void Advance(int bytes) => _queue.Advance(bytes);

    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<FlushResult>(cancellationToken);
        }

        ThrowIfUnusable();
        Append(source);
        return FlushAsync(cancellationToken);
    }

    public void Append(ReadOnlyMemory<byte> memory)
    {
        ThrowIfCompleted();
        if (!_queue.TryAppend(memory))
        {
            this.Write(memory.Span);
        }
    }

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<FlushResult>(cancellationToken);
        }

        ThrowIfUnusable();
        if (_queue.Length == 0)
        {
            return default;
        }

        _sending = _queue.Take(_sending);
        _sendIndex = 0;
        _waiter.Reset();
        Volatile.Write(ref _state, Flushing);
        if (!Send())
        {
            EndFlush(Idle);
            return _fault is null ? default : ValueTask.FromException<FlushResult>(_fault);
        }

        var version = _waiter.Version;
        if (cancellationToken.CanBeCanceled)
        {
            _token = cancellationToken;
            _registration = cancellationToken.UnsafeRegister(static state => ((SocketConnection)state!).Abort(), _connection);
        }

        return new ValueTask<FlushResult>(this, version);
    }

    /// <summary>A send that is under way cannot be taken back: this ends the connection, as Kestrel does next.</summary>
    public override void CancelPendingFlush()
    {
        if (Volatile.Read(ref _state) is Flushing or CompletedFlushing)
        {
            _connection.Abort(reset: true);
        }
    }

    public override void Complete(Exception? exception = null)
    {
        var state = Volatile.Read(ref _state);
        if (state >= Completed)
        {
            return;
        }

        // Foreign memory was only there for the flush that follows it at once: what is left is ours.
        _queue.Clear();
        while (true)
        {
            var met = Interlocked.CompareExchange(ref _state, state == Flushing ? CompletedFlushing : Completed, state);
            if (met == state)
            {
                break;
            }

            state = met; // the flush ended just now, or its result was taken
        }

        if (state != Flushing)
        {
            CloseSending();
        }
    }

    public override async ValueTask CompleteAsync(Exception? exception = null)
    {
        if (Volatile.Read(ref _state) == Idle && _fault is null && exception is null)
        {
            await FlushAsync();
        }

        Complete(exception);
    }

    FlushResult IValueTaskSource<FlushResult>.GetResult(short token)
    {
        _registration.Dispose();
        _registration = default;
        var canceled = _token;
        _token = default;
        try
        {
            return _waiter.GetResult(token);
        }
        catch (IOException) when (canceled.IsCancellationRequested)
        {
            throw new OperationCanceledException(canceled);
        }
        finally
        {
            Interlocked.CompareExchange(ref _state, Idle, Ended);
        }
    }

    ValueTaskSourceStatus IValueTaskSource<FlushResult>.GetStatus(short token) => _waiter.GetStatus(token);

    void IValueTaskSource<FlushResult>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _waiter.OnCompleted(continuation, state, token, flags);

    /// <summary>Sends until all has left, the socket makes it wait (true), or it failed.</summary>
    private bool Send()
    {
        while (_sendIndex < _sending.Count)
        {
            if (_operation.Start(_sending, _sendIndex))
            {
                return true;
            }

            if (!TakeSent())
            {
                return false;
            }
        }

        return false;
    }

    /// <summary>Steps over what the last send took. False when it failed.</summary>
    private bool TakeSent()
    {
        if (_operation.Error != SocketError.Success)
        {
            _fault = SocketConnection.Failure(_operation.Error, _connection.IsClosed);
            return false;
        }

        var sent = _operation.Count;
        while (sent > 0)
        {
            var piece = _sending[_sendIndex];
            if (sent < piece.Count)
            {
                _sending[_sendIndex] = piece with { Start = piece.Start + sent, Count = piece.Count - sent };
                break;
            }

            sent -= piece.Count;
            _sendIndex++;
        }

        return true;
    }

    private void OnSent()
    {
        if (TakeSent() && Send())
        {
            return;
        }

        EndFlush(Ended);
        if (_fault is null)
        {
            _waiter.SetResult(default);
        }
        else
        {
            _waiter.SetException(_fault);
        }
    }

    private void EndFlush(int state)
    {
        SendQueue.ReturnBlocks(_sending);
        if (Interlocked.CompareExchange(ref _state, state, Flushing) == CompletedFlushing)
        {
            Volatile.Write(ref _state, Completed);
            CloseSending();
        }
    }

    private void CloseSending()
    {
        _operation.Dispose();
        try
        {
            if (!_connection.IsClosed)
            {
                _connection.Socket.Shutdown(SocketShutdown.Send);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Nobody is left to be told.
        }
    }

    private void ThrowIfUnusable()
    {
        if (_fault is not null)
        {
            throw new IOException(_fault.Message, _fault.InnerException);
        }

        ThrowIfCompleted();
        if (Volatile.Read(ref _state) != Idle)
        {
            throw new InvalidOperationException("one flush at a time");
        }
    }

    private void ThrowIfCompleted()
    {
        if (Volatile.Read(ref _state) >= Completed)
        {
            throw new InvalidOperationException("the writer was completed");
        }
    }
}
