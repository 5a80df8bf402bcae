using System.Buffers.Binary;

namespace FastSidecar.Resolution.Mdns;

/// <summary>The record types that matter here (RFC 1035 §3.2.2, RFC 2782, RFC 3596).</summary>
internal enum DnsType : ushort
{
    A = 1,
    Ptr = 12,
    Txt = 16,
    Aaaa = 28,
    Srv = 33,
    Any = 255,
}

internal enum DnsSection : byte
{
    Question,
    Answer,
    Authority,
    Additional,
}

/// <summary>Where one question or record lies in its packet. <c>Ttl</c> (seconds) and the data are zero for a question.</summary>
internal readonly record struct DnsEntry(
    DnsSection Section, DnsType Type, ushort Class, uint Ttl, ushort NameOffset, ushort DataOffset, ushort DataLength)
{
    /// <summary>
    /// The top bit of the class: "answer me by unicast" on a question (RFC 6762 §5.4), "flush what you have" on a record (§10.2).
    /// </summary>
    public const ushort TopBit = 0x8000;
}

/// <summary>
/// A parsed DNS message: a view of a packet, valid as long as the packet and the entries are. Parsing copies nothing and checks everything once, so that
/// reading afterwards cannot fail for entries.
///
/// <code>
///  0               2               4         6         8           10           12
/// +---------------+---------------+---------+---------+-----------+------------+-----------…
/// | ID            | flags         | QDCOUNT | ANCOUNT | NSCOUNT   | ARCOUNT    | questions, records
/// +---------------+---------------+---------+---------+-----------+------------+-----------…
/// question: name, type(2), class(2)      record: name, type(2), class(2), TTL(4), length(2), data       RFC 1035 §4.1
/// </code>
/// </summary>
internal readonly ref struct DnsMessage
{
    public const int HeaderBytes = 12;

    /// <summary>
    /// Most entries of one packet; a packet with more is refused. Bounds the work one packet can cause. Sidecars send at most five, and a
    /// packet of the usual 1,500 bytes has no room for as many records.
    /// </summary>
    public const int MaxEntries = 256;

    private readonly ReadOnlySpan<byte> _packet;

    private DnsMessage(ReadOnlySpan<byte> packet, ReadOnlySpan<DnsEntry> entries)
    {
        _packet = packet;
        Entries = entries;
    }

    /// <summary>Questions and records in packet order.</summary>
    public ReadOnlySpan<DnsEntry> Entries { get; }

    public ushort Id => BinaryPrimitives.ReadUInt16BigEndian(_packet);

    /// <summary>
    /// Parses <paramref name="packet"/> into the caller's <paramref name="entries"/>. False when it is no whole DNS message, or when there are more
    /// entries than room. A packet that ends cleanly before its counts say so is accepted, as Dapr's library does.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<byte> packet, Span<DnsEntry> entries, out DnsMessage message)
    {
        message = default;
        if (packet.Length is < HeaderBytes or > ushort.MaxValue)
        {
            return false;
        }

        var position = HeaderBytes;
        var count = 0;
        for (var section = DnsSection.Question; section <= DnsSection.Additional; section++)
        {
            var expected = BinaryPrimitives.ReadUInt16BigEndian(packet[(4 + (2 * (int)section))..]);
            for (var i = 0; i < expected && position < packet.Length; i++)
            {
                if (count == entries.Length || !TryReadEntry(packet, section, ref position, out entries[count]))
                {
                    return false;
                }

                count++;
            }
        }

        message = new DnsMessage(packet, entries[..count]);
        return true;
    }

    /// <summary>The name of <paramref name="entry"/> in wire form, written to <paramref name="buffer"/> of <see cref="DnsName.MaxBytes"/>.</summary>
    public ReadOnlySpan<byte> NameOf(in DnsEntry entry, Span<byte> buffer) =>
        TryReadName(_packet, entry.NameOffset, buffer, out var length, out _) ? buffer[..length] : default;

    /// <summary>The name inside a record's data, <paramref name="skip"/> bytes in. False when the data holds none.</summary>
    public bool TryGetDataName(in DnsEntry entry, int skip, Span<byte> buffer, out ReadOnlySpan<byte> name)
    {
        name = default;
        if (entry.DataLength <= skip || !TryReadName(_packet, entry.DataOffset + skip, buffer, out var length, out var end)
            || end > entry.DataOffset + entry.DataLength)
        {
            return false;
        }

        name = buffer[..length];
        return true;
    }

    public ReadOnlySpan<byte> DataOf(in DnsEntry entry) => _packet.Slice(entry.DataOffset, entry.DataLength);

    /// <summary>
    /// Expands the name at <paramref name="offset"/>. A pointer must lead to before the labels it continues (RFC 1035 §4.1.4: "a prior occurrence"), so
    /// each jump goes further back and no packet makes this loop.
    /// </summary>
    internal static bool TryReadName(ReadOnlySpan<byte> packet, int offset, Span<byte> buffer, out int length, out int end)
    {
        length = 0;
        end = 0;
        var position = offset;
        var earliest = offset;
        while (position < packet.Length)
        {
            var lead = packet[position];
            if (lead >= 0xc0)
            {
                if (position + 1 >= packet.Length)
                {
                    return false;
                }

                var target = ((lead & 0x3f) << 8) | packet[position + 1];
                if (target >= earliest || target < HeaderBytes)
                {
                    return false;
                }

                end = end == 0 ? position + 2 : end;
                earliest = position = target;
                continue;
            }

            // 01 and 10 in the top bits were never assigned a lasting meaning (RFC 6891 §5).
            if (lead >= 0x40 || position + 1 + lead > packet.Length || length + 1 + lead > Math.Min(buffer.Length, DnsName.MaxBytes))
            {
                return false;
            }

            packet.Slice(position, 1 + lead).CopyTo(buffer[length..]);
            length += 1 + lead;
            position += 1 + lead;
            if (lead == 0)
            {
                end = end == 0 ? position : end;
                return true;
            }
        }

        return false;
    }

    private static bool TryReadEntry(ReadOnlySpan<byte> packet, DnsSection section, ref int position, out DnsEntry entry)
    {
        entry = default;
        Span<byte> scratch = stackalloc byte[DnsName.MaxBytes];
        var nameOffset = position;
        if (!TryReadName(packet, nameOffset, scratch, out _, out var afterName))
        {
            return false;
        }

        var fixedBytes = section == DnsSection.Question ? 4 : 10;
        if (packet.Length - afterName < fixedBytes)
        {
            return false;
        }

        var fields = packet.Slice(afterName, fixedBytes);
        var type = (DnsType)BinaryPrimitives.ReadUInt16BigEndian(fields);
        var @class = BinaryPrimitives.ReadUInt16BigEndian(fields[2..]);
        position = afterName + fixedBytes;
        if (section == DnsSection.Question)
        {
            entry = new DnsEntry(section, type, @class, 0, (ushort)nameOffset, 0, 0);
            return true;
        }

        var dataLength = BinaryPrimitives.ReadUInt16BigEndian(fields[8..]);
        if (packet.Length - position < dataLength)
        {
            return false;
        }

        entry = new DnsEntry(
            section, type, @class, BinaryPrimitives.ReadUInt32BigEndian(fields[4..]), (ushort)nameOffset, (ushort)position, dataLength);
        position += dataLength;
        return true;
    }
}
