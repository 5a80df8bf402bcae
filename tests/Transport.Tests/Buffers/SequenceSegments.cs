using System.Buffers;

namespace FastSidecar.Transport.Tests.Buffers;

/// <summary>Sequences cut wherever a test wants them cut.</summary>
internal static class SequenceSegments
{
    public static ReadOnlySequence<byte> Cut(ReadOnlySpan<byte> bytes, int segmentBytes)
    {
        var first = new Segment([], 0); // an empty first segment is the nastiest case
        var last = first;
        var position = 0;
        while (position < bytes.Length)
        {
            var length = Math.Min(segmentBytes, bytes.Length - position);
            last = last.Append(bytes.Slice(position, length).ToArray(), position);
            position += length;
        }

        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(byte[] bytes, long position)
        {
            Memory = bytes;
            RunningIndex = position;
        }

        public Segment Append(byte[] bytes, long position)
        {
            var next = new Segment(bytes, position);
            Next = next;
            return next;
        }
    }
}
