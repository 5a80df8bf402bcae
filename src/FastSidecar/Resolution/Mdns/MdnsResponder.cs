namespace FastSidecar.Resolution.Mdns;

/// <summary>A packet to send for a question: to everybody on the interface it came from, or to the asker alone.</summary>
internal readonly record struct MdnsReply(byte[] Packet, bool IsUnicast);

/// <summary>
/// Answers questions for one announced sidecar, by the rules of grandcat/zeroconf v1.0.0 (server.go handleQuery): names count byte by byte, type and
/// class do not, nor does the flag that calls the packet a response.
/// </summary>
internal sealed class MdnsResponder(MdnsRecords records)
{
    /// <summary>A known answer suppresses ours from half of its TTL on (RFC 6762 §7.1), in seconds.</summary>
    private const uint KnownAnswerTtl = 1600;

    [Flags]
    private enum Replies
    {
        None = 0,
        Browse = 1,
        Lookup = 2,
        Enumeration = 4,
    }

    /// <summary>
    /// The replies to <paramref name="query"/>, usually none. Each kind of answer is given at most once by multicast and once by unicast, so that a
    /// packet of many equal questions is not multiplied.
    /// </summary>
    public IReadOnlyList<MdnsReply> Answer(in DnsMessage query)
    {
        var multicast = Replies.None;
        var unicast = Replies.None;
        Span<byte> name = stackalloc byte[DnsName.MaxBytes];
        foreach (ref readonly var entry in query.Entries)
        {
            if (entry.Section == DnsSection.Authority)
            {
                // A probe: somebody claims a name, nobody asks.
                return [];
            }

            if (entry.Section == DnsSection.Question)
            {
                var reply = ReplyTo(query.NameOf(entry, name));
                (multicast, unicast) = (entry.Class & DnsEntry.TopBit) == 0 ? (multicast | reply, unicast) : (multicast, unicast | reply);
            }
        }

        if ((multicast | unicast) == Replies.None)
        {
            return [];
        }

        var known = KnownTo(query);
        var replies = new List<MdnsReply>();
        Add(replies, multicast & ~known, query.Id, isUnicast: false);
        Add(replies, unicast & ~known, query.Id, isUnicast: true);
        return replies;
    }

    private Replies ReplyTo(ReadOnlySpan<byte> name)
    {
        if (name.SequenceEqual(records.Service))
        {
            return Replies.Browse;
        }

        if (name.SequenceEqual(records.Instance))
        {
            return Replies.Lookup;
        }

        return name.SequenceEqual(records.Enumeration) ? Replies.Enumeration : Replies.None;
    }

    /// <summary>What the asker already has. A lookup answer begins with an SRV record and is never held back.</summary>
    private Replies KnownTo(in DnsMessage query)
    {
        var known = Replies.None;
        Span<byte> buffer = stackalloc byte[DnsName.MaxBytes];
        foreach (ref readonly var entry in query.Entries)
        {
            if (entry is not { Section: DnsSection.Answer, Type: DnsType.Ptr, Ttl: >= KnownAnswerTtl }
                || !query.TryGetDataName(entry, 0, buffer, out var target))
            {
                continue;
            }

            known |= target.SequenceEqual(records.Instance) ? Replies.Browse : Replies.None;
            known |= target.SequenceEqual(records.Service) ? Replies.Enumeration : Replies.None;
        }

        return known;
    }

    private void Add(List<MdnsReply> replies, Replies wanted, ushort id, bool isUnicast)
    {
        if ((wanted & Replies.Browse) != 0)
        {
            replies.Add(new MdnsReply(MdnsRecords.WithId(records.BrowseAnswer, id), isUnicast));
        }

        if ((wanted & Replies.Lookup) != 0)
        {
            replies.Add(new MdnsReply(MdnsRecords.WithId(records.LookupAnswer, id), isUnicast));
        }

        if ((wanted & Replies.Enumeration) != 0)
        {
            replies.Add(new MdnsReply(MdnsRecords.WithId(records.EnumerationAnswer, id), isUnicast));
        }
    }
}
