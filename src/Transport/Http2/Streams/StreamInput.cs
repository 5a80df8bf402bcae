using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Threading.Tasks.Sources;

namespace FastSidecar.Transport.Http2.Streams;

/// <summary>
/// The peer's DATA as a pipe: a chain of pooled blocks that frame parsing appends to and the stream's reader consumes. Everything but the
/// blocks' bytes is guarded by the connection's lock.
/// </summary>
/// <remarks>
/// Both windows are credited for bytes that the reader has examined, not only for consumed ones: a reader that waits for a message
/// longer than the window would otherwise wait for ever. What it then holds is its own decision.
/// </remarks>
internal sealed class StreamInput : PipeReader, IValueTaskSource<ReadResult>
{
    private static readonly Action<object?> OnCanceled = static input => ((StreamInput)input!).CancelPending();

    private readonly Http2Stream _stream;
    private readonly Http2Connection _connection;
    private PendingOperation _read;
    private Segment? _first;
    private Segment? _last;
    private int _firstOffset;
    private long _buffered;
    private long _examined;
    private bool _ended;
    private bool _completed;
    private bool _cancelNext;

    public StreamInput(Http2Stream stream, Http2Connection connection)
    {
        _stream = stream;
        _connection = connection;
    }

    /// <summary>END_STREAM came, and everything before it.</summary>
    public bool IsEnded => _ended;

    /// <summary>The reader has gone; what comes is dropped.</summary>
    public bool IsCompleted => _completed;

    public bool IsOutstanding => _read.IsOutstanding;

    /// <summary>Under the lock: copies received bytes behind what is buffered.</summary>
    public void AppendUnsynchronized(ReadOnlySpan<byte> bytes)
    {
        Debug.Assert(_connection.Gate.IsHeldByCurrentThread, "the connection's lock guards the input");
        _buffered += bytes.Length;
        while (!bytes.IsEmpty)
        {
            if (_last is null || _last.Room == 0)
            {
                AddSegment();
            }

            var length = Math.Min(_last!.Room, bytes.Length);
            bytes[..length].CopyTo(_last.Block.AsSpan(_last.Filled));
            _last.Filled += length;
            bytes = bytes[length..];
        }

        WakeUnsynchronized();
    }

    /// <summary>Under the lock: END_STREAM came.</summary>
    public void EndUnsynchronized()
    {
        _ended = true;
        WakeUnsynchronized();
    }

    /// <summary>Under the lock: there is news for a waiting reader (data, end, failure).</summary>
    public void WakeUnsynchronized()
    {
        if (_read.TryFinishWaiting())
        {
            _connection.MarkReadyUnsynchronized(_stream, StreamWork.Read);
        }
    }

    /// <summary>Outside of the lock: runs the flow that waits for the read.</summary>
    public void CompleteRead() => _read.Complete();

    /// <summary>Under the lock: drops everything, for the stream's next use.</summary>
    public void ResetUnsynchronized()
    {
        ReleaseAll();
        _ended = false;
        _completed = false;
        _cancelNext = false;
    }

    /// <summary>Under the lock: nobody will read any more.</summary>
    public void DiscardUnsynchronized()
    {
        _completed = true;
        ReleaseAll();
    }

    public override bool TryRead(out ReadResult result)
    {
        lock (_connection.Gate)
        {
            ThrowIfCompleted();
            if (!HasNewsUnsynchronized())
            {
                result = default;
                return false;
            }

            result = TakeResultUnsynchronized();
            return true;
        }
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<ReadResult>(cancellationToken);
        }

        lock (_connection.Gate)
        {
            ThrowIfCompleted();
            if (!HasNewsUnsynchronized())
            {
                _read.Start(this, OnCanceled, cancellationToken);
                return new ValueTask<ReadResult>(this, _read.Version);
            }

            try
            {
                return new ValueTask<ReadResult>(TakeResultUnsynchronized());
            }
            catch (IOException failure)
            {
                return ValueTask.FromException<ReadResult>(failure);
            }
        }
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        bool outputDue;
        lock (_connection.Gate)
        {
            if (_first is null)
            {
                return;
            }

            var consumedBytes = OffsetOf(consumed);
            var examinedBytes = Math.Max(OffsetOf(examined), consumedBytes);
            if (consumedBytes < 0 || examinedBytes > _buffered)
            {
                throw new ArgumentOutOfRangeException(nameof(consumed), "the position is not within what was read");
            }

            var newlyExamined = examinedBytes - _examined;
            Consume(consumedBytes);
            _examined = Math.Max(examinedBytes - consumedBytes, 0);
            outputDue = newlyExamined > 0 && _stream.GiveBackUnsynchronized((int)newlyExamined);
            outputDue |= newlyExamined > 0 && _connection.FreeUnsynchronized((int)newlyExamined);
        }

