using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using FastSidecar.Transport.Async;

namespace FastSidecar.Transport.Http1;

/// <summary>
/// The response body of an exchange, in place in the connection's buffer: a body of known length is a slice of it, a chunked one a list of pieces. What
/// the consumer leaves unconsumed is decoded again with the next read.
/// </summary>
internal sealed class ResponseBodyReader(Http1Connection connection) : PipeReader
{
    private readonly Http1Connection _connection = connection;

    private ResponseBodyKind _kind;
    private long _left;
    private bool _complete;

    // The last result handed out: where its framing ends, whether the body ends with it, and what is wrong behind it.
    private ReadOnlySequence<byte> _buffer;
    private ReadOnlySequence<byte> _received;
    private bool _atEnd;
    private Http1ResponseException? _fault;
    private bool _faultExamined;

    // Chunked bodies only.
    private readonly List<ChunkSegment> _segments = [];
    private int _segmentCount;
    private ChunkedState _state;
    private ChunkedState _endState;
    private SequencePosition _framingEnd;

    /// <summary>The whole body was consumed.</summary>
    public bool IsComplete => _complete;

    public void Begin(ResponseFraming framing)
    {
        _kind = framing.Kind;
        _left = framing.Length;
        _complete = framing.Kind == ResponseBodyKind.None;
        _state = default;
        _fault = null;
        _faultExamined = false;
        _received = default;
        _buffer = default;
    }

    public override bool TryRead(out ReadResult result)
    {
        if (_complete)
        {
            result = new ReadResult(default, isCanceled: false, isCompleted: true);
            return true;
        }

        while (TryReadConnection(out var received))
        {
            if (TryTake(received, out result))
            {
                return true;
            }
        }

        result = default;
        return false;
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (_complete)
        {
            return ValueTask.FromResult(new ReadResult(default, isCanceled: false, isCompleted: true));
        }

        while (true)
        {
            var read = ReadConnectionAsync(cancellationToken);
            if (!read.IsCompletedSuccessfully)
            {
                return ReadAwaitedAsync(read, cancellationToken);
            }

            if (TryTake(read.Result, out var result))
            {
                return ValueTask.FromResult(result);
            }
        }
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        if (_complete)
        {
            return;
        }

        var consumedBytes = _buffer.IsEmpty ? 0 : _buffer.Slice(0, consumed).Length;
        var consumedAll = consumedBytes == _buffer.Length;
        var examinedAll = _buffer.IsEmpty || examined.Equals(_buffer.End);
        _faultExamined = _fault is not null && examinedAll;
        if (_kind == ResponseBodyKind.Chunked)
        {
            AdvanceChunks(consumed, examined, consumedAll, examinedAll);
        }
        else
        {
            _left -= consumedBytes;
            AdvanceConnection(_buffer.IsEmpty ? _received.Start : consumed, examinedAll && !_atEnd ? _received.End : examined);
        }

        _complete = _atEnd && consumedAll;
        _buffer = default;
        _received = default;
        if (_complete)
        {
            _connection.OnResponseComplete();
        }
    }

    public override void CancelPendingRead() => _connection.Reader.CancelPendingRead();

