using System.Buffers;

namespace FastSidecar.Fuzz;

/// <summary>The same bytes in randomly cut segments, some of them empty.</summary>
internal static class Segments
{
    public static ReadOnlySequence<byte> Cut(byte[] bytes, Random random)
    {
        var first = new Segment(default, 0);
        var last = first;
        for (var position = 0; position < bytes.Length;)
        {
            var length = Math.Min(random.Next(random.Next(2) == 0 ? 3 : 100), bytes.Length - position);
            last = last.Append(bytes.AsMemory(position, length), position);
            position += length;
        }

        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, long position)
        {
            Memory = memory;
            RunningIndex = position;
        }

        public Segment Append(ReadOnlyMemory<byte> memory, long position)
        {
            var next = new Segment(memory, position);
            Next = next;
            return next;
        }
    }
}
