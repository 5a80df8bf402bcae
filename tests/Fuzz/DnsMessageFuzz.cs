using System.Net;
using FastSidecar.Resolution.Mdns;
using Xunit;

namespace FastSidecar.Fuzz;

/// <summary>
/// Any bytes from the local network: parsed and refused without an exception; what was accepted can be read whole, and neither browser
/// nor responder stumbles over it.
/// </summary>
public sealed class DnsMessageFuzz
{
    private static readonly MdnsRecords Records = CreateRecords();

    private static readonly byte[][] Seeds = [Records.BrowseAnswer, Records.LookupAnswer, Records.EnumerationAnswer, Records.Announcement, Records.Goodbye, Records.Probe, CreateQuery()];

    [Fact]
    public void AnyBytes() => FuzzRun.Run(Seeds, Read);

    private static void Read(byte[] packet, Random random)
    {
        var entries = new DnsEntry[random.Next(4) == 0 ? 2 : DnsMessage.MaxEntries];
        if (!DnsMessage.TryParse(packet, entries, out var message))
        {
            return;
        }

        Span<byte> buffer = stackalloc byte[DnsName.MaxBytes];
        Span<byte> again = stackalloc byte[DnsName.MaxBytes];
        foreach (ref readonly var entry in message.Entries)
        {
            var name = message.NameOf(entry, buffer);
            Assert.Equal(0, name[^1]);
            Assert.True(DnsMessage.TryReadName(name, 0, again, out var length, out var end), "an expanded name is no name");
            Assert.Equal(name.Length, length);
            Assert.Equal(name.Length, end);
            Assert.Equal(entry.DataLength, message.DataOf(entry).Length);
            if (message.TryGetDataName(entry, random.Next(8), buffer, out var inner))
            {
                Assert.Equal(0, inner[^1]);
            }
        }

        new MdnsBrowser(new MdnsTexts(), sighting => Assert.InRange(sighting.AppId.Length, 1, 63)).Accept(message);
        Assert.InRange(new MdnsResponder(Records).Answer(message).Count, 0, 6);
    }

    private static MdnsRecords CreateRecords()
    {
        var options = new MdnsOptions { AppId = "callee", Address = "127.0.0.1", Port = 50002, HostName = "host", ProcessId = 7 };
        Assert.True(MdnsRecords.TryCreate(options, IPAddress.Loopback, out var records));
        return records!;
    }

    private static byte[] CreateQuery()
    {
        Assert.True(MdnsRecords.TryWriteQuery("callee", out var query));
        return query;
    }
}
