using System.Diagnostics;
using System.IO.Pipelines;
using System.Threading.Tasks.Sources;

namespace FastSidecar.Transport.Http2.Streams;

/// <summary>
/// Our DATA as a pipe. What the producer wrote with GetMemory and Advance lies in a chain of pooled blocks; the memory given to WriteAsync
/// is only referred to until it has left. The connection takes both, in this order, as its turn and the windows allow.
/// </summary>
/// <remarks>
/// The producer owns the chain's end without a lock; under the connection's lock only committed bytes are touched, and committing is done
/// by the producer under the lock. For the same reason blocks go back to their pool only from the producer's calls, or when the stream is
/// recycled.
/// </remarks>
internal sealed class StreamOutput : PipeWriter, IValueTaskSource<FlushResult>
{
    private static readonly Action<object?> OnCanceled = static output => ((StreamOutput)output!).CancelPending();

    private readonly Http2Stream _stream;
    private readonly Http2Connection _connection;
    private PendingOperation _flush;
    private Segment? _head;
    private Segment? _tail;
    private int _headOffset;
    private int _uncommitted;
    private long _committed;
    private ReadOnlyMemory<byte> _external;
    private bool _externalInFlight;
    private bool _wakeAfterExternal;
    private bool _cancelAfterExternal;
    private bool _completed;
    private bool _cancelNext;

    public StreamOutput(Http2Stream stream, Http2Connection connection)
    {
        _stream = stream;
        _connection = connection;
    }

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => _uncommitted;

    public bool IsOutstanding => _flush.IsOutstanding || _externalInFlight;

    /// <summary>Under the lock: bytes that wait for their turn or for a window.</summary>
    public long PendingUnsynchronized => _committed + _external.Length;

    /// <summary>Under the lock: the transport is reading memory of the caller.</summary>
    public bool IsExternalInFlight => _externalInFlight;

    /// <summary>Under the lock: the bytes that come next lie in memory of the caller.</summary>
    public bool IsNextExternalUnsynchronized => _committed == 0;

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        ThrowIfCompleted();
        if (_tail is null || _tail.Room < Math.Max(1, sizeHint))
        {
            AddSegment(sizeHint);
        }

