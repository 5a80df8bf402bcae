using System.Buffers;

namespace FastSidecar.Transport.Http1;

/// <summary>A piece of chunk data where it lies in the connection's buffer, with the way back: its place there and the state before it.</summary>
internal sealed class ChunkSegment : ReadOnlySequenceSegment<byte>
{
    public SequencePosition Place { get; private set; }

    public ChunkedState State { get; private set; }

    public void Set(ReadOnlyMemory<byte> memory, SequencePosition place, ChunkedState state, long runningIndex)
    {
        Memory = memory;
        Place = place;
        State = state;
        RunningIndex = runningIndex;
        Next = null;
    }

    public void Link(ChunkSegment next) => Next = next;
}
