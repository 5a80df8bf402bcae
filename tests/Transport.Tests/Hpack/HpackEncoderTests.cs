using System.Text;
using FastSidecar.Transport.Hpack;
using Xunit;

namespace FastSidecar.Transport.Tests.Hpack;

public sealed class HpackEncoderTests
{
    private const string EmptyTraceParent = "00-00000000000000000000000000000000-0000000000000000-00";

    [Theory]
    [InlineData("authorization", 23)]
    [InlineData("cookie", 32)]
    [InlineData("set-cookie", 55)]
    [InlineData("proxy-authorization", 49)]
    [InlineData("dapr-api-token", 0)]
    public void Secret_IsNeverIndexed(string name, int staticIndex)
    {
        var encoder = new HpackEncoder();
        for (var i = 0; i < 3; i++)
        {
            var block = encoder.EncodeBlock((name, "secret"));
            var reader = new HpackReader(block);
            Assert.Equal(0x10, block[0] & 0xf0);
            Assert.Equal(staticIndex, reader.ReadInteger(4));
            Assert.Equal([$"{name}: secret"], new HpackDecoder(HeaderBlocks.Roomy).DecodeLines(block));
        }
    }

    [Theory]
    [InlineData("content-length", 28)]
    [InlineData("date", 33)]
    public void VaryingValueOfAStaticName_StaysOutOfTheTable(string name, int staticIndex)
    {
        var encoder = new HpackEncoder();
        for (var i = 0; i < 3; i++)
        {
            var block = encoder.EncodeBlock((name, "12345"));
            var reader = new HpackReader(block);
            Assert.Equal(0, block[0] & 0xf0);
            Assert.Equal(staticIndex, reader.ReadInteger(4));
        }
    }

    [Theory]
    [InlineData("traceparent")]
    [InlineData("grpc-timeout")]
    [InlineData("grpc-trace-bin")]
    [InlineData("tracestate")]
    public void VaryingValue_OneEntryLendsTheName(string name)
    {
        var encoder = new HpackEncoder();
        var decoder = new HpackDecoder(HeaderBlocks.Roomy);
        for (var i = 0; i < 300; i++)
        {
            var block = encoder.EncodeBlock((name, $"{i:D6}"));
            Assert.Equal([$"{name}: {i:D6}"], decoder.DecodeLines(block));
            if (i == 0)
            {
                Assert.Equal(0x40, block[0]);
                continue;
            }

            var reader = new HpackReader(block);
            Assert.Equal(0, block[0] & 0xf0);
            Assert.Equal(62, reader.ReadInteger(4)); // still the newest entry: nothing was inserted since
        }
    }

    [Theory]
    [InlineData("traceparent", EmptyTraceParent)]
    [InlineData("grpc-trace-bin", "AAAAAAAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAgA")]
    [InlineData("grpc-message", "")]
    [InlineData("x-anything", "")]
    public void ValueThatMeansNothing_IsIndexed(string name, string value)
    {
        var encoder = new HpackEncoder();
        encoder.EncodeBlock((name, value));
        Assert.Equal([0xbe], encoder.EncodeBlock((name, value)));
    }

    [Fact]
    public void ManyValuesOfOneName_AreAddedOnlyWhenTheyComeAgain()
    {
        var encoder = new HpackEncoder();
        var decoder = new HpackDecoder(HeaderBlocks.Roomy);
        decoder.DecodeLines(encoder.EncodeBlock(("x-stays", "here")));
        for (var i = 0; i < 1000; i++)
        {
            Assert.Equal([$"x-request-id: {i:D20}"], decoder.DecodeLines(encoder.EncodeBlock(("x-request-id", $"{i:D20}"))));
        }

        Assert.Single(encoder.EncodeBlock(("x-stays", "here"))); // not washed out

        // The second time such a value comes it goes in, so from the third on it costs a byte.
        Assert.True(encoder.EncodeBlock(("x-request-id", "again")).Length > 1);
        Assert.True(encoder.EncodeBlock(("x-request-id", "again")).Length > 1);
        Assert.Equal([0xbe], encoder.EncodeBlock(("x-request-id", "again")));
    }

