using System.Diagnostics;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Threading.Tasks.Sources;
using FastSidecar.Transport.Sockets.Loop;
using FastSidecar.Transport.Sockets.Runtime;

namespace FastSidecar.Transport.Sockets;

/// <summary>
/// The receiving half of a <see cref="SocketConnection"/>. A receive belongs to the reader, not to the ReadAsync that started it: a ReadAsync that is
/// canceled detaches, the next one attaches again.
/// </summary>
/// <remarks>
/// While no receive is under way only the reading flow touches the segments, so it needs no lock. <c>_receiving</c> is set by that flow alone and
/// cleared by the completion alone, as its last step under <c>_gate</c>; whoever sees it set takes the lock.
/// </remarks>
internal sealed class SocketPipeReader : PipeReader, IValueTaskSource<ReadResult>
{
    /// <summary>
    /// Receives in a row that may end at once, and bytes they may bring. Whoever reads usually runs on the thread of all sockets, and a peer
    /// that sends without a pause would keep it: after so much the other sockets have their turn first. The bytes are what costs, because all
    /// that can be made of them is done before the next receive (thousands of pipelined requests).
    /// </summary>
    internal const int MaxReceivesInARow = 32;

    internal const int MaxBytesInARow = 128 * 1024;

    private readonly SocketConnection _connection;
    private readonly ReceiveOperation _operation;
    private readonly Lock _gate = new();
    private readonly ReceiveBuffer _buffer = new();

    private ManualResetValueTaskSourceCore<bool> _waiter;
    private CancellationTokenRegistration _registration;
    private CancellationToken _token;
    private bool _tokenCanceled;
    private int _cancelRequested;

    private bool _receiving;
    private bool _waiting;
    private bool _completed;
    private bool _end;
    private IOException? _fault;
    private int _receivesInARow;
    private long _bytesInARow;

    public SocketPipeReader(SocketConnection connection)
    {
        _connection = connection;
        _operation = connection.LoopSocket is { } socket
            ? new LoopReceive(socket, _buffer, _gate, OnReceived)
            : new RuntimeReceive(connection.Socket, _buffer, _gate, OnReceived);
    }

    /// <summary>For the event loop: something is there to receive.</summary>
    public void OnReadable() => ((LoopReceive)_operation).OnReadable();

    private bool HasNews => _buffer.HasUnexamined || _end || _fault is not null;

    public override bool TryRead(out ReadResult result)
    {
        ThrowIfCompleted();
        if (Volatile.Read(ref _receiving))
        {
            lock (_gate)
            {
                return TryReadCore(out result);
            }
        }

        return TryReadCore(out result);
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfCompleted();
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<ReadResult>(cancellationToken);
        }

        if (!Volatile.Read(ref _receiving))
        {
            if (TryReadCore(out var result))
            {
                return ValueTask.FromResult(result);
            }

            if (!Receive())
            {
                return ValueTask.FromResult(Result(canceled: false));
            }
        }