    /// <summary>Does nothing: a body that was not consumed to its end closes the connection when the exchange is disposed.</summary>
    public override void Complete(Exception? exception = null)
    {
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> ReadAwaitedAsync(ValueTask<ReadResult> read, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                var received = await read;
                if (TryTake(received, out var result))
                {
                    return result;
                }

                read = ReadConnectionAsync(cancellationToken);
            }
        }
        catch (IOException e) when (e is not Http1ResponseException && !_connection.IsClosed)
        {
            throw _connection.ReadFault(e, inHead: false);
        }
    }

    private ValueTask<ReadResult> ReadConnectionAsync(CancellationToken cancellationToken)
    {
        try
        {
            return _connection.Reader.ReadAsync(cancellationToken);
        }
        catch (IOException e) when (!_connection.IsClosed)
        {
            throw _connection.ReadFault(e, inHead: false);
        }
    }

    private bool TryReadConnection(out ReadResult received)
    {
        try
        {
            return _connection.Reader.TryRead(out received);
        }
        catch (IOException e) when (!_connection.IsClosed)
        {
            throw _connection.ReadFault(e, inHead: false);
        }
    }

    /// <summary>Makes a result of what the connection has. False when that was framing only, which is consumed then.</summary>
    private bool TryTake(ReadResult received, out ReadResult result)
    {
        _received = received.Buffer;
        _fault = null;
        var ended = false;
        switch (_kind)
        {
            case ResponseBodyKind.Length:
                _atEnd = received.Buffer.Length >= _left;
                _buffer = _atEnd ? received.Buffer.Slice(0, _left) : received.Buffer;
                ended = received.IsCompleted && !_atEnd;
                _fault = ended ? ResponseFaults.ClosedInBody() : null;
                break;
            case ResponseBodyKind.Chunked:
                DecodeChunks(received.Buffer);
                ended = received.IsCompleted && !_atEnd;
                _fault ??= ended ? ResponseFaults.ClosedInChunks() : null;
                break;
            default:
                _buffer = received.Buffer;
                _atEnd = received.IsCompleted;
                break;
        }

        // Bytes that came before a fault are handed out first.
        if (_fault is not null && (_buffer.IsEmpty || _faultExamined))
        {
            AdvanceConnection(received.Buffer.End, received.Buffer.End);
            throw _fault;
        }

        if (_buffer.IsEmpty && !_atEnd && !received.IsCanceled)
        {
            result = default;
            AdvanceTo(default, default);
            return false;
        }

        result = new ReadResult(_buffer, received.IsCanceled, _atEnd);
        if (_atEnd && _buffer.IsEmpty)
        {
            // Nothing is left to consume: complete also for a consumer that does not advance any more.
            AdvanceTo(default, default);
        }

        return true;
    }

    private void DecodeChunks(ReadOnlySequence<byte> rest)
    {
        var dataEnd = rest;
        var length = 0L;
        _segmentCount = 0;
        _endState = _state;
        try
        {
            while (true)
            {
                var state = _endState;
                var data = state.Next(ref rest, _connection.MaxTrailerBytes);
                _endState = state;
                if (data.IsEmpty)
                {
                    break;
                }

                var next = data.Start;
                for (var place = next; data.TryGet(ref next, out var memory); place = next)
                {
                    AddSegment(memory, place, state, length);
                    state = state.Skip(memory.Length);
                    length += memory.Length;
                }

                _endState = state;
                rest = rest.Slice(data.End);
                dataEnd = rest;
            }
        }
        catch (Http1ResponseException e)
        {
            // State and place stay before the broken piece: the next read meets it again.
            _fault = e;
            rest = dataEnd;
        }

        _framingEnd = rest.Start;
        _atEnd = _endState.IsDone;
        _buffer = _segmentCount == 0
            ? default
            : new ReadOnlySequence<byte>(_segments[0], 0, _segments[_segmentCount - 1], _segments[_segmentCount - 1].Memory.Length);
    }

    private void AddSegment(ReadOnlyMemory<byte> memory, SequencePosition place, ChunkedState state, long runningIndex)
    {
        if (memory.IsEmpty)
        {
            return;
        }

        if (_segmentCount == _segments.Count)
        {
            _segments.Add(new ChunkSegment());
        }

        var segment = _segments[_segmentCount];
        segment.Set(memory, place, state, runningIndex);
        if (_segmentCount > 0)
        {
            _segments[_segmentCount - 1].Link(segment);
        }

        _segmentCount++;
    }

    private void AdvanceChunks(SequencePosition consumed, SequencePosition examined, bool consumedAll, bool examinedAll)
    {
        if (consumedAll)
        {
            _state = _endState;
            AdvanceConnection(_framingEnd, _received.End);
        }
        else
        {
            _state = ((ChunkSegment)consumed.GetObject()!).State.Skip(consumed.GetInteger());
            AdvanceConnection(PlaceOf(consumed), examinedAll ? _received.End : PlaceOf(examined));
        }
    }

    private SequencePosition PlaceOf(SequencePosition position) =>
        _received.GetPosition(position.GetInteger(), ((ChunkSegment)position.GetObject()!).Place);

    private void AdvanceConnection(SequencePosition consumed, SequencePosition examined)
    {
        // With the end (or a fault) in the buffer no further byte is needed: the next read shall come back at once. And what follows a complete
        // response is left unexamined, so that the watch sees it.
        _connection.Reader.AdvanceTo(consumed, _atEnd || _fault is not null ? consumed : examined);
    }
}
