using System.Buffers;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace FastSidecar.Transport.Buffers;

/// <summary>
/// A pinned array of fixed size from a <see cref="BlockPool"/>, which can also be a segment of a <see cref="ReadOnlySequence{T}"/>: bytes
/// are put at the end with <see cref="Free"/> and <see cref="Commit"/>, blocks are chained with <see cref="Link"/>. One owner at a time;
/// not thread-safe.
/// </summary>
public sealed class Block : ReadOnlySequenceSegment<byte>, IMemoryOwner<byte>
{
    private readonly BlockPool _pool;
    private readonly Memory<byte> _whole;

    internal Block(BlockPool pool, int bytes)
    {
        _pool = pool;

        // Pinned at birth: sockets and pipes then need no handle per operation.
        _whole = MemoryMarshal.CreateFromPinnedArray(GC.AllocateUninitializedArray<byte>(bytes, pinned: true), 0, bytes);
    }

    /// <summary>All bytes of the block, whatever is committed.</summary>
    public Memory<byte> Whole => _whole;

    /// <summary>How many bytes are committed: the segment's <see cref="ReadOnlySequenceSegment{T}.Memory"/> covers these.</summary>
    public int Filled => Memory.Length;

    /// <summary>Where the next bytes go.</summary>
    public Memory<byte> Free => _whole[Memory.Length..];

    public Block? NextBlock => (Block?)Next;

    Memory<byte> IMemoryOwner<byte>.Memory => _whole;

    /// <summary>Set while someone holds the block; only the pool touches it, under its lock.</summary>
    internal bool IsRented { get; set; }

    /// <summary>
    /// Makes so many bytes of <see cref="Free"/> part of the segment. Not allowed once a next block is linked: its position would be wrong.
    /// </summary>
    public void Commit(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)bytes, (uint)(_whole.Length - Memory.Length), nameof(bytes));
        Debug.Assert(Next is null, "a block in the middle of a chain does not grow");
        Memory = _whole[..(Memory.Length + bytes)];
    }

    /// <summary>Chains <paramref name="next"/> behind this block, whose committed bytes are final from here on.</summary>
    public void Link(Block next)
    {
        Debug.Assert(Next is null, "a block has one successor");
        next.RunningIndex = RunningIndex + Memory.Length;
        Next = next;
    }

    /// <summary>Gives the block back to its pool; no span, memory or sequence over it may be used any more.</summary>
    /// <exception cref="InvalidOperationException">It was given back before.</exception>
    public void Return() => _pool.Return(this);

    void IDisposable.Dispose() => Return();

    /// <summary>As new: nothing committed, no successor, position 0.</summary>
    internal void Reset()
    {
        Memory = ReadOnlyMemory<byte>.Empty;
        RunningIndex = 0;
        Next = null;
    }
}
