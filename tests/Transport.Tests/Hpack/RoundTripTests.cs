using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Hpack;
using Xunit;

namespace FastSidecar.Transport.Tests.Hpack;

public sealed class RoundTripTests
{
    [Fact]
    public void SameListAgain_OneBytePerField()
    {
        var encoder = new HpackEncoder();
        var list = HeaderBlocks.List(
            (":method", "POST"),
            (":scheme", "http"),
            (":path", "/dapr.proto.internals.v1.ServiceInvocation/CallLocalStream"),
            (":authority", "127.0.0.1:50012"),
            ("content-type", "application/grpc"),
            ("user-agent", "grpc-go/1.82.1"),
            ("te", "trailers"),
            ("traceparent", "00-00000000000000000000000000000000-0000000000000000-00"),
            ("grpc-trace-bin", "AAAAAAAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAgA"));
        var decoder = new HpackDecoder(HeaderBlocks.Roomy);
        var first = encoder.EncodeBlock(list);
        var second = encoder.EncodeBlock(list);

        Assert.True(first.Length > list.Count);
        Assert.Equal(list.Count, second.Length);
        Assert.Equal(HeaderBlocks.Lines(list), decoder.DecodeLines(first));
        Assert.Equal(HeaderBlocks.Lines(list), decoder.DecodeLines(second));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void RandomLists_WithTableSizeChanges_ComeBackUnchanged(int seed)
    {
        var random = new Random(seed);
        var encoder = new HpackEncoder(16 * 1024);
        var decoder = new HpackDecoder(1 << 24, 16 * 1024);
        for (var round = 0; round < 2000; round++)
        {
            if (random.Next(50) == 0)
            {
                encoder.SetPeerTableBytes(random.Next(16 * 1024));
            }

            var list = RandomList(random);
            Assert.Equal(HeaderBlocks.Lines(list), decoder.DecodeLines(encoder.EncodeBlock(list)));
        }
    }

    private static HeaderList RandomList(Random random)
    {
        string[] names = [":path", "cookie", "date", "x", "x-request-id", "traceparent", "accept-encoding", "a-name-of-thirty-six-letters-or-so", ":status"];
        var list = new HeaderList();
        var count = random.Next(20);
        for (var i = 0; i < count; i++)
        {
            var name = random.Next(4) == 0 ? RandomBytes(random, random.Next(40)) : System.Text.Encoding.ASCII.GetBytes(names[random.Next(names.Length)]);
            var value = random.Next(3) switch
            {
                0 => RandomBytes(random, random.Next(random.Next(20) == 0 ? 5000 : 60)),
                1 => System.Text.Encoding.ASCII.GetBytes(random.Next(30).ToString("D12")),
                _ => [],
            };
            list.Add(name, value);
        }

        return list;
    }

    private static byte[] RandomBytes(Random random, int length)
    {
        var bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }
}
