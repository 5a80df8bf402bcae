using System.Text.Json;
using System.Text;
using FastSidecar.Resolution.Mdns;
using Xunit;

namespace FastSidecar.Tests.Resolution.Mdns;

/// <summary>Which packets make daprd dial an address, and which make us (fixtures/runtime/mdns-peer-answers.json).</summary>
public sealed class MdnsBrowserTests
{
    /// <summary>Where we decide otherwise than daprd, on purpose: what we find for app id peer instead, and why.</summary>
    private static readonly Dictionary<string, (string[] Found, string Reason)> Differences = new()
    {
        ["suffix-id-my-peer"] = ([], "the owner z.mypeer.local. is not below peer.local.: another app's sidecar"),
        ["aaaa-only"] = (["[::1]:20999"], "daprd leaves out the brackets and cannot dial it"),
        ["a-and-aaaa"] = (["10.99.0.2:20999"], "daprd takes the AAAA record first and cannot dial it"),

        // Time decides these, not the packet: the window belongs to the resolver (MdnsResolverTests).
        ["answer-after-1500ms"] = (["10.99.0.2:20999"], "too late for a first look-up"),
    };

    public static TheoryData<string> Recorded { get; } = [.. RecordedCases.Read("mdns-peer-answers.json").Select(RecordedCases.Name)];

    [Fact]
    public void Recordings_AreThere() => Assert.True(Recorded.Count >= 26, $"{Recorded.Count} cases");

    [Theory]
    [MemberData(nameof(Recorded))]
    public void RecordedAnswer_LeadsToTheSameAddress(string name)
    {
        var recorded = RecordedCases.Read("mdns-peer-answers.json").Single(item => item.Name() == name);
        var found = Browse([.. Packets(recorded)]).Where(static sighting => sighting is { AppId: "peer", IsGoodbye: false }).Select(static sighting => sighting.Address);
        if (Differences.TryGetValue(name, out var difference))
        {
            Assert.Equal(difference.Found, found.Distinct());
            return;
        }

        // daprd dials the first it finds; a case with several instances names only that one.
        var dialled = recorded.GetProperty("dialled").EnumerateArray().Select(static item => item.GetString()!.Replace("{{HOST_IP}}", "10.99.0.2:20999", StringComparison.Ordinal));
        Assert.Equal(dialled, found.Distinct().Take(1));
    }

    [Fact]
    public void TwoInstancesInOnePacket_BothAreFound()
    {
        var recorded = RecordedCases.Read("mdns-peer-answers.json").Single(static item => item.Name() == "two-instances");
        Assert.Equal(["10.99.0.2:20999", "127.0.0.1:20999"], Browse([.. Packets(recorded)]).Select(static sighting => sighting.Address));
    }

    [Fact]
    public void Goodbye_IsReportedAsOne()
    {
        var sighting = Assert.Single(Browse(MdnsResponderTests.Records("callee", "host", 1, 5000, "192.0.2.7").Goodbye));
        Assert.Equal(("callee", "192.0.2.7:5000", true), (sighting.AppId, sighting.Address, sighting.IsGoodbye));
    }

    [Theory]
    [InlineData("callee")]
    [InlineData("MyApp")]
    [InlineData("my app")]
    [InlineData("café")]
    public void OurOwnPackets_AreFoundByUs(string appId)
    {
        var records = MdnsResponderTests.Records(appId, "some.host.example", 99, 5000, "2001:db8::5");
        foreach (var packet in new[] { records.BrowseAnswer, records.LookupAnswer, records.Announcement })
        {
            var sighting = Assert.Single(Browse(packet));
            Assert.Equal((appId, "[2001:db8::5]:5000", false), (sighting.AppId, sighting.Address, sighting.IsGoodbye));
        }
    }

    [Fact]
    public void EqualHostNameAndProcessId_BothAreFound()
    {
        // As in containers on the host's network: daprd sees only one of them.
        var found = Browse(
            MdnsResponderTests.Records("callee", "host", 1, 5000, "192.0.2.7").BrowseAnswer,
            MdnsResponderTests.Records("callee", "host", 1, 5001, "192.0.2.7").BrowseAnswer);
        Assert.Equal(["192.0.2.7:5000", "192.0.2.7:5001"], found.Select(static sighting => sighting.Address));
    }

    [Fact]
    public void Probe_IsNoSidecar() => Assert.Empty(Browse(MdnsResponderTests.Records("callee", "host", 1, 5000, "192.0.2.7").Probe));

    [Fact]
    public void KnownSidecarSeenAgain_CostsNoAllocation()
    {
        var packet = MdnsResponderTests.Records("callee", "host", 1, 5000, "192.0.2.7").BrowseAnswer;
        var entries = new DnsEntry[DnsMessage.MaxEntries];
        var count = 0;
        var browser = new MdnsBrowser(new MdnsTexts(), _ => count++);
        for (var i = 0; i < 100; i++)
        {
            Accept();
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            Accept();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(1100, count);

        void Accept()
        {
            DnsMessage.TryParse(packet, entries, out var message);
            browser.Accept(message);
        }
    }

    [Theory]
    [InlineData("id=cal")]
    [InlineData("calleee")]
    [InlineData("Callee1")]
    public void TextThatIsNotTheAppId_IsNoSidecarOfIt(string text)
    {
        // The same records, but for seven bytes of text.
        var packet = MdnsResponderTests.Records("callee1", "host", 1, 5000, "192.0.2.7").BrowseAnswer;
        var at = packet.AsSpan().LastIndexOf("callee1"u8);
        Encoding.ASCII.GetBytes(text).CopyTo(packet, at);
        Assert.Empty(Browse(packet));
    }

    [Fact]
    public void InvalidUtf8Id_IsIgnored()
    {
        var packet = MdnsResponderTests.Records("callXe", "host", 1, 5000, "192.0.2.7").BrowseAnswer;
        var text = Encoding.Latin1.GetString(packet).Replace("callXe", "call\u00ffe", StringComparison.Ordinal);
        Assert.Empty(Browse(Encoding.Latin1.GetBytes(text)));
    }

    private static List<FastSidecar.Resolution.AddressSighting> Browse(params byte[][] packets)
    {
        var sightings = new List<FastSidecar.Resolution.AddressSighting>();
        var browser = new MdnsBrowser(new MdnsTexts(), sightings.Add);
        foreach (var packet in packets)
        {
            Assert.True(DnsMessage.TryParse(packet, new DnsEntry[DnsMessage.MaxEntries], out var message));
            browser.Accept(message);
        }

        return sightings;
    }

    /// <summary>The list also holds how the packets were sent: a delay in seconds, or "unicast".</summary>
    private static IEnumerable<byte[]> Packets(JsonElement recorded) =>
        recorded.GetProperty("answers_hex").EnumerateArray()
            .Where(static item => item.ValueKind == JsonValueKind.String && item.GetString() != "unicast")
            .Select(static item => Convert.FromHexString(item.GetString()!));
}
