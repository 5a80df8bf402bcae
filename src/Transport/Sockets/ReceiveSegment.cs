using System.Buffers;
using System.Diagnostics;

namespace FastSidecar.Transport.Sockets;

/// <summary>A pooled block with received bytes in it. Positions count from the connection's first byte.</summary>
internal sealed class ReceiveSegment : ReadOnlySequenceSegment<byte>
{
    private byte[] _block = [];

    public int End => Memory.Length;

    public int Free => _block.Length - End;

    public ReceiveSegment? NextSegment => (ReceiveSegment?)Next;

    public Memory<byte> FreeMemory => _block.AsMemory(End);

    public void Rent(int size) => _block = ArrayPool<byte>.Shared.Rent(size);

    public void PlaceAt(long position)
    {
        RunningIndex = position;
        Memory = default;
        Next = null;
    }

    public void Append(int count)
    {
        Debug.Assert(count <= Free, "the socket wrote past the block");
        Memory = _block.AsMemory(0, End + count);
    }

    public void Link(ReceiveSegment next) => Next = next;

    public void Return()
    {
        ArrayPool<byte>.Shared.Return(_block);
        _block = [];
        PlaceAt(0);
    }
}
