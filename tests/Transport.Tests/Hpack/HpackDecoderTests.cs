using System.Buffers;
using FastSidecar.Transport.Buffers;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Hpack;
using Xunit;

namespace FastSidecar.Transport.Tests.Hpack;

public sealed class HpackDecoderTests
{
    [Theory]
    [InlineData("80", "index 0")]
    [InlineData("be", "index 62 is beyond the table, which has 61")] // nothing inserted yet
    [InlineData("7e00", "index 62")] // as the name of a literal
    [InlineData("ff80808001", "beyond the table")]
    [InlineData("ffffffffff07", "integer")] // 2^31 + 126
    [InlineData("ff808080808001", "more than 5 octets")]
    [InlineData("ff808080808000", "more than 5 octets")] // small, but longer than any integer needs to be
    [InlineData("3fe21f", "4097 bytes, allowed are 4096")]
    [InlineData("8220", "behind the first field")]
    [InlineData("000161", "ends inside")] // value missing
    [InlineData("000161056162", "passes the end")]
    [InlineData("0001618161", "padding")] // Huffman 011000 01: i, then two bits that are not ones
    [InlineData("4f", "ends inside")]
    [InlineData("40", "ends inside")]
    [InlineData("ff", "ends inside")]
    public void MalformedBlock_Refused(string hex, string message)
    {
        AssertRefused(message, new HpackDecoder(HeaderBlocks.Roomy), hex);
    }

