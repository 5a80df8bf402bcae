using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace FastSidecar.Resolution.Mdns;

/// <summary>
/// The names and packets of one announced sidecar. Dapr has no DNS-SD service type: the app id is the type, <c>&lt;app-id&gt;.local.</c>. Packets are
/// written once; their layout is that of grandcat/zeroconf v1.0.0, record by record.
/// </summary>
internal sealed class MdnsRecords
{
    private const ushort Internet = 1;
    private const ushort Flush = Internet | DnsEntry.TopBit;
    private const ushort Response = 0x8000;
    private const ushort AuthoritativeResponse = 0x8400;

    /// <summary>PTR, SRV and TXT, seconds.</summary>
    private const uint ServiceTtl = 3200;

    /// <summary>A and AAAA, seconds.</summary>
    private const uint AddressTtl = 120;

    /// <summary>Longest packet: five records whose names cannot be longer than 255 bytes each.</summary>
    private const int MaxPacketBytes = 4096;

    private readonly byte[] _host;
    private readonly byte[] _text;
    private readonly byte[] _address;
    private readonly ushort _port;

    private MdnsRecords(byte[] service, byte[] instance, byte[] host, byte[] enumeration, string appId, IPAddress address, int port)
    {
        Service = service;
        Instance = instance;
        Enumeration = enumeration;
        _host = host;
        _text = Encoding.UTF8.GetBytes(appId);
        _address = (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).GetAddressBytes();
        _port = checked((ushort)port);
        BrowseAnswer = WriteBrowseAnswer();
        LookupAnswer = WriteAllRecords(AuthoritativeResponse, ServiceTtl, AddressTtl, Internet, compress: true);
        EnumerationAnswer = WriteEnumerationAnswer();
        Announcement = WriteAllRecords(Response, ServiceTtl, AddressTtl, Flush, compress: true);
        Goodbye = WriteAllRecords(Response, 0, 0, Flush, compress: false);
        Probe = WriteProbe();
    }

    /// <summary><c>&lt;app-id&gt;.local.</c></summary>
    public byte[] Service { get; }

    /// <summary><c>&lt;hostname&gt;:&lt;pid&gt;.&lt;app-id&gt;.local.</c></summary>
    public byte[] Instance { get; }

    /// <summary><c>_services._dns-sd._udp.local.</c></summary>
    public byte[] Enumeration { get; }

    /// <summary>Answers a question for <see cref="Service"/>: a PTR, the rest as additional records, nothing to be flushed.</summary>
    public byte[] BrowseAnswer { get; }

    /// <summary>Answers a question for <see cref="Instance"/>: all five records.</summary>
    public byte[] LookupAnswer { get; }

    /// <summary>Answers a question for <see cref="Enumeration"/>.</summary>
    public byte[] EnumerationAnswer { get; }

    public byte[] Announcement { get; }

    public byte[] Goodbye { get; }

    public byte[] Probe { get; }

    /// <summary>False when a name has a label that DNS cannot carry, for instance an app id of more than 63 bytes.</summary>
    public static bool TryCreate(MdnsOptions options, IPAddress address, out MdnsRecords? records)
    {
        records = null;
        if (!DnsName.TryFromText($"{options.AppId}.local", out var service)
            || !DnsName.TryFromText(string.Create(null, $"{options.HostName}:{options.ProcessId}.{options.AppId}.local"), out var instance)
            || !DnsName.TryFromText($"{options.HostName}.local", out var host)
            || !DnsName.TryFromText("_services._dns-sd._udp.local", out var enumeration))
        {
            return false;
        }

        records = new MdnsRecords(service, instance, host, enumeration, options.AppId, address, options.Port);
        return true;
    }

    /// <summary>A question for <c>&lt;app-id&gt;.local.</c> to all. False when the app id is no DNS label.</summary>
    public static bool TryWriteQuery(string appId, out byte[] packet)
    {
        packet = [];
        if (!DnsName.TryFromText($"{appId}.local", out var name))
        {
            return false;
        }

        packet = new byte[DnsMessage.HeaderBytes + name.Length + 4];
        var writer = new DnsWriter(packet, id: 0, flags: 0, compress: false);
        writer.WriteQuestion(name, DnsType.Ptr, Internet);
        return true;
    }

    /// <summary>A copy of <paramref name="answer"/> that carries the id of the question.</summary>
    public static byte[] WithId(byte[] answer, ushort id)
    {
        var copy = answer.AsSpan().ToArray();
        BinaryPrimitives.WriteUInt16BigEndian(copy, id);
        return copy;
    }

    private byte[] WriteBrowseAnswer()
    {
        Span<byte> buffer = stackalloc byte[MaxPacketBytes];
        var writer = new DnsWriter(buffer, 0, AuthoritativeResponse, compress: true);
        writer.WritePtr(DnsSection.Answer, Service, Internet, ServiceTtl, Instance);
        writer.WriteSrv(DnsSection.Additional, Instance, Internet, ServiceTtl, _port, _host);
        writer.WriteTxt(DnsSection.Additional, Instance, Internet, ServiceTtl, _text);
        writer.WriteAddress(DnsSection.Additional, _host, Internet, AddressTtl, _address);
        return buffer[..writer.Length].ToArray();
    }

    private byte[] WriteAllRecords(ushort flags, uint serviceTtl, uint addressTtl, ushort addressClass, bool compress)
    {
        Span<byte> buffer = stackalloc byte[MaxPacketBytes];
        var writer = new DnsWriter(buffer, 0, flags, compress);
        writer.WriteSrv(DnsSection.Answer, Instance, Flush, serviceTtl, _port, _host);
        writer.WriteTxt(DnsSection.Answer, Instance, Flush, serviceTtl, _text);
        writer.WritePtr(DnsSection.Answer, Service, Internet, serviceTtl, Instance);
        writer.WritePtr(DnsSection.Answer, Enumeration, Internet, serviceTtl, Service);
        writer.WriteAddress(DnsSection.Answer, _host, addressClass, addressTtl, _address);
        return buffer[..writer.Length].ToArray();
    }

    private byte[] WriteEnumerationAnswer()
    {
        Span<byte> buffer = stackalloc byte[MaxPacketBytes];
        var writer = new DnsWriter(buffer, 0, AuthoritativeResponse, compress: true);
        writer.WritePtr(DnsSection.Answer, Enumeration, Internet, ServiceTtl, Service);
        return buffer[..writer.Length].ToArray();
    }

    private byte[] WriteProbe()
    {
        Span<byte> buffer = stackalloc byte[MaxPacketBytes];
        var writer = new DnsWriter(buffer, 0, 0, compress: false);
        writer.WriteQuestion(Instance, DnsType.Ptr, Internet);
        writer.WriteSrv(DnsSection.Authority, Instance, Internet, ServiceTtl, _port, _host);
        writer.WriteTxt(DnsSection.Authority, Instance, Internet, ServiceTtl, _text);
        return buffer[..writer.Length].ToArray();
    }
}