        if (outputDue)
        {
            _connection.Settle();
        }
    }

    public override void CancelPendingRead()
    {
        lock (_connection.Gate)
        {
            _cancelNext = true;
            WakeUnsynchronized();
        }

        _connection.Settle();
    }

    public override void Complete(Exception? exception = null)
    {
        lock (_connection.Gate)
        {
            if (_completed)
            {
                return;
            }

            DiscardUnsynchronized();
            _stream.OnInputCompletedUnsynchronized();
        }

        _connection.Settle();
    }

    ReadResult IValueTaskSource<ReadResult>.GetResult(short token)
    {
        _read.Fetch(token);
        try
        {
            lock (_connection.Gate)
            {
                var canceled = _read.Release(out var canceledBy);
                if (canceled)
                {
                    throw new OperationCanceledException(canceledBy);
                }

                return TakeResultUnsynchronized();
            }
        }
        finally
        {
            _stream.TryRecycle();
        }
    }

    ValueTaskSourceStatus IValueTaskSource<ReadResult>.GetStatus(short token) => _read.GetStatus(token);

    void IValueTaskSource<ReadResult>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _read.OnCompleted(continuation, state, token, flags);

    private bool HasNewsUnsynchronized() => _buffered > _examined || _ended || _cancelNext || _stream.HasFailedUnsynchronized;

    private ReadResult TakeResultUnsynchronized()
    {
        var canceled = _cancelNext;
        _cancelNext = false;
        if (!canceled && _buffered == _examined && !_ended)
        {
            _stream.ThrowFailure();
        }

        // A reset on our own side drops what is buffered; any other failure leaves it readable, and shows behind it.
        if (!canceled && _stream.IsResetHereUnsynchronized)
        {
            _stream.ThrowFailure();
        }

        return new ReadResult(Buffered(), canceled, isCompleted: _ended);
    }

    private ReadOnlySequence<byte> Buffered() =>
        _first is null ? ReadOnlySequence<byte>.Empty : new ReadOnlySequence<byte>(_first, _firstOffset, _last!, _last!.Filled);

    private void ThrowIfCompleted()
    {
        if (_completed)
        {
            throw new InvalidOperationException("the stream's input was completed by its reader");
        }
    }

    private void CancelPending()
    {
        lock (_connection.Gate)
        {
            if (!_read.TryCancel())
            {
                return;
            }

            _connection.MarkReadyUnsynchronized(_stream, StreamWork.Read);
        }

        _connection.SettleElsewhere();
    }

    private void AddSegment()
    {
        var segment = SegmentPool.Shared.Rent(SegmentPool.BlockBytes);
        if (_last is null)
        {
            _first = segment;
            _firstOffset = 0;
        }
        else
        {
            _last.Link(segment);
        }

        _last = segment;
    }

    /// <summary>How far a position lies behind the first unconsumed byte.</summary>
    private long OffsetOf(SequencePosition position) => position.GetObject() is Segment segment
        ? segment.RunningIndex + position.GetInteger() - _first!.RunningIndex - _firstOffset
        : 0;

    private void Consume(long bytes)
    {
        _buffered -= bytes;
        while (bytes > 0)
        {
            var first = _first!;
            var length = (int)Math.Min(bytes, first.Filled - _firstOffset);
            bytes -= length;
            _firstOffset += length;
            if (_firstOffset == first.Filled)
            {
                ReleaseFirst();
            }
        }
    }

    private void ReleaseFirst()
    {
        var first = _first!;
        _first = first.Next;
        _firstOffset = 0;
        if (_first is null)
        {
            _last = null;
        }

        SegmentPool.Shared.Return(first);
    }

    private void ReleaseAll()
    {
        if (_buffered > _examined)
        {
            _connection.FreeUnsynchronized((int)(_buffered - _examined));
        }

        while (_first is not null)
        {
            ReleaseFirst();
        }

        _buffered = 0;
        _examined = 0;
    }
}
