using System.Text;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Hpack;
using FastSidecar.Transport.Http2;
using FastSidecar.Transport.Tests.Hpack;
using Xunit;

namespace FastSidecar.Transport.Tests.Http2;

/// <summary>
/// The coders that remember how heads begin, against the plain HPACK coders and rules, which do not: nobody outside may see a difference.
/// </summary>
public sealed class HeadMemoryTests
{
    private const int MaxListBytes = 900;
    private const int TableBytes = 2048;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void RandomHeads_AreEncodedToTheSameBytes(int seed)
    {
        var heads = new RandomHeads(seed);
        var plain = new HpackEncoder();
        var remembering = new HeadEncoder(new HpackEncoder());
        var whole = 0;
        var part = 0;
        for (var round = 0; round < 5000; round++)
        {
            if (heads.Random.Next(100) == 0)
            {
                var bytes = (uint)heads.Random.Next(8192);
                plain.SetPeerTableBytes(bytes);
                remembering.SetPeerTableBytes(bytes);
            }

            var head = heads.Next(withGaps: true);
            HeadPrefix? known;
            try
            {
                HeadRules.ThrowIfUnsendable(head);
                known = remembering.RecallChecked(head);
            }
            catch (ArgumentException refused)
            {
                Assert.Equal(refused.Message, Assert.Throws<ArgumentException>(() => remembering.RecallChecked(head)).Message);
                continue;
            }

            whole += known?.Run.Fields == head.Count ? 1 : 0;
            part += known?.Run.Fields < head.Count ? 1 : 0;
            Assert.Equal(plain.EncodeBlock(head), remembering.Encode(head, known).ToArray());
        }

        Assert.True(whole > 200 && part > 200, $"seed {seed}: remembered were {whole} heads and the beginning of {part}");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void RandomBlocks_AreReadAsTheSameHeads(int seed)
    {
        var heads = new RandomHeads(seed);
        var blocks = new List<byte[]>();
        var faults = 0;
        var verdicts = new HashSet<MalformedReason>();
        var notDecoded = 0;
        for (var connection = 0; connection < 40; connection++)
        {
            var encoder = new HpackEncoder();
            var plain = new HpackDecoder(MaxListBytes);
            var behindMemory = new HpackDecoder(MaxListBytes);
            var remembering = new HeadDecoder(behindMemory);
            for (var round = 0; round < 300; round++)
            {
                ChangeTableSize(heads.Random, encoder, plain, behindMemory);

                // Now and then a block of earlier, which means something else by now or nothing at all.
                var isOld = blocks.Count > 0 && heads.Random.Next(30) == 0;
                var block = isOld ? blocks[heads.Random.Next(blocks.Count)] : encoder.EncodeBlock(heads.Next(withGaps: false));
                blocks.Add(block);
                var kind = heads.Random.Next(4) == 0 ? (HeadKind)heads.Random.Next(1, 4) : HeadKind.Request;
                var expected = ReadPlainly(plain, kind, block);
                behindMemory.Decode([], new HeaderList()); // forgets how the block before began
                var read = ReadRemembering(remembering, kind, block);
                Assert.Equal(expected.ToString(), read.ToString());
                notDecoded += block.Length > 0 && behindMemory.IndexRun == default && read.Fault is null ? 1 : 0;
                verdicts.Add(read.Reason);
                if (read.Fault is not null)
                {
                    faults++;
                    break;
                }
            }
        }

        Assert.True(faults > 5 && notDecoded > 200, $"seed {seed}: {faults} faults, {notDecoded} blocks that were not decoded");
        Assert.Equal(Enum.GetValues<MalformedReason>().ToHashSet(), verdicts);
    }

    [Fact]
    public void InsertionBetweenTwoEqualBlocks_TheSecondMeansTheNewEntry()
    {
        var decoder = new HeadDecoder(new HpackDecoder(MaxListBytes));
        Assert.Equal(["a: b"], Read(decoder, "40 01 61 01 62"));
        Assert.Equal(["a: b"], Read(decoder, "be"));
        Assert.Equal(["a: b"], Read(decoder, "be"));
        Assert.Equal(["c: d"], Read(decoder, "40 01 63 01 64"));
        Assert.Equal(["c: d"], Read(decoder, "be"));
        Assert.Equal(["a: b"], Read(decoder, "bf"));
    }

    [Fact]
    public void InsertionBehindARememberedBeginning_ForgetsIt()
    {
        var decoder = new HeadDecoder(new HpackDecoder(MaxListBytes));
        Read(decoder, "40 01 61 01 62");
        Assert.Equal(["a: b"], Read(decoder, "be"));
        Assert.Equal(["a: b", "c: d"], Read(decoder, "be 40 01 63 01 64"));
        Assert.Equal(["c: d"], Read(decoder, "be"));
    }

    [Fact]
    public void TableEmptiedBetweenTwoEqualBlocks_TheSecondIsAnError()
    {
        var decoder = new HeadDecoder(new HpackDecoder(MaxListBytes));
        Read(decoder, "40 01 61 01 62");
        Assert.Equal(["a: b"], Read(decoder, "be"));
        Assert.Equal(["a: b"], Read(decoder, "be"));
        Assert.Equal(["accept-encoding: gzip, deflate"], Read(decoder, "20 90"));
        Assert.Equal(Http2ErrorCode.CompressionError, Assert.Throws<Http2ConnectionException>(() => Read(decoder, "be")).ErrorCode);
    }

    [Fact]
    public void SmallerTableAcknowledged_RememberedBlockWithoutTheSizeUpdateIsAnError()
    {
        var table = new HpackDecoder(MaxListBytes);
        var decoder = new HeadDecoder(table);
        Assert.Equal(["accept-encoding: gzip, deflate"], Read(decoder, "90"));
        Assert.Equal(["accept-encoding: gzip, deflate"], Read(decoder, "90"));
        table.SetMaxTableBytes(100);
        var failure = Assert.Throws<Http2ConnectionException>(() => Read(decoder, "90"));
        Assert.Contains("table size update", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SmallerPeerTable_IsToldBeforeARememberedHead()
    {
        var encoder = new HeadEncoder(new HpackEncoder());
        var head = HeaderBlocks.List((":status", "200"), ("content-type", "application/grpc"));
        Encode(encoder, head);
        Assert.Equal("88-BE", Encode(encoder, head));
        Assert.NotNull(encoder.Recall(head));
        encoder.SetPeerTableBytes(0);
        Assert.Null(encoder.Recall(head));
        Assert.StartsWith("20-88-0F-10", Encode(encoder, head), StringComparison.Ordinal);
        Assert.StartsWith("88-0F-10", Encode(encoder, head), StringComparison.Ordinal);
    }

    [Fact]
    public void SameBlockAsHeadAndAsTrailers_IsJudgedByEachOnesRules()
    {
        var decoder = new HeadDecoder(new HpackDecoder(MaxListBytes));
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(MalformedReason.None, decoder.Read(HeadKind.Response, [0x88], new HeaderList(), out var facts));
            Assert.Equal(200, facts.Status);
            Assert.Equal(MalformedReason.PseudoHeader, decoder.Read(HeadKind.Trailers, [0x88], new HeaderList(), out _));
            Assert.Equal(MalformedReason.PseudoHeader, decoder.Read(HeadKind.Request, [0x88], new HeaderList(), out _));
        }
    }

    [Fact]
    public void HeadSeenOnce_IsNotRemembered()
    {
        var encoder = new HeadEncoder(new HpackEncoder());
        var head = HeaderBlocks.List((":method", "POST"), (":path", "/a"), ("x-name", "value"));
        Encode(encoder, head);
        Assert.Null(encoder.Recall(head));
        Encode(encoder, head);
        Assert.Equal(3, encoder.Recall(head)?.Run.Fields);
    }

    [Theory]
    [InlineData(24, 1, true)]
    [InlineData(25, 1, false)]
    [InlineData(2, 360, true)]
    [InlineData(2, 400, false)]
    public void LongHead_IsNotRemembered(int fields, int valueBytes, bool remembered)
    {
        var encoder = new HeadEncoder(new HpackEncoder());
        var head = HeaderBlocks.List([.. Enumerable.Range(0, fields).Select(i => ($"x-name-{i}", new string('v', valueBytes)))]);
        Encode(encoder, head);
        var block = Encode(encoder, head);
        Assert.Equal(remembered, encoder.Recall(head) is not null);
        Assert.Equal(block, Encode(encoder, head));
    }

    [Fact]
    public void MoreKindsOfHeadsThanAreRemembered_AllocateNothing()
    {
        var encoder = new HeadEncoder(new HpackEncoder());
        var decoder = new HeadDecoder(new HpackDecoder(MaxListBytes));
        var heads = Enumerable.Range(0, 10)
            .Select(i => HeaderBlocks.List((":method", "POST"), ("x-name", $"{i % 4}"), ($"x-{i}", "v")))
            .ToArray();
        var received = new HeaderList();
        var allocated = long.MaxValue;
        for (var round = 0; round < 3; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 1000; i++)
            {
                received.Clear();
                var head = heads[i % heads.Length];
                decoder.Read(HeadKind.Request, encoder.Encode(head, encoder.RecallChecked(head)), received, out _);
            }

            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Assert.Equal(0, allocated);
    }

    private static void ChangeTableSize(Random random, HpackEncoder encoder, params HpackDecoder[] decoders)
    {
        if (random.Next(50) != 0)
        {
            return;
        }

        var bytes = random.Next(TableBytes);
        foreach (var decoder in decoders)
        {
            decoder.SetMaxTableBytes(bytes);
        }

        if (random.Next(10) != 0)
        {
            encoder.SetPeerTableBytes(bytes); // else the peer breaks the rule
        }
    }

    private static Outcome ReadPlainly(HpackDecoder decoder, HeadKind kind, byte[] block)
    {
        var head = new HeaderList();
        try
        {
            decoder.Decode(block, head);
        }
        catch (HpackException malformed)
        {
            return new Outcome(default, default, malformed.Message, head);
        }

        var facts = HeadFacts.None;
        var reason = decoder.TooLarge ? MalformedReason.TooLarge : HeadRules.Check(kind, head, 0, head.Count, ref facts);
        return new Outcome(reason == MalformedReason.None ? HeadRules.CheckWhole(kind, facts) : reason, facts, null, head);
    }

    private static Outcome ReadRemembering(HeadDecoder decoder, HeadKind kind, byte[] block)
    {
        var head = new HeaderList();
        try
        {
            return new Outcome(decoder.Read(kind, block, head, out var facts), facts, null, head);
        }
        catch (Http2ConnectionException failure)
        {
            return new Outcome(default, default, failure.InnerException!.Message, head);
        }
    }

    private static string[] Read(HeadDecoder decoder, string hex)
    {
        var head = new HeaderList();
        Assert.Equal(MalformedReason.None, decoder.Read(HeadKind.Trailers, HeaderBlocks.Hex(hex), head, out _));
        return HeaderBlocks.Lines(head);
    }

    private static string Encode(HeadEncoder encoder, HeaderList head) =>
        BitConverter.ToString(encoder.Encode(head, encoder.RecallChecked(head)).ToArray());

    private sealed record Outcome(MalformedReason Reason, HeadFacts Facts, string? Fault, HeaderList Head)
    {
        /// <summary>Facts count only when nothing is wrong.</summary>
        public override string ToString()
        {
            var facts = Reason == MalformedReason.None ? $"{Facts.Status} {Facts.ContentLength} {Facts.IsConnect}" : "";
            return $"{Reason} {facts} {Fault}\n{string.Join('\n', HeaderBlocks.Lines(Head))}";
        }
    }

    /// <summary>Heads as a connection has them: mostly one of a few again, some with a field changed, added or taken out.</summary>
    private sealed class RandomHeads(int seed)
    {
        private static readonly (string Name, string Value)[] Odd =
        [
            ("connection", "close"), ("te", "gzip"), ("Upper", "case"), ("bad", "line\nend"), (":status", "200"), (":late", "x"),
            ("content-length", "5"), ("content-length", "6"), ("content-length", "x"), ("long", new string('l', 700)),
            ("authorization", "secret"),
        ];

        private readonly (string Name, string Value)[][] _few =
        [
            [
                (":method", "POST"), (":scheme", "http"), (":path", "/call"), (":authority", "h"), ("content-type", "application/grpc"),
                ("te", "trailers"),
            ],
            [(":method", "POST"), (":scheme", "http"), (":path", "/other"), (":authority", "h"), ("content-type", "application/grpc")],
            [(":method", "CONNECT"), (":authority", "h")],
            [(":status", "200"), ("content-type", "application/grpc")],
            [("grpc-status", "0"), ("grpc-message", "")],
        ];

        public Random Random { get; } = new(seed);

        public HeaderList Next(bool withGaps)
        {
            var fields = _few[Random.Next(_few.Length)].ToList();
            var shape = Random.Next(12);
            if (shape < 5)
            {
                fields.Add(("traceparent", $"00-{Random.Next(1_000_000):D32}-0000000000000001-00"));
            }
            else if (shape == 5)
            {
                fields.Add(($"x-{Random.Next(6)}", $"{Random.Next(20)}"));
            }
            else if (shape == 6)
            {
                fields.RemoveAt(Random.Next(fields.Count));
            }
            else if (shape == 7)
            {
                var index = Random.Next(fields.Count);
                fields[index] = (fields[index].Name, fields[index].Value + Random.Next(2));
            }
            else if (shape == 8)
            {
                var odd = Odd[Random.Next(Odd.Length)];
                fields.Insert(Random.Next(fields.Count + 1), odd);
                fields.Add(Odd[Random.Next(Odd.Length)]);
            }

            var list = HeaderBlocks.List([.. fields]);
            if (withGaps && Random.Next(20) == 0)
            {
                list.RemoveAt(Random.Next(list.Count)); // leaves a gap in the list's buffer
                list.Add(Encoding.ASCII.GetBytes("x-gap"), "1"u8);
            }

            return list;
        }
    }
}
