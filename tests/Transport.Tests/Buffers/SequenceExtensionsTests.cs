using System.Buffers;
using FastSidecar.Transport.Buffers;
using Xunit;

namespace FastSidecar.Transport.Tests.Buffers;

public sealed class SequenceExtensionsTests
{
    private static readonly byte[] Bytes = [1, 2, 3, 4, 5, 6, 7];

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(7)]
    public void Join_AcrossSegments_GivesAllBytes(int segmentBytes)
    {
        var sequence = SequenceSegments.Cut(Bytes, segmentBytes);
        var joined = sequence.Join(out var rented);
        Assert.Equal(Bytes, joined.ToArray());
        Assert.NotNull(rented);
        ArrayPool<byte>.Shared.Return(rented);
    }

    [Fact]
    public void Join_OneSegment_RentsNothing()
    {
        Assert.True(new ReadOnlySequence<byte>(Bytes).Join(out var rented).Overlaps(Bytes));
        Assert.Null(rented);
    }
}
