using System.Buffers;
using System.Runtime.InteropServices;

namespace FastSidecar.Transport.Sockets;

/// <summary>What was written and not flushed yet: pooled blocks, and foreign memory among them. Touched by the writing flow only.</summary>
internal sealed class SendQueue
{
    private const int MinBlockBytes = 4096;
    private const int MaxBlockBytes = 32 * 1024;

    // Below this a copy costs less than one more entry of a gather write (each entry pins its array).
    private const int CopyLimitBytes = 4096;

    private List<SendPiece> _pieces = [];
    private byte[]? _block;
    private int _blockUsed;
    private int _blockBytes = MinBlockBytes;

    public long Length { get; private set; }

    public Memory<byte> Room(int sizeHint)
    {
        EnsureRoom(sizeHint);
        return _block.AsMemory(_blockUsed);
    }

    public Span<byte> RoomSpan(int sizeHint)
    {
        EnsureRoom(sizeHint);
        return _block.AsSpan(_blockUsed);
    }

    public void Advance(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, (_block?.Length ?? 0) - _blockUsed);
        _blockUsed += bytes;
        Length += bytes;
    }

    /// <summary>False when it is better copied: too small, or not an array.</summary>
    public bool TryAppend(ReadOnlyMemory<byte> memory)
    {
        if (memory.Length <= CopyLimitBytes || !MemoryMarshal.TryGetArray(memory, out var array))
        {
            return false;
        }

        CloseBlock();
        _pieces.Add(new SendPiece(array.Array!, array.Offset, array.Count, Pooled: false));
        Length += memory.Length;
        return true;
    }

    /// <summary>Hands out everything, blocks included, in exchange for an empty list.</summary>
    public List<SendPiece> Take(List<SendPiece> empty)
    {
        CloseBlock();
        var pieces = _pieces;
        _pieces = empty;
        _blockBytes = MinBlockBytes;
        Length = 0;
        return pieces;
    }

    public void Clear()
    {
        CloseBlock();
        ReturnBlocks(_pieces);
        Length = 0;
    }

    public static void ReturnBlocks(List<SendPiece> pieces)
    {
        foreach (var piece in pieces)
        {
            if (piece.Pooled)
            {
                ArrayPool<byte>.Shared.Return(piece.Array);
            }
        }

        pieces.Clear();
    }

    private void EnsureRoom(int sizeHint)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sizeHint);
        if (_block is not null && _block.Length - _blockUsed >= Math.Max(sizeHint, 1))
        {
            return;
        }

        CloseBlock();
        _block = ArrayPool<byte>.Shared.Rent(Math.Max(sizeHint, _blockBytes));
        _blockBytes = Math.Min(_blockBytes * 2, MaxBlockBytes);
    }

    /// <summary>The block being filled joins the pieces; the next write takes a new one.</summary>
    private void CloseBlock()
    {
        if (_block is null)
        {
            return;
        }

        if (_blockUsed > 0)
        {
            _pieces.Add(new SendPiece(_block, 0, _blockUsed, Pooled: true));
        }
        else
        {
            ArrayPool<byte>.Shared.Return(_block);
        }

        _block = null;
        _blockUsed = 0;
    }
}
