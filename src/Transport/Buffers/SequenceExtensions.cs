using System.Buffers;

namespace FastSidecar.Transport.Buffers;

/// <summary>Sequences as spans, without a copy where they lie in one segment.</summary>
public static class SequenceExtensions
{
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
}
