using System.Buffers;
using System.Text;
using FastSidecar.Transport.Grpc;
using FastSidecar.Transport.Tests.Buffers;
using Xunit;

namespace FastSidecar.Transport.Tests.Grpc;

public sealed class MessageFramingTests
{
    private static readonly byte[] Framed = [1, 0, 0, 1, 2, .. new byte[258], 0, 0, 0, 0, 0];

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(1000)]
    public void Prefix_ReadInAnyCut(int segmentBytes)
    {
        var buffer = SequenceSegments.Cut(Framed, segmentBytes);
        Assert.True(MessageFraming.TryReadPrefix(ref buffer, out var compressed, out var length));
        Assert.True(compressed);
        Assert.Equal(258u, length);
        Assert.Equal(Framed.Length - 5, buffer.Length);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1000)]
    public void EveryTruncation_LeavesTheBufferUntouched(int segmentBytes)
    {
        for (var length = 0; length < 5 + 258; length++)
        {
            var buffer = SequenceSegments.Cut(Framed.AsSpan(0, length), segmentBytes);
            var before = buffer;
            Assert.False(MessageFraming.TryReadMessage(ref buffer, 1000, out _, out var message));
            Assert.True(message.IsEmpty);
            Assert.Equal(before.Start, buffer.Start);
            Assert.Equal(length, buffer.Length);
            if (length < MessageFraming.PrefixBytes)
            {
                Assert.False(MessageFraming.TryReadPrefix(ref buffer, out _, out _));
                Assert.Equal(before.Start, buffer.Start);
            }
        }
    }

    [Fact]
    public void Messages_OneAfterTheOther()
    {
        var output = new ArrayBufferWriter<byte>();
        string[] texts = ["first", "", "third, which is longer"];
        foreach (var text in texts)
        {
            MessageFraming.WritePrefix(output, compressed: text.Length == 0, (uint)text.Length);
            output.Write(Encoding.ASCII.GetBytes(text));
        }

        var buffer = SequenceSegments.Cut(output.WrittenSpan, 4);
        foreach (var text in texts)
        {
            Assert.True(MessageFraming.TryReadMessage(ref buffer, 100, out var compressed, out var message));
            Assert.Equal(text.Length == 0, compressed);
            Assert.Equal(text, Encoding.ASCII.GetString(message));
        }

        Assert.True(buffer.IsEmpty);
    }

    [Fact]
    public void LongestLength_IsReadWhole()
    {
        var buffer = new ReadOnlySequence<byte>([0, 0xff, 0xff, 0xff, 0xff]);
        Assert.True(MessageFraming.TryReadPrefix(ref buffer, out _, out var length));
        Assert.Equal(uint.MaxValue, length);
    }

    [Fact]
    public void FlagOtherThan0And1_FailsAsInGrpcGo()
    {
        // Recorded: fixtures grpc/callee.json, "grpc: received unexpected payload format 2" with code 13.
        var exception = Assert.Throws<GrpcFramingException>(() =>
        {
            var buffer = new ReadOnlySequence<byte>([2, 0, 0, 0, 0]);
            MessageFraming.TryReadPrefix(ref buffer, out _, out _);
        });
        Assert.Equal("grpc: received unexpected payload format 2", exception.Message);
        Assert.Equal(GrpcStatusCode.Internal, exception.Code);
    }

    [Fact]
    public void MessageOverTheLimit_FailsOnItsPrefix()
    {
        // Recorded: "larger than max (4194459 vs. 4194304)" with code 8.
        var exception = Assert.Throws<GrpcFramingException>(() =>
        {
            var buffer = new ReadOnlySequence<byte>([0, 0x00, 0x40, 0x00, 0x9b]);
            MessageFraming.TryReadMessage(ref buffer, 4194304, out _, out _);
        });
        Assert.Equal("grpc: received message larger than max (4194459 vs. 4194304)", exception.Message);
        Assert.Equal(GrpcStatusCode.ResourceExhausted, exception.Code);
    }
}
