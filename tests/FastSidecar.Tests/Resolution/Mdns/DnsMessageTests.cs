using FastSidecar.Resolution.Mdns;
using Xunit;

namespace FastSidecar.Tests.Resolution.Mdns;

public sealed class DnsMessageTests
{
    /// <summary>A daprd's answer for app id callee: compressed, four records.</summary>
    private static readonly byte[] Answer = Convert.FromHexString(
        "1234840000000001000000030663616c6c6565056c6f63616c00000c000100000c80000d0a686f73743a3234383437c00cc0240021000100000c8000120000"
        + "00007c4804686f7374056c6f63616c00c0240010000100000c8000070663616c6c6565c043000100010000007800040a630002");

    [Fact]
    public void RecordedAnswer_IsReadRecordByRecord()
    {
        Assert.Equal(
            """
            flags 0x8400
            answers callee.local. PTR 1 0 3200 host:24847.callee.local.
            additional host:24847.callee.local. SRV 1 0 3200 0 0 31816 host.local.
            additional host:24847.callee.local. TXT 1 0 3200 callee
            additional host.local. A 1 0 120 10.99.0.2
            """.ReplaceLineEndings("\n"),
            PacketText.Of(Answer));
    }

    [Fact]
    public void EveryTruncation_IsRefusedOrEndsAtARecord()
    {
        var accepted = new List<int>();
        for (var length = 0; length < Answer.Length; length++)
        {
            if (Parses(Answer.AsSpan(0, length)))
            {
                accepted.Add(length);
            }
        }

        // The ends of the header, the PTR, the SRV and the TXT record: the library in daprd takes a packet that ends cleanly too early.
        Assert.Equal([12, 49, 79, 98], accepted);
    }

    [Fact]
    public void OneFlippedByte_NeverThrows()
    {
        for (var i = 0; i < Answer.Length; i++)
        {
            for (var value = 0; value < 256; value++)
            {
                var packet = Answer.AsSpan().ToArray();
                packet[i] = (byte)value;
                ReadEverything(packet);
            }
        }
    }

    [Fact]
    public void RandomBytes_NeverThrow()
    {
        var random = new Random(5353);
        for (var i = 0; i < 20_000; i++)
        {
            var packet = new byte[random.Next(0, 200)];
            random.NextBytes(packet);
            if (packet.Length > 12)
            {
                // Small counts, so that the parser gets past the header.
                packet.AsSpan(4, 8).Clear();
                packet[5] = (byte)random.Next(3);
                packet[7] = (byte)random.Next(3);
                packet[11] = (byte)random.Next(4);
            }

            ReadEverything(packet);
        }
    }

    [Theory]
    [InlineData("c00c")] // to itself
    [InlineData("c00e")] // forward
    [InlineData("016105c00c")] // to the labels it continues
    [InlineData("c000")] // into the header
    [InlineData("c0")] // half a pointer
    [InlineData("4161")] // a label type that does not exist
    [InlineData("8161")]
    [InlineData("3f61")] // longer than the packet
    public void BadName_IsRefused(string name)
    {
        Assert.False(Parses(Convert.FromHexString("000000000001000000000000" + name + "000c0001")));
    }

    [Fact]
    public void TwoPointersToEachOther_AreRefused()
    {
        // Question 1 at 12 points to 18, question 2 at 18 points to 12.
        Assert.False(Parses(Convert.FromHexString("000000000002000000000000" + "c012000c0001" + "c00c000c0001")));
    }

    [Fact]
    public void NameOver255Bytes_IsRefused()
    {
        var label = "3f" + string.Concat(Enumerable.Repeat("61", 63));
        var header = "000000000001000000000000";
        Assert.False(Parses(Convert.FromHexString(header + label + label + label + label + "00000c0001")));
        Assert.True(Parses(Convert.FromHexString(header + label + label + label + "00000c0001")));
    }

    [Fact]
    public void MoreEntriesThanTheBound_AreRefused()
    {
        Assert.True(Parses(Questions(DnsMessage.MaxEntries)));
        Assert.False(Parses(Questions(DnsMessage.MaxEntries + 1)));

        static byte[] Questions(int count)
        {
            var hex = $"00000000{count:x4}000000000000" + string.Concat(Enumerable.Repeat("00000c0001", count));
            return Convert.FromHexString(hex);
        }
    }

    [Theory]
    [InlineData("orders.local", "066f7264657273056c6f63616c00")]
    [InlineData("orders.local.", "066f7264657273056c6f63616c00")]
    [InlineData("my app.local", "066d7920617070056c6f63616c00")]
    [InlineData("café.local", "05636166c3a9056c6f63616c00")]
    public void NameText_IsWrittenLabelByLabel(string text, string wire)
    {
        Assert.True(DnsName.TryFromText(text, out var bytes));
        Assert.Equal(wire, Convert.ToHexStringLower(bytes));
    }

    [Theory]
    [InlineData("")]
    [InlineData(".local")]
    [InlineData("a..local")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.local")]
    public void ImpossibleName_IsRefused(string text) => Assert.False(DnsName.TryFromText(text, out _));

    [Theory]
    [InlineData("z.peer.local", "peer.local", true)]
    [InlineData("host.example.com:1.peer.local", "peer.local", true)]
    [InlineData("peer.local", "peer.local", false)]
    [InlineData("z.mypeer.local", "peer.local", false)]
    [InlineData("z.Peer.local", "peer.local", false)]
    [InlineData("local", "peer.local", false)]
    public void IsBelow_LooksAtWholeLabels(string name, string suffix, bool expected)
    {
        Assert.True(DnsName.TryFromText(name, out var nameWire));
        Assert.True(DnsName.TryFromText(suffix, out var suffixWire));
        Assert.Equal(expected, DnsName.IsBelow(nameWire, suffixWire));
    }

    private static bool Parses(ReadOnlySpan<byte> packet) => DnsMessage.TryParse(packet, new DnsEntry[DnsMessage.MaxEntries], out _);

    /// <summary>Parses and then does what the responder and the browser do with a packet.</summary>
    private static void ReadEverything(byte[] packet)
    {
        if (DnsMessage.TryParse(packet, new DnsEntry[DnsMessage.MaxEntries], out var message))
        {
            new MdnsResponder(MdnsResponderTests.Records("callee", "host", 24847, 31816, "10.99.0.2")).Answer(message);
            new MdnsBrowser(new MdnsTexts(), static _ => { }).Accept(message);
        }
    }
}
