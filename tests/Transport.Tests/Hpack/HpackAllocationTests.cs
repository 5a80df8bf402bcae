using FastSidecar.Transport.Buffers;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Hpack;
using Xunit;

namespace FastSidecar.Transport.Tests.Hpack;

public sealed class HpackAllocationTests
{
    [Fact]
    public void RequestsInSteadyState_AllocateNothing()
    {
        var encoder = new HpackEncoder();
        var decoder = new HpackDecoder(HeaderBlocks.Roomy);
        using var block = new PooledBufferWriter();
        var sent = HeaderBlocks.List(
            (":method", "POST"), (":scheme", "http"), (":path", "/dapr.proto.internals.v1.ServiceInvocation/CallLocalStream"),
            (":authority", "127.0.0.1:50012"), ("content-type", "application/grpc"), ("te", "trailers"));
        var received = new HeaderList();
        var fixedFields = sent.Count;
        var allocated = long.MaxValue;
        for (var round = 0; round < 3; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 1000; i++)
            {
                // A deadline, a trace, a secret and an unknown id that are new in every request, beside what repeats.
                AddVarying(sent, i);
                block.Clear();
                encoder.Encode(sent, block);
                received.Clear();
                decoder.Decode(block.WrittenSpan, received);
                while (sent.Count > fixedFields)
                {
                    sent.RemoveAt(sent.Count - 1);
                }

                Compact(sent);
            }

            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Assert.Equal(fixedFields + 4, received.Count);
        Assert.Equal(0, allocated);
    }

    private static void AddVarying(HeaderList list, int i)
    {
        Span<byte> digits = stackalloc byte[32];
        digits.Fill((byte)'0');
        i.TryFormat(digits[24..], out _, "D8");
        list.Add("grpc-timeout"u8, digits[24..]);
        list.Add("traceparent"u8, digits);
        list.Add("dapr-api-token"u8, digits[8..]);
        list.Add("x-request-id"u8, digits[4..]);
    }

    private static readonly HeaderList Spare = new();

    /// <summary>RemoveAt leaves a gap in the list's buffer; copying to and fro closes it.</summary>
    private static void Compact(HeaderList list)
    {
        Spare.Clear();
        list.CopyTo(Spare);
        list.Clear();
        Spare.CopyTo(list);
    }
}
