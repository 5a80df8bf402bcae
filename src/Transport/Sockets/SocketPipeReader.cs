using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Threading.Tasks.Sources;

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
    private const int MinBlockBytes = 4096;

    // One receive of a fast sender fills this; more would only raise what an idle moment keeps.
    private const int MaxBlockBytes = 64 * 1024;

    // A tail with less room than this is left alone and a new block is taken.
    private const int MinReceiveBytes = 1024;

    private readonly SocketConnection _connection;
    private readonly ReceiveOperation _operation;
    private readonly bool _idleWithoutBuffer;
    private readonly Lock _gate = new();

    private ManualResetValueTaskSourceCore<bool> _waiter;
    private CancellationTokenRegistration _registration;
    private CancellationToken _token;
    private bool _tokenCanceled;
    private int _cancelRequested;

    private ReceiveSegment? _head;
    private ReceiveSegment? _tail;
    private ReceiveSegment? _spare;
    private ReceiveSegment? _target;
    private int _headStart;
    private long _examined;
    private long _received;
    private int _blockBytes = MinBlockBytes;

    private bool _receiving;
    private bool _waiting;
    private bool _probing;
    private bool _completed;
    private bool _socketGone;
    private bool _end;
    private IOException? _fault;

    public SocketPipeReader(SocketConnection connection, bool idleWithoutBuffer)
    {
        _connection = connection;
        _idleWithoutBuffer = idleWithoutBuffer;
        _operation = new ReceiveOperation(this);
    }

    private bool HasNews => _received > _examined || _end || _fault is not null;

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
        if (consumed.GetObject() is not ReceiveSegment consumedSegment)
        {
            return;
        }

        var examinedPosition = examined.GetObject() is ReceiveSegment segment ? segment.RunningIndex + examined.GetInteger() : _examined;
        if (Volatile.Read(ref _receiving))
        {
            lock (_gate)
            {
                Release(consumedSegment, consumed.GetInteger(), examinedPosition);
            }
        }
        else
        {
            Release(consumedSegment, consumed.GetInteger(), examinedPosition);
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
            if (!_receiving)
            {
                ReturnBlocks();
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
        if (_fault is not null && _received == _examined && !canceled)
        {
            throw new IOException(_fault.Message, _fault.InnerException);
        }

        var buffer = _head is null ? default : new ReadOnlySequence<byte>(_head, _headStart, _tail!, _tail!.End);
        return new ReadResult(buffer, canceled, _end);
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
        _probing = _idleWithoutBuffer && _head is null;
        if (StartReceive())
        {
            return true;
        }

        Commit();
        Volatile.Write(ref _receiving, false);
        return false;
    }

    private bool StartReceive()
    {
        do
        {
            PrepareTarget();
            try
            {
                if (_connection.Socket.ReceiveAsync(_operation))
                {
                    return true;
                }
            }
            catch (ObjectDisposedException)
            {
                _socketGone = true;
                return false;
            }
        }
        while (Probed());
        return false;
    }

    /// <summary>The receive without a buffer said that something is there: it is to be fetched.</summary>
    private bool Probed()
    {
        if (!_probing)
        {
            return false;
        }

        _probing = false;
        return _operation.SocketError == SocketError.Success && !_completed;
    }

    private void PrepareTarget()
    {
        if (_probing)
        {
            _operation.SetBuffer(default);
            return;
        }

        if (_tail is { } tail && tail.Free >= MinReceiveBytes)
        {
            _target = tail;
        }
        else
        {
            _target = _spare ?? new ReceiveSegment();
            _spare = null;
            _target.Rent(_blockBytes);
            _target.PlaceAt(_received);
        }

        _operation.SetBuffer(_target.FreeMemory);
    }

    private void OnReceived()
    {
        if (Probed() && StartReceive())
        {
            return;
        }

        bool signal;
        lock (_gate)
        {
            Commit();
            Volatile.Write(ref _receiving, false);
            if (_completed)
            {
                ReturnBlocks();
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
        var count = _operation.BytesTransferred;
        var error = _socketGone ? SocketError.OperationAborted : _operation.SocketError;
        if (error == SocketError.Success && count > 0 && _target is not null)
        {
            var target = _target;
            _target = null;
            AdaptBlockSize(count, target.Free);
            if (target != _tail)
            {
                _tail?.Link(target);
                _tail = target;
                if (_head is null)
                {
                    _head = target;
                    _headStart = 0;
                }
            }

            target.Append(count);
            _received += count;
            return;
        }

        DropTarget();
        if (error != SocketError.Success || _connection.IsClosed)
        {
            _fault = SocketConnection.Failure(error, _connection.IsClosed);
        }
        else
        {
            _end = true;
        }
    }

    private void AdaptBlockSize(int received, int room)
    {
        if (received == room)
        {
            _blockBytes = Math.Min(_blockBytes * 2, MaxBlockBytes);
        }
        else if (received < _blockBytes / 4)
        {
            _blockBytes = Math.Max(_blockBytes / 2, MinBlockBytes);
        }
    }

    private void DropTarget()
    {
        if (_target is not null && _target != _tail)
        {
            Keep(_target);
        }

        _target = null;
    }

    private void Release(ReceiveSegment consumedSegment, int consumedIndex, long examined)
    {
        while (_head != consumedSegment)
        {
            var next = (_head ?? throw new InvalidOperationException("a position was given back that is not part of the buffer")).NextSegment;
            Keep(_head);
            _head = next;
        }

        _headStart = consumedIndex;
        _examined = Math.Max(_examined, Math.Max(examined, consumedSegment.RunningIndex + consumedIndex));
        if (consumedSegment == _tail && consumedIndex == _tail.End && _target != _tail)
        {
            _head = null;
            Keep(_tail);
            _tail = null;
        }
    }

    private void Keep(ReceiveSegment segment)
    {
        segment.Return();
        _spare ??= segment;
    }

    private void ReturnBlocks()
    {
        DropTarget();
        for (var segment = _head; segment is not null;)
        {
            var next = segment.NextSegment;
            segment.Return();
            segment = next;
        }

        _head = null;
        _tail = null;
        _operation.Dispose();
    }

    private void ThrowIfCompleted()
    {
        if (_completed)
        {
            throw new InvalidOperationException("the reader was completed");
        }
    }

    private sealed class ReceiveOperation(SocketPipeReader reader) : SocketAsyncEventArgs(true)
    {
        protected override void OnCompleted(SocketAsyncEventArgs e) => reader.OnReceived();
    }
}
