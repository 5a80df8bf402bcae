using System.Buffers.Binary;
using System.Net;
using System.Text.Json;
using FastSidecar.Resolution.Mdns;
using Xunit;

namespace FastSidecar.Tests.Resolution.Mdns;

/// <summary>The packets of a real daprd, question by question (fixtures/runtime/mdns-server.json).</summary>
public sealed class MdnsResponderTests
{
    private const string HostIp = "10.99.0.2";

    public static TheoryData<string> RecordedQueries { get; } =
        [.. RecordedCases.Read("mdns-server.json").Where(static recorded => recorded.TryGetProperty("query_hex", out _)).Select(RecordedCases.Name)];

    public static TheoryData<string> RecordedStarts { get; } =
    [
        .. RecordedCases.Read("mdns-server.json")
            .Where(static recorded => recorded.TryGetProperty("packets", out var packets) && packets.GetArrayLength() > 0 && recorded.TryGetProperty("app_id", out _))
            .Select(RecordedCases.Name),
    ];

    [Fact]
    public void Recordings_AreThere()
    {
        Assert.True(RecordedQueries.Count >= 20, $"{RecordedQueries.Count} queries");
        Assert.True(RecordedStarts.Count >= 10, $"{RecordedStarts.Count} starts");
    }

    [Theory]
    [MemberData(nameof(RecordedQueries))]
    public void RecordedQuery_IsAnsweredAsByDaprd(string name)
    {
        var recorded = RecordedCases.Read("mdns-server.json").Single(item => item.Name() == name);
        var replies = Ask(Records("callee", "host", 24847, 31816, HostIp), Convert.FromHexString(recorded.GetProperty("query_hex").GetString()!));

        var multicast = IPv4Packets(recorded);
        Assert.Equal(multicast.Select(packet => PacketText.Of(packet, Fill)), replies.Where(reply => !reply.IsUnicast).Select(reply => PacketText.Of(reply.Packet)));
        Assert.Equal(
            recorded.GetProperty("received_on_asking_socket").EnumerateArray().Select(packet => PacketText.Of(packet, Fill)),
            replies.Where(reply => reply.IsUnicast).Select(reply => PacketText.Of(reply.Packet)));

        // Stronger than asked for: the same bytes, id and compression included.
        Assert.Equal(
            multicast.Select(packet => packet.GetProperty("hex").GetString()),
            replies.Where(reply => !reply.IsUnicast).Select(reply => Convert.ToHexStringLower(reply.Packet)));
    }

    [Theory]
    [MemberData(nameof(RecordedStarts))]
    public void RecordedStart_HasTheSameProbeAnnouncementAndGoodbye(string name)
    {
        var recorded = RecordedCases.Read("mdns-server.json").Single(item => item.Name() == name);
        var packets = IPv4Packets(recorded).Select(packet => Convert.FromHexString(packet.GetProperty("hex").GetString()!)).ToList();
        var (pid, port, address) = Identity(packets[0], packets.First(packet => packet[2] == 0x80));
        var records = Records(recorded.GetProperty("app_id").GetString()!, "host", pid, port, address);

        foreach (var packet in packets)
        {
            var isProbe = packet[2] == 0;
            var isGoodbye = !isProbe && PacketText.Of(packet).Contains(" SRV 1 1 0 ", StringComparison.Ordinal);
            var ours = isProbe ? records.Probe : isGoodbye ? records.Goodbye : records.Announcement;
            BinaryPrimitives.WriteUInt16BigEndian(packet, 0);
            Assert.Equal(Convert.ToHexStringLower(packet), Convert.ToHexStringLower(ours));
        }
    }

    [Fact]
    public void ConstructedSampleOfTheSpecification_Matches()
    {
        var records = Records("orders", "node1", 4711, 50002, "192.0.2.10");
        Assert.True(MdnsRecords.TryWriteQuery("orders", out var query));
        Assert.Equal("066f7264657273056c6f63616c00000c0001", Convert.ToHexStringLower(query.AsSpan(12)));
        var reply = Assert.Single(Ask(records, Convert.FromHexString("1f2e00000001000000000000066f7264657273056c6f63616c00000c0001")));
        Assert.Equal(
            "1f2e84000000000100000003066f7264657273056c6f63616c00000c000100000c80000d0a6e6f6465313a34373131c00cc0240021000100000c80001300000000c352"
            + "056e6f646531056c6f63616c00c0240010000100000c800007066f7264657273c04300010001000000780004c000020a",
            Convert.ToHexStringLower(reply.Packet));
    }

