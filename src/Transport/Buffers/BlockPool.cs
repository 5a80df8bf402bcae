using System.Buffers;

namespace FastSidecar.Transport.Buffers;

/// <summary>
/// Hands out pinned blocks of one size and keeps returned ones, the last returned first because it is still in the cache. Thread-safe: one
/// short lock, nearly always free since most renting happens on the socket thread. Also a <see cref="MemoryPool{T}"/>, for pipes.
/// </summary>
public sealed class BlockPool : MemoryPool<byte>
{
    /// <summary>Holds the whole of an ordinary request; a page of the operating system.</summary>
    public const int DefaultBlockBytes = 4096;

    /// <summary>4 MiB of blocks: a thousand connections with one block each.</summary>
    public const int DefaultMaxKept = 1024;

    private readonly Lock _lock = new();
    private readonly int _maxKept;
    private Block[] _kept = new Block[16]; // a stack that grows up to _maxKept
    private int _keptCount;
    private int _rentedCount;
    private bool _disposed;

    /// <param name="blockBytes">Size of every block.</param>
    /// <param name="maxKept">How many returned blocks are kept; further ones are left to the garbage collector.</param>
    public BlockPool(int blockBytes = DefaultBlockBytes, int maxKept = DefaultMaxKept)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(blockBytes);
        ArgumentOutOfRangeException.ThrowIfNegative(maxKept);
        BlockBytes = blockBytes;
        _maxKept = maxKept;
    }

    public int BlockBytes { get; }

    /// <summary>The block size: a pipe takes larger memory elsewhere.</summary>
    public override int MaxBufferSize => BlockBytes;

    /// <summary>Blocks that are out now. A pool at rest has none.</summary>
    public int RentedBlocks
    {
        get
        {
            lock (_lock)
            {
                return _rentedCount;
            }
        }
    }

    /// <summary>A block with nothing committed. The caller owns it until <see cref="Block.Return"/>.</summary>
    public Block RentBlock()
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _rentedCount++;
            if (_keptCount > 0)
            {
                var kept = _kept[--_keptCount];
                _kept[_keptCount] = null!; // beyond the count nothing is read
                kept.IsRented = true;
                return kept;
            }
        }

        // Outside the lock: the allocation may start a collection. Nobody else knows the block yet.
        return new Block(this, BlockBytes) { IsRented = true };
    }

    /// <summary>For pipes: the whole block as memory, given back with its Dispose.</summary>
    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, BlockBytes);
        return RentBlock();
    }

    internal void Return(Block block)
    {
        lock (_lock)
        {
            if (!block.IsRented)
            {
                throw new InvalidOperationException("a block was returned twice");
            }

            block.IsRented = false;
            block.Reset();
            _rentedCount--;
            if (_disposed || _keptCount == _maxKept)
            {
                return;
            }

            if (_keptCount == _kept.Length)
            {
                Array.Resize(ref _kept, Math.Min(_maxKept, _kept.Length * 2));
            }

            _kept[_keptCount++] = block;
        }
    }

    /// <summary>Drops the kept blocks; blocks that are still out are dropped as they come back.</summary>
    protected override void Dispose(bool disposing)
    {
        lock (_lock)
        {
            _disposed = true;
            _kept = [];
            _keptCount = 0;
        }
    }
}
