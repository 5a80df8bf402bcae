using System.Buffers;

namespace FastSidecar.Transport.Buffers;

/// <summary>Reading the front of a sequence, fast where it lies in the first segment.</summary>
public static class SequenceExtensions
{
    /// <summary>
    /// The first <c>scratch.Length</c> bytes: in place when the first segment has them, otherwise copied to <paramref name="scratch"/>.
    /// False, and nothing is done, when the sequence is shorter.
    /// </summary>
    /// <param name="sequence">Stays as it is.</param>
    /// <param name="scratch">A small stackalloc as long as the header that is wanted.</param>
    /// <param name="bytes">Valid as long as both the sequence and the scratch are.</param>
    public static bool TryPeek(this in ReadOnlySequence<byte> sequence, Span<byte> scratch, out ReadOnlySpan<byte> bytes)
    {
        var first = sequence.FirstSpan;
        if (first.Length >= scratch.Length)
        {
            bytes = first[..scratch.Length];
            return true;
        }

        if (sequence.Length < scratch.Length)
        {
            bytes = default;
            return false;
        }

        sequence.Slice(0, scratch.Length).CopyTo(scratch);
        bytes = scratch;
        return true;
    }

    /// <summary>
    /// All bytes in one span: in place when there is one segment, otherwise copied to an array of the shared pool that the caller must
    /// return when it is not null.
    /// </summary>
    public static ReadOnlySpan<byte> Join(this in ReadOnlySequence<byte> sequence, out byte[]? rented)
    {
        if (sequence.IsSingleSegment)
        {
            rented = null;
            return sequence.FirstSpan;
        }

        var length = checked((int)sequence.Length);
        rented = ArrayPool<byte>.Shared.Rent(length);
        sequence.CopyTo(rented);
        return rented.AsSpan(0, length);
    }

    /// <summary>Copies all bytes into <paramref name="output"/>.</summary>
    public static void CopyTo(this in ReadOnlySequence<byte> sequence, IBufferWriter<byte> output)
    {
        if (sequence.IsSingleSegment)
        {
            output.Write(sequence.FirstSpan);
            return;
        }

        foreach (var segment in sequence)
        {
            output.Write(segment.Span);
        }
    }
}