        return WaitAsync(cancellationToken);
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        if (Volatile.Read(ref _receiving))
        {
            lock (_gate)
            {
                _buffer.Release(consumed, examined);
            }
        }
        else
        {
            _buffer.Release(consumed, examined);
        }
    }

    public override void CancelPendingRead()
    {
        bool signal;
        lock (_gate)
        {
            Volatile.Write(ref _cancelRequested, 1);
            signal = _waiting;
            _waiting = false;
        }

        if (signal)
        {
            _waiter.SetResult(true);
        }
    }

    public override void Complete(Exception? exception = null)
    {
        lock (_gate)
        {
            if (_completed)
            {
                return;
            }

            _completed = true;
            _operation.IsStopped = true;
            if (!_receiving)
            {
                Free();
            }
        }
    }

    ReadResult IValueTaskSource<ReadResult>.GetResult(short token)
    {
        _waiter.GetResult(token);
        _registration.Dispose();
        _registration = default;
        if (_tokenCanceled)
        {
            _tokenCanceled = false;
            throw new OperationCanceledException(_token);
        }

        if (Volatile.Read(ref _receiving))
        {
            lock (_gate)
            {
                return Result(TakeCancel());
            }
        }

        return Result(TakeCancel());
    }

    ValueTaskSourceStatus IValueTaskSource<ReadResult>.GetStatus(short token) => _waiter.GetStatus(token);

    void IValueTaskSource<ReadResult>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _waiter.OnCompleted(continuation, state, token, flags);

    private bool TryReadCore(out ReadResult result)
    {
        var canceled = TakeCancel();
        if (!canceled && !HasNews)
        {
            result = default;
            return false;
        }

        result = Result(canceled);
        return true;
    }

    private bool TakeCancel() => Volatile.Read(ref _cancelRequested) != 0 && Interlocked.Exchange(ref _cancelRequested, 0) != 0;

    /// <summary>Bytes that came before a failure are handed out first; the failure comes when they have been examined.</summary>
    private ReadResult Result(bool canceled)
    {
        if (_fault is not null && !_buffer.HasUnexamined && !canceled)
        {
            throw new IOException(_fault.Message, _fault.InnerException);
        }

        return new ReadResult(_buffer.Sequence, canceled, _end);
    }

    private ValueTask<ReadResult> WaitAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (TryReadCore(out var result))
            {
                return ValueTask.FromResult(result);
            }

            Debug.Assert(_receiving, "a receive that ended left news");
            if (_waiting)
            {
                throw new InvalidOperationException("one read at a time");
            }

            _waiter.Reset();
            _waiting = true;
        }

        var version = _waiter.Version;
        if (cancellationToken.CanBeCanceled)
        {
            _token = cancellationToken;
            _registration = cancellationToken.UnsafeRegister(static state => ((SocketPipeReader)state!).OnTokenCanceled(), this);
        }

        return new ValueTask<ReadResult>(this, version);
    }

    private void OnTokenCanceled()
    {
        bool signal;
        lock (_gate)
        {
            signal = _waiting;
            _waiting = false;
            _tokenCanceled = signal;
        }

        if (signal)
        {
            _waiter.SetResult(true);
        }
    }

    /// <summary>Starts a receive. False when it ended at once and its outcome is in the fields.</summary>
    private bool Receive()
    {
        Volatile.Write(ref _receiving, true);
        if (_receivesInARow >= MaxReceivesInARow || _bytesInARow >= MaxBytesInARow)
        {
            StartRow();
            _operation.StartLater();
            return true;
        }

        // Before the start: once it waits, the next receive may be another thread's.
        var (receives, bytes) = (_receivesInARow, _bytesInARow);
        StartRow();
        if (_operation.Start())
        {
            return true;
        }

        _receivesInARow = receives + 1;
        _bytesInARow = bytes + _operation.Count;
        Commit();
        Volatile.Write(ref _receiving, false);
        return false;
    }

    private void StartRow()
    {
        _receivesInARow = 0;
        _bytesInARow = 0;
    }

    private void OnReceived()
    {
        bool signal;
        lock (_gate)
        {
            Commit();
            Volatile.Write(ref _receiving, false);
            if (_completed)
            {
                Free();
            }

            signal = _waiting;
            _waiting = false;
        }

        if (signal)
        {
            _waiter.SetResult(true);
        }
    }

    private void Commit()
    {
        var count = _operation.Count;
        var error = _operation.Error;
        if (error == SocketError.Success && count > 0 && _operation.HasTarget)
        {
            _buffer.Commit(count);
            return;
        }

        _buffer.DropTarget();
        if (error != SocketError.Success || _connection.IsClosed)
        {
            _fault = SocketConnection.Failure(error, _connection.IsClosed);
        }
        else
        {
            _end = true;
        }
    }

    private void Free()
    {
        _buffer.ReturnAll();
        _operation.Dispose();
    }

    private void ThrowIfCompleted()
    {
        if (_completed)
        {
            throw new InvalidOperationException("the reader was completed");
        }
    }
}
