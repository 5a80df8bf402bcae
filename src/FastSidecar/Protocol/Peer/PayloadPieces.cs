using System.Buffers;

namespace FastSidecar.Protocol.Peer;

/// <summary>
/// Body bytes that lie apart in a larger buffer, shown as one sequence without copying them. Reused by its owner; what it shows is valid
/// until
/// <see cref="Clear"/> and as long as the buffer.
/// </summary>
internal sealed class PayloadPieces
{
    /// <summary>
    /// daprd cuts bodies into pieces of 2 KiB, so this many fill 128 KiB; more only costs segments, and pieces of one byte each would cost
    /// many.
    /// </summary>
    private const int MaxPieces = 64;

    private ReadOnlySequence<byte> _only;
    private Segment? _first;
    private Segment? _last;
    private Segment? _spare;
    private int _count;

    /// <summary>All bytes added since <see cref="Clear"/>.</summary>
    public ReadOnlySequence<byte> Sequence => _count switch
    {
        0 => ReadOnlySequence<byte>.Empty,
        1 => _only,
        _ => new ReadOnlySequence<byte>(_first!, 0, _last!, _last!.Memory.Length),
    };

    public bool IsEmpty => _count == 0;

    /// <summary>False when no more are taken until <see cref="Clear"/>.</summary>
    public bool TryAdd(in ReadOnlySequence<byte> piece)
    {
        if (_count == MaxPieces)
        {
            return false;
        }

        _count++;
        if (_count == 1)
        {
            _only = piece;
            return true;
        }

        if (_count == 2)
        {
            Link(_only);
        }

        Link(piece);
        return true;
    }

    /// <summary>Lets go of everything shown, keeps the segments.</summary>
    public void Clear()
    {
        _only = default;
        _count = 0;
        while (_first is { } segment)
        {
            _first = segment.Unlink();
            segment.LinkSpare(_spare);
            _spare = segment;
        }

        _last = null;
    }

    private void Link(in ReadOnlySequence<byte> piece)
    {
        foreach (var memory in piece)
        {
            var segment = _spare ?? new Segment();
            _spare = segment.Unlink();
            segment.Show(memory, _last);
            _first ??= segment;
            _last = segment;
        }
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public void Show(ReadOnlyMemory<byte> memory, Segment? previous)
        {
            Memory = memory;
            RunningIndex = previous is null ? 0 : previous.RunningIndex + previous.Memory.Length;
            if (previous is not null)
            {
                previous.Next = this;
            }
        }

        public void LinkSpare(Segment? next) => Next = next;

        /// <summary>Takes it out of its chain, empty, and returns the one behind it.</summary>
        public Segment? Unlink()
        {
            var next = (Segment?)Next;
            Next = null;
            Memory = default;
            return next;
        }
    }
}