    [Theory]
    [InlineData("_dapr._tcp")]
    [InlineData("_callee._tcp")]
    [InlineData("Callee")]
    [InlineData("my-callee")]
    [InlineData("x.callee")]
    public void QuestionForAnotherName_IsNotAnswered(string name)
    {
        Assert.True(MdnsRecords.TryWriteQuery(name, out var query));
        Assert.Empty(Ask(Records("callee", "host", 1, 2, HostIp), query));
    }

    [Fact]
    public void ManyEqualQuestions_OneReply()
    {
        Assert.True(MdnsRecords.TryWriteQuery("callee", out var query));
        var question = query.AsSpan(12);
        var packet = new byte[12 + (100 * question.Length)];
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), 100);
        for (var i = 0; i < 100; i++)
        {
            question.CopyTo(packet.AsSpan(12 + (i * question.Length)));
        }

        Assert.Single(Ask(Records("callee", "host", 1, 2, HostIp), packet));
    }

    [Fact]
    public void KnownAnswerWithLittleTimeLeft_IsAnswered()
    {
        var known = RecordedCases.Read("mdns-server.json").Single(item => item.Name() == "query-known-answer").GetProperty("query_hex").GetString()!;
        var records = Records("callee", "host", 24847, 31816, HostIp);
        Assert.Empty(Ask(records, Convert.FromHexString(known)));
        Assert.Empty(Ask(records, Convert.FromHexString(known.Replace("00000c80", "00000640", StringComparison.Ordinal))));
        Assert.Single(Ask(records, Convert.FromHexString(known.Replace("00000c80", "0000063f", StringComparison.Ordinal))));
    }

    [Fact]
    public void HostNameWithDots_MakesLabels_AndKeepsItsDomain()
    {
        var text = PacketText.Of(Records("callee", "foo.local", 7, 8, "2001:db8::7").BrowseAnswer);
        Assert.Contains("foo.local:7.callee.local. SRV 1 0 3200 0 0 8 foo.local.local.", text, StringComparison.Ordinal);
        Assert.Contains("additional foo.local.local. AAAA 1 0 120 2001:db8::7", text, StringComparison.Ordinal);
    }

    [Fact]
    public void IdOf64Bytes_CannotBeAnnounced() => Assert.False(MdnsRecords.TryCreate(Options(new string('a', 64), "host", 1, 2, HostIp), IPAddress.Parse(HostIp), out _));

    internal static MdnsRecords Records(string appId, string host, int pid, int port, string address)
    {
        Assert.True(MdnsRecords.TryCreate(Options(appId, host, pid, port, address), IPAddress.Parse(address), out var records));
        return records!;
    }

    private static MdnsOptions Options(string appId, string host, int pid, int port, string address) =>
        new() { AppId = appId, HostName = host, ProcessId = pid, Port = port, Address = address };

    private static IReadOnlyList<MdnsReply> Ask(MdnsRecords records, byte[] query) =>
        DnsMessage.TryParse(query, new DnsEntry[DnsMessage.MaxEntries], out var message) ? new MdnsResponder(records).Answer(message) : [];

    private static List<JsonElement> IPv4Packets(JsonElement recorded) =>
        [.. recorded.GetProperty("packets").EnumerateArray().Where(static packet => packet.GetProperty("family").GetString() == "ipv4")];

    private static string Fill(string text) => text
        .Replace("{{HOST_IP}}", HostIp, StringComparison.Ordinal).Replace("{{HOST}}", "host", StringComparison.Ordinal)
        .Replace("{{PID}}", "24847", StringComparison.Ordinal).Replace("{{CALLEE_INTERNAL_PORT}}", "31816", StringComparison.Ordinal);

    /// <summary>The process id from the probe's question, port and address from the announcement's records.</summary>
    private static (int Pid, int Port, string Address) Identity(byte[] probe, byte[] announcement)
    {
        var instance = PacketText.Of(probe).Split('\n')[1];
        var pid = int.Parse(instance.Split(':')[1].Split('.')[0]);
        var records = PacketText.Of(announcement).Split('\n');
        return (pid, int.Parse(records[1].Split(' ')[^2]), records[^1].Split(' ')[^1]);
    }
}
