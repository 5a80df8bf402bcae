using System.Buffers;
using System.Diagnostics;

namespace FastSidecar.Transport.Http2.Streams;

/// <summary>A block of a chain of buffered bytes. Blocks of the usual size are pooled by <see cref="SegmentPool"/>.</summary>
internal sealed class Segment : ReadOnlySequenceSegment<byte>
{
    private readonly byte[] _block;

    public Segment(int bytes)
    {
        _block = GC.AllocateUninitializedArray<byte>(bytes);
        Memory = _block;
    }

    public byte[] Block => _block;

    /// <summary>
    /// How many bytes of the block are in use; before <see cref="Link"/> only the last segment of a chain may have room behind them.
    /// </summary>
    public int Filled { get; set; }

    public int Room => _block.Length - Filled;

    public new Segment? Next
    {
        get => (Segment?)base.Next;
        private set => base.Next = value;
    }

    public new long RunningIndex => base.RunningIndex;

    /// <summary>Ends this segment where it is filled and puts <paramref name="next"/> behind it.</summary>
    public void Link(Segment next)
    {
        Debug.Assert(next.Next is null && next.Filled == 0, "a fresh segment is linked");
        Memory = new ReadOnlyMemory<byte>(_block, 0, Filled);
        next.SetRunningIndex(RunningIndex + Filled);
        Next = next;
    }

    public void Reset()
    {
        Memory = _block;
        Filled = 0;
        Next = null;
        SetRunningIndex(0);
    }

    private void SetRunningIndex(long index) => base.RunningIndex = index;
}

/// <summary>Free segments of all connections. Bounded; what does not fit goes to the garbage collector.</summary>
internal sealed class SegmentPool
{
    /// <summary>One block holds the ordinary body; a DATA frame of the usual size takes four.</summary>
    public const int BlockBytes = 4096;

    /// <summary>4 MiB kept at most: what a thousand streams with small bodies use at once.</summary>
    private const int MaxFree = 1024;

    private readonly Lock _gate = new();
    private readonly Segment[] _free = new Segment[MaxFree];
    private int _count;

    /// <summary>The pool of the process: blocks are all alike, and what one connection frees the next one needs.</summary>
    public static SegmentPool Shared { get; } = new();

    /// <summary>A segment with room for at least <paramref name="bytes"/>.</summary>
    public Segment Rent(int bytes)
    {
        if (bytes > BlockBytes)
        {
            return new Segment(bytes);
        }

        lock (_gate)
        {
            if (_count > 0)
            {
                var segment = _free[--_count];
                _free[_count] = null!;
                return segment;
            }
        }

        return new Segment(BlockBytes);
    }

    /// <summary>Takes back a segment that nobody else sees any more.</summary>
    public void Return(Segment segment)
    {
        if (segment.Block.Length != BlockBytes)
        {
            return;
        }

        segment.Reset();
        lock (_gate)
        {
            Debug.Assert(_count == 0 || !ReferenceEquals(_free[_count - 1], segment), "a segment is returned twice");
            if (_count < MaxFree)
            {
                _free[_count++] = segment;
            }
        }
    }
}
