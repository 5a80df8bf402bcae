using System.Buffers;
using FastSidecar.Transport.Buffers;
using Xunit;

namespace FastSidecar.Transport.Tests.Buffers;

public sealed class SequenceExtensionsTests
{
    private static readonly byte[] Bytes = [1, 2, 3, 4, 5, 6, 7];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(7)]
    public void Peek_AcrossSegments(int segmentBytes)
    {
        var sequence = SequenceSegments.Cut(Bytes, segmentBytes);
        Assert.True(sequence.TryPeek(stackalloc byte[5], out var front));
        Assert.Equal([1, 2, 3, 4, 5], front.ToArray());
        Assert.True(sequence.TryPeek(stackalloc byte[7], out var all));
        Assert.Equal(Bytes, all.ToArray());
        Assert.False(sequence.TryPeek(stackalloc byte[8], out _));
    }

    [Fact]
    public void Peek_InTheFirstSegment_DoesNotCopy()
    {
        var sequence = new ReadOnlySequence<byte>(Bytes);
        Span<byte> scratch = stackalloc byte[5];
        Assert.True(sequence.TryPeek(scratch, out var front));
        Assert.True(front.Overlaps(Bytes));
        Assert.Equal(-1, scratch.IndexOfAnyExcept((byte)0));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(7)]
    public void JoinAndCopy_GiveAllBytes(int segmentBytes)
    {
        var sequence = SequenceSegments.Cut(Bytes, segmentBytes);
        var joined = sequence.Join(out var rented);
        Assert.Equal(Bytes, joined.ToArray());
        Assert.NotNull(rented);
        ArrayPool<byte>.Shared.Return(rented);

        var output = new ArrayBufferWriter<byte>();
        sequence.CopyTo(output);
        Assert.Equal(Bytes, output.WrittenSpan.ToArray());
    }

    [Fact]
    public void Join_OneSegment_RentsNothing()
    {
        Assert.True(new ReadOnlySequence<byte>(Bytes).Join(out var rented).Overlaps(Bytes));
        Assert.Null(rented);
    }
}