    [Fact]
    public void FullTable_EveryFieldIsFound()
    {
        var encoder = new HpackEncoder();
        var fields = Enumerable.Range(0, 110).Select(i => ($"n{i}", "v")).ToArray(); // nearly 4,096 bytes with their overhead
        encoder.EncodeBlock(fields);
        var reader = new HpackReader(encoder.EncodeBlock(fields));
        for (var i = 0; i < fields.Length; i++)
        {
            Assert.Equal(0x80, reader.Peek() & 0x80);
            Assert.Equal(HpackStaticTable.Count + fields.Length - i, reader.ReadInteger(7));
        }

        Assert.True(reader.AtEnd);
    }

    [Fact]
    public void LargeValue_StaysOutOfTheTable()
    {
        var encoder = new HpackEncoder();
        Assert.Equal(0x40, encoder.EncodeBlock(("x", new string('a', 991)))[0]); // 1 + 991 + 32 = a quarter of 4096
        Assert.Equal(0x00, encoder.EncodeBlock(("y", new string('a', 992)))[0]);
    }

    [Fact]
    public void PeerWithoutTable_ToldAtOnce_NothingIndexed()
    {
        var encoder = new HpackEncoder();
        encoder.EncodeBlock(("x", "y"));
        encoder.SetPeerTableBytes(0);
        Assert.Equal(HeaderBlocks.Hex("20 82 000178 0179"), encoder.EncodeBlock((":method", "GET"), ("x", "y")));
        Assert.Equal(HeaderBlocks.Hex("82 000178 0179"), encoder.EncodeBlock((":method", "GET"), ("x", "y")));
    }

    [Fact]
    public void PeerTableShrunkAndGrown_BothTold()
    {
        var encoder = new HpackEncoder();
        encoder.EncodeBlock(("x", "y"));
        encoder.SetPeerTableBytes(0);
        encoder.SetPeerTableBytes(4096);
        Assert.Equal(HeaderBlocks.Hex("20 3fe11f 400178 0179"), encoder.EncodeBlock(("x", "y")));
        Assert.Equal(HeaderBlocks.Hex("be"), encoder.EncodeBlock(("x", "y")));
    }

    [Fact]
    public void PeerAllowsMoreThanWeSpend_NothingSaid()
    {
        var encoder = new HpackEncoder();
        encoder.SetPeerTableBytes(uint.MaxValue);
        Assert.Equal([0x82], encoder.EncodeBlock((":method", "GET")));
    }

    [Fact]
    public void OwnLimitBelowTheDefault_ToldInTheFirstBlock()
    {
        var encoder = new HpackEncoder(maxTableBytes: 64);
        Assert.Equal(HeaderBlocks.Hex("3f21 82"), encoder.EncodeBlock((":method", "GET")));
    }

    [Fact]
    public void EmptyStaticValue_IsOneByte()
    {
        Assert.Equal(HeaderBlocks.Hex("81 90"), new HpackEncoder().EncodeBlock((":authority", ""), ("accept-encoding", "gzip, deflate")));
    }

    [Fact]
    public void EveryStaticEntry_IsFoundUnlessSecret()
    {
        var encoder = new HpackEncoder();
        var list = new Headers.HeaderList();
        for (var i = 1; i <= HpackStaticTable.Count; i++)
        {
            list.Clear();
            list.Add(HpackStaticTable.Name(i), HpackStaticTable.Value(i));
            var secret = i is 23 or 32 or 49 or 55;
            Assert.Equal(secret ? 0x10 : 0x80 | i, encoder.EncodeBlock(list)[0] & (secret ? 0xf0 : 0xff));
        }
    }

    [Fact]
    public void String_IsHuffmanCodedWhereThatIsShorter()
    {
        // Around 127 bytes, where the length begins to take a second byte, plain and coded.
        for (var length = 0; length < 300; length++)
        {
            foreach (var letter in "aZ~\x01")
            {
                var text = Encoding.ASCII.GetBytes(new string(letter, length));
                var coded = new byte[HuffmanEncoder.EncodedLength(text)];
                HuffmanEncoder.Encode(text, coded);
                var isCoded = coded.Length < text.Length;
                var expected = new byte[text.Length + 10];
                var writer = new HpackWriter(expected);
                writer.WriteInteger((byte)(isCoded ? 0x80 : 0), 7, isCoded ? coded.Length : text.Length);
                var start = writer.Written;
                (isCoded ? coded : text).CopyTo(expected, start);
                var output = new byte[text.Length + 10];
                writer = new HpackWriter(output);
                writer.WriteString(text);
                Assert.Equal(expected[..(start + (isCoded ? coded : text).Length)], output[..writer.Written]);
            }
        }
    }
}