        return _tail!.Block.AsMemory(_tail.Filled);
    }

    public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public override void Advance(int bytes)
    {
        if (_tail is null || (uint)bytes > (uint)_tail.Room)
        {
            throw new ArgumentOutOfRangeException(nameof(bytes), "more was written than there was room for");
        }

        _tail.Filled += bytes;
        _uncommitted += bytes;
    }

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) =>
        SendAsync(default, cancellationToken);

    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default) =>
        SendAsync(source, cancellationToken);

    public override void CancelPendingFlush()
    {
        lock (_connection.Gate)
        {
            _cancelNext = true;
            if (_flush.IsWaiting && !_externalInFlight)
            {
                KeepExternalUnsynchronized();
            }

            WakeUnsynchronized();
        }

        _connection.Settle();
    }

    /// <summary>Ends our side unless that was done. With an exception the stream is reset.</summary>
    public override void Complete(Exception? exception = null)
    {
        if (_completed)
        {
            return;
        }

        _completed = true;
        if (exception is not null)
        {
            _stream.Reset(_connection.IsServer ? Http2ErrorCode.InternalError : Http2ErrorCode.Cancel);
        }
        else
        {
            _stream.EndIfOpen();
        }
    }

    /// <summary>Under the lock, from the producer: what was written may be sent now.</summary>
    public void CommitUnsynchronized()
    {
        _committed += _uncommitted;
        _uncommitted = 0;
    }

    /// <summary>
    /// Under the lock: how much of <paramref name="bytes"/> to copy into one frame: buffered bytes, and memory of the caller behind them
    /// when it is short.
    /// </summary>
    public int BeforeExternalUnsynchronized(int bytes) =>
        _committed > 0 && _committed < bytes && bytes - _committed >= DataOutput.MinExternalBytes ? (int)_committed : bytes;

    /// <summary>Under the lock: takes up to <paramref name="destination"/>'s length of pending bytes, copying them.</summary>
    public void TakeUnsynchronized(Span<byte> destination)
    {
        Debug.Assert(destination.Length <= PendingUnsynchronized, "only pending bytes are taken");
        while (_committed > 0 && !destination.IsEmpty)
        {
            var available = _head!.Filled - _headOffset;
            if (available == 0)
            {
                ReleaseHead();
                continue;
            }

            var length = (int)Math.Min(Math.Min(available, _committed), destination.Length);
            _head.Block.AsSpan(_headOffset, length).CopyTo(destination);
            _headOffset += length;
            _committed -= length;
            destination = destination[length..];
        }

        if (!destination.IsEmpty)
        {
            _external.Span[..destination.Length].CopyTo(destination);
            _external = _external[destination.Length..];
        }
    }

    /// <summary>
    /// Under the lock: takes bytes of the caller's memory without copying. They stay the caller's until
    /// <see cref="ExternalSentUnsynchronized"/>.
    /// </summary>
    public ReadOnlyMemory<byte> TakeExternalUnsynchronized(int bytes)
    {
        Debug.Assert(_committed == 0, "buffered bytes go first");
        var taken = _external[..bytes];
        _external = _external[bytes..];
        _externalInFlight = true;
        return taken;
    }

    /// <summary>Under the lock: the transport is done with the memory.</summary>
    public void ExternalSentUnsynchronized()
    {
        _externalInFlight = false;
        if (_cancelAfterExternal)
        {
            _cancelAfterExternal = false;
            CancelUnsynchronized();
        }

        if (_wakeAfterExternal || PendingUnsynchronized == 0)
        {
            _wakeAfterExternal = false;
            KeepExternalUnsynchronized();
            WakeUnsynchronized();
        }
    }

    /// <summary>Under the lock: everything pending was taken, or nothing more will be.</summary>
    public void WakeUnsynchronized()
    {
        if (_externalInFlight)
        {
            // The transport still reads the caller's memory.
            _wakeAfterExternal = true;
        }
        else if (_flush.TryFinishWaiting())
        {
            _connection.MarkReadyUnsynchronized(_stream, StreamWork.Write);
        }
    }

    /// <summary>Outside of the lock: runs the flow that waits for the flush.</summary>
    public void CompleteFlush() => _flush.Complete();

    /// <summary>Under the lock: forgets what was not sent, because nothing more will be.</summary>
    public void DropUnsynchronized()
    {
        _committed = 0;
        _external = default;
    }

    /// <summary>Under the lock, when no flow uses the stream any more.</summary>
    public void ResetUnsynchronized()
    {
        Debug.Assert(!IsOutstanding, "a stream is recycled when nothing of it is pending");
        DropUnsynchronized();
        ReleaseAll();
        _uncommitted = 0;
        _completed = false;
        _cancelNext = false;
        _wakeAfterExternal = false;
        _cancelAfterExternal = false;
    }

    FlushResult IValueTaskSource<FlushResult>.GetResult(short token)
    {
        _flush.Fetch(token);
        try
        {
            lock (_connection.Gate)
            {
                var canceled = _flush.Release(out var canceledBy);
                if (canceled)
                {
                    throw new OperationCanceledException(canceledBy);
                }

                ReleaseSentUnsynchronized();
                return TakeResultUnsynchronized();
            }
        }
        finally
        {
            _stream.TryRecycle();
        }
    }

    ValueTaskSourceStatus IValueTaskSource<FlushResult>.GetStatus(short token) => _flush.GetStatus(token);

    void IValueTaskSource<FlushResult>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _flush.OnCompleted(continuation, state, token, flags);

    private ValueTask<FlushResult> SendAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken)
    {
        ThrowIfCompleted();
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<FlushResult>(cancellationToken);
        }

        ValueTask<FlushResult> result;
        lock (_connection.Gate)
        {
            if (_flush.IsOutstanding)
            {
                throw new InvalidOperationException("a flush of the stream is pending already");
            }

            if (!_stream.CanSendUnsynchronized)
            {
                _uncommitted = 0;
                ReleaseAll();
                return FailedResultUnsynchronized();
            }

            CommitUnsynchronized();
            _external = source;
            _connection.Output.SendUnsynchronized(_stream);
            if (PendingUnsynchronized == 0 || _cancelNext)
            {
                KeepExternalUnsynchronized();
                ReleaseSentUnsynchronized();
                result = new ValueTask<FlushResult>(TakeResultUnsynchronized());
            }
            else
            {
                _flush.Start(this, OnCanceled, cancellationToken);
                result = new ValueTask<FlushResult>(this, _flush.Version);
            }
        }

        _connection.Settle();
        return result;
    }

    private ValueTask<FlushResult> FailedResultUnsynchronized()
    {
        try
        {
            return new ValueTask<FlushResult>(TakeResultUnsynchronized());
        }
        catch (IOException failure)
        {
            return ValueTask.FromException<FlushResult>(failure);
        }
    }

    private FlushResult TakeResultUnsynchronized()
    {
        var canceled = _cancelNext;
        _cancelNext = false;
        if (!canceled)
        {
            _stream.ThrowWriteFailure();
        }

        return new FlushResult(canceled, isCompleted: _stream.IsOutputUnwantedUnsynchronized);
    }

    private void CancelPending()
    {
        lock (_connection.Gate)
        {
            if (_externalInFlight)
            {
                _cancelAfterExternal = true;
                return;
            }

            if (!CancelUnsynchronized())
            {
                return;
            }
        }

        _connection.SettleElsewhere();
    }

    private bool CancelUnsynchronized()
    {
        if (!_flush.TryCancel())
        {
            return false;
        }

        KeepExternalUnsynchronized();
        _connection.MarkReadyUnsynchronized(_stream, StreamWork.Write);
        return true;
    }

    /// <summary>
    /// A canceled write gives its memory back at once; what was not sent of it is still part of the body, so it is copied.
    /// </summary>
    private void KeepExternalUnsynchronized()
    {
        if (_external.IsEmpty)
        {
            return;
        }

        var rest = _external.Span;
        AddSegment(rest.Length);
        rest.CopyTo(_tail!.Block);
        _tail.Filled = rest.Length;
        _committed += rest.Length;
        _external = default;
    }

    private void AddSegment(int sizeHint)
    {
        var segment = SegmentPool.Shared.Rent(sizeHint);
        if (_tail is null)
        {
            _head = segment;
            _headOffset = 0;
        }
        else
        {
            _tail.Link(segment);
        }

        _tail = segment;
    }

    private void ReleaseSentUnsynchronized()
    {
        if (_committed == 0 && _uncommitted == 0)
        {
            ReleaseAll();
        }
    }

    private void ReleaseHead()
    {
        var head = _head!;
        _head = head.Next;
        _headOffset = 0;
        if (_head is null)
        {
            _tail = null;
        }

        SegmentPool.Shared.Return(head);
    }

    private void ReleaseAll()
    {
        while (_head is not null)
        {
            ReleaseHead();
        }
    }

    private void ThrowIfCompleted()
    {
        if (_completed)
        {
            throw new InvalidOperationException("the stream's output was completed");
        }
    }
}
