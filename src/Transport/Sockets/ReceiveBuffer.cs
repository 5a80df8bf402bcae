using System.Buffers;

namespace FastSidecar.Transport.Sockets;

/// <summary>
/// The received bytes of a connection that were not consumed yet, and the block a receive is writing into. Not thread-safe: <see cref="SocketPipeReader"/>
/// says who may touch it when.
/// </summary>
internal sealed class ReceiveBuffer
{
    private const int MinBlockBytes = 4096;

    // One receive of a fast sender fills this; more would only raise what an idle moment keeps.
    private const int MaxBlockBytes = 64 * 1024;

    // A tail with less room than this is left alone and a new block is taken.
    private const int MinReceiveBytes = 1024;

    private ReceiveSegment? _head;
    private ReceiveSegment? _tail;
    private ReceiveSegment? _spare;
    private ReceiveSegment? _target;
    private int _headStart;
    private long _examined;
    private long _received;
    private int _blockBytes = MinBlockBytes;

    public bool IsEmpty => _head is null;

    /// <summary>Bytes have come that the consumer has not looked at.</summary>
    public bool HasUnexamined => _received > _examined;

    public ReadOnlySequence<byte> Sequence => _head is null ? default : new ReadOnlySequence<byte>(_head, _headStart, _tail!, _tail!.End);

    /// <summary>Memory for a receive, which ends with <see cref="Commit"/> or <see cref="DropTarget"/>.</summary>
    public Memory<byte> Target()
    {
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

        return _target.FreeMemory;
    }

    public void Commit(int count)
    {
        var target = _target!;
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
    }

    public void DropTarget()
    {
        if (_target is not null && _target != _tail)
        {
            Keep(_target);
        }

        _target = null;
    }

    /// <summary>Gives back what lies before <paramref name="consumed"/>. A block that is being received into stays.</summary>
    public void Release(SequencePosition consumed, SequencePosition examined)
    {
        if (consumed.GetObject() is not ReceiveSegment segment)
        {
            return;
        }

        var examinedPosition = examined.GetObject() is ReceiveSegment last ? last.RunningIndex + examined.GetInteger() : _examined;
        while (_head != segment)
        {
            var next = (_head ?? throw new InvalidOperationException("a position was given back that is not part of the buffer")).NextSegment;
            Keep(_head);
            _head = next;
        }

        _headStart = consumed.GetInteger();
        _examined = Math.Max(_examined, Math.Max(examinedPosition, segment.RunningIndex + _headStart));
        if (segment == _tail && _headStart == segment.End && _target != segment)
        {
            _head = null;
            _tail = null;
            Keep(segment);
        }
    }

    public void ReturnAll()
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

    private void Keep(ReceiveSegment segment)
    {
        segment.Return();
        _spare ??= segment;
    }
}