    private static void AssertRefused(string message, HpackDecoder decoder, string hex)
    {
        var exception = Assert.Throws<HpackException>(() => decoder.DecodeLines(HeaderBlocks.Hex(hex)));
        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void EveryTruncation_EndsBetweenFieldsOrIsRefused()
    {
        var encoder = new HpackEncoder();
        var list = HeaderBlocks.List((":method", "POST"), (":path", "/some/path"), ("x-plain", "~~~~"), ("cookie", "a=b"), ("x-long", new string('x', 300)));
        var block = encoder.EncodeBlock(list);
        var whole = HeaderBlocks.Lines(list);
        var betweenFields = 0;
        for (var length = 0; length < block.Length; length++)
        {
            var target = new HeaderList();
            try
            {
                new HpackDecoder(HeaderBlocks.Roomy).Decode(block.AsSpan(0, length), target);
                Assert.Equal(betweenFields, target.Count);
                betweenFields++;
            }
            catch (HpackException)
            {
            }

            // What came before the cut is right either way.
            Assert.Equal(whole[..target.Count], HeaderBlocks.Lines(target));
        }

        Assert.Equal(list.Count, betweenFields);
    }

    [Fact]
    public void OneByteSegments_DecodeAsOneSpan()
    {
        var list = HeaderBlocks.List((":method", "POST"), ("x-name", "a value"), ("x-name", "another"));
        var block = new HpackEncoder().EncodeBlock(list);
        using var pool = new BlockPool(blockBytes: 1);
        Block? first = null, last = null;
        foreach (var b in block)
        {
            var segment = pool.RentBlock();
            segment.Free.Span[0] = b;
            segment.Commit(1);
            last?.Link(segment);
            first ??= segment;
            last = segment;
        }

        var target = new HeaderList();
        new HpackDecoder(HeaderBlocks.Roomy).Decode(new ReadOnlySequence<byte>(first!, 0, last!, 1), target);
        Assert.Equal(HeaderBlocks.Lines(list), HeaderBlocks.Lines(target));
    }

    [Fact]
    public void NameOfAnEntryThatItsOwnInsertionEvicts_IsKept()
    {
        // RFC 7541 §4.4. A table of 60 bytes holds one such entry: inserting the second evicts the first, whose name it uses.
        var decoder = new HpackDecoder(HeaderBlocks.Roomy);
        Assert.Equal(["abcdefgh: 12345678"], decoder.DecodeLines(HeaderBlocks.Hex("3f1d 4008 6162636465666768 08 3132333435363738")));
        for (var i = 0; i < 200; i++)
        {
            Assert.Equal(["abcdefgh: zyxwvuts"], decoder.DecodeLines(HeaderBlocks.Hex("7e 08 7a79787776757473")));
        }

        Assert.Equal(["abcdefgh: zyxwvuts"], decoder.DecodeLines(HeaderBlocks.Hex("be")));
        Assert.Throws<HpackException>(() => decoder.DecodeLines(HeaderBlocks.Hex("bf")));
    }

    [Fact]
    public void NameOfAnEvictedEntry_IsKeptWhenTheTableMovesItsBytes()
    {
        // The table's array starts with 512 bytes. These entries fill 60 + 200 + 236 of them in a table of 500; the fourth evicts the
        // second, whose name it takes, and finds no room at the end, so the third entry moves to the front, over that name.
        var decoder = new HpackDecoder(HeaderBlocks.Roomy);
        decoder.DecodeLines([.. HeaderBlocks.Hex("3fd503"), .. Literal("p", 59)]);
        decoder.DecodeLines(Literal("evicted-me", 190));
        decoder.DecodeLines(Literal("b", 235));
        Assert.Equal(["evicted-me: 0123456789"], decoder.DecodeLines([0x7f, 0x00, 10, .. "0123456789"u8]));
        Assert.Equal(["evicted-me: 0123456789", "b: " + new string('v', 235)], decoder.DecodeLines(HeaderBlocks.Hex("bebf")));
    }

    /// <summary>Literal with incremental indexing, new name, plain strings.</summary>
    private static byte[] Literal(string name, int valueLength)
    {
        var block = new byte[300];
        var writer = new HpackWriter(block);
        writer.WriteInteger(0x40, 6, 0);
        writer.WriteInteger(0, 7, name.Length);
        var start = writer.Written + System.Text.Encoding.ASCII.GetBytes(name, block.AsSpan(writer.Written));
        writer = new HpackWriter(block.AsSpan(start));
        writer.WriteInteger(0, 7, valueLength);
        start += writer.Written;
        block.AsSpan(start, valueLength).Fill((byte)'v');
        return block[..(start + valueLength)];
    }

    [Fact]
    public void EntryLargerThanTheTable_EmptiesIt()
    {
        // RFC 7541 §4.4: no error, and the field itself counts.
        var decoder = new HpackDecoder(HeaderBlocks.Roomy);
        decoder.DecodeLines(HeaderBlocks.Hex("3f1d 400161 0162"));
        Assert.Equal(["a: b"], decoder.DecodeLines(HeaderBlocks.Hex("be")));
        var large = HeaderBlocks.Hex("400161 1e" + string.Concat(Enumerable.Repeat("78", 30)));
        Assert.Equal(["a: " + new string('x', 30)], decoder.DecodeLines(large));
        Assert.Throws<HpackException>(() => decoder.DecodeLines(HeaderBlocks.Hex("be")));
    }

    [Fact]
    public void SizeUpdateToZeroAndBack_EmptiesTheTable()
    {
        var decoder = new HpackDecoder(HeaderBlocks.Roomy);
        decoder.DecodeLines(HeaderBlocks.Hex("400161 0162"));
        Assert.Equal(["a: c"], decoder.DecodeLines(HeaderBlocks.Hex("20 3fe11f 400161 0163")));
        Assert.Equal(["a: c"], decoder.DecodeLines(HeaderBlocks.Hex("be")));
        Assert.Throws<HpackException>(() => decoder.DecodeLines(HeaderBlocks.Hex("bf")));
    }

    [Fact]
    public void OurReducedTableSize_MustBeAnsweredWithAnUpdate()
    {
        var decoder = new HpackDecoder(HeaderBlocks.Roomy);
        decoder.SetMaxTableBytes(100);
        AssertRefused("does not begin with the table size update", decoder, "82");

        decoder = new HpackDecoder(HeaderBlocks.Roomy);
        decoder.SetMaxTableBytes(100);
        AssertRefused("allowed are 100", decoder, "3f46 82");

        decoder = new HpackDecoder(HeaderBlocks.Roomy);
        decoder.SetMaxTableBytes(100);
        Assert.Equal([":method: GET"], decoder.DecodeLines(HeaderBlocks.Hex("3f45 82")));
        Assert.Equal([":method: GET"], decoder.DecodeLines(HeaderBlocks.Hex("82")));
    }

    [Fact]
    public void LargerTableAnnounced_UpdateAllowedUpToIt()
    {
        var decoder = new HpackDecoder(HeaderBlocks.Roomy, maxTableBytes: 8192);
        Assert.Equal([":method: GET"], decoder.DecodeLines(HeaderBlocks.Hex("3fe13f 82")));
        AssertRefused("8193", decoder, "3fe23f");
    }

    [Fact]
    public void ListAtTheLimit_Stored_OneByteMore_TooLarge()
    {
        // "a: b" counts 34 bytes (RFC 9113 §6.5.2).
        var target = new HeaderList();
        var decoder = new HpackDecoder(maxHeaderListBytes: 68);
        decoder.Decode(HeaderBlocks.Hex("000161 0162 000161 0162"), target);
        Assert.False(decoder.TooLarge);
        Assert.Equal(2, target.Count);

        target.Clear();
        decoder.Decode(HeaderBlocks.Hex("000161 0162 000161 026262 82"), target);
        Assert.True(decoder.TooLarge);
        Assert.Equal(["a: b"], HeaderBlocks.Lines(target));

        target.Clear();
        decoder.Decode(HeaderBlocks.Hex("000161 0162"), target);
        Assert.False(decoder.TooLarge);
    }

    [Fact]
    public void TooLargeList_StillKeepsTheTableInStep()
    {
        var decoder = new HpackDecoder(maxHeaderListBytes: 40);
        var target = new HeaderList();
        decoder.Decode(HeaderBlocks.Hex("000161 0162 000161 0162 40017a 0179"), target);
        Assert.True(decoder.TooLarge);
        Assert.Equal(["z: y"], decoder.DecodeLines(HeaderBlocks.Hex("be")));
    }

    [Fact]
    public void Bomb_StoresNothingBeyondTheLimit_AndEndsAtTheHardLimit()
    {
        // One entry of 4,064 bytes, then one byte for each repetition: 16 KiB on the wire stand for 64 MiB.
        var decoder = new HpackDecoder(maxHeaderListBytes: 16 * 1024);
        var entry = new ArrayBufferWriter<byte>();
        entry.Write(HeaderBlocks.Hex("400161 7f c01e")); // 127 + 3904 = 4031 bytes of value
        entry.Write(new byte[4031]);
        var target = new HeaderList();
        decoder.Decode(entry.WrittenSpan, target);
        target.Clear();

        var fits = new byte[200];
        fits.AsSpan().Fill(0xbe);
        var before = GC.GetAllocatedBytesForCurrentThread();
        decoder.Decode(fits, target);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(decoder.TooLarge);
        Assert.Equal(4, target.Count);
        Assert.InRange(allocated, 0, 128 * 1024);

        var bomb = new byte[16 * 1024];
        bomb.AsSpan().Fill(0xbe);
        Assert.Contains("larger than", Assert.Throws<HpackException>(() => decoder.Decode(bomb, target)).Message, StringComparison.Ordinal);
    }
}
