using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace FastSidecar.Resolution.Mdns;

/// <summary>
/// Finds sidecars in packets of any kind, answers and announcements alike. What makes a record a sidecar:
/// <list type="bullet">
/// <item>an SRV record, a TXT record of the same owner, and an address record of the SRV target, all in one packet (one host's sidecars share the target
/// name);</item>
/// <item>the first TXT string is the app id, and the owner lies below <c>&lt;app-id&gt;.local.</c>, label by label. daprd takes any owner that merely
/// ends in it, so that <c>my-app</c> can be dialled for <c>app</c>; refused here.</item>
/// <item>the instance's last PTR, SRV or TXT record has a TTL; without one it is a goodbye.</item>
/// </list>
/// No PTR record is needed. Of several addresses the first A counts, else the first AAAA. One pass over a packet without allocation, once an address is known.
/// </summary>
internal sealed class MdnsBrowser(MdnsTexts texts, Action<AddressSighting> onSighting)
{
    /// <summary>
    /// Most instances looked at in one packet. Bounds the work: each costs a pass over the packet. A sidecar's own packet holds one.
    /// </summary>
    private const int MaxInstances = 32;

    private static ReadOnlySpan<byte> LocalSuffix => "\u0005local\0"u8;

    /// <summary>Reports every sidecar in <paramref name="message"/>.</summary>
    [SkipLocalsInit]
    public void Accept(in DnsMessage message)
    {
        Span<byte> owner = stackalloc byte[DnsName.MaxBytes];
        var instances = 0;
        foreach (ref readonly var entry in message.Entries)
        {
            if (entry is { Section: not DnsSection.Question, Type: DnsType.Srv, DataLength: > 6 } && instances++ < MaxInstances)
            {
                AcceptInstance(message, entry, message.NameOf(entry, owner));
            }
        }
    }

    [SkipLocalsInit]
    private void AcceptInstance(in DnsMessage message, in DnsEntry srv, ReadOnlySpan<byte> instance)
    {
        Span<byte> targetBuffer = stackalloc byte[DnsName.MaxBytes];
        if (!message.TryGetDataName(srv, 6, targetBuffer, out var target)
            || !TryFind(message, instance, target, out var appId, out var address, out var isGoodbye)
            || !IsInstanceOf(instance, appId))
        {
            return;
        }

        var port = BinaryPrimitives.ReadUInt16BigEndian(message.DataOf(srv)[4..]);
        if (texts.TryGetAppId(appId, out var id))
        {
            onSighting(new AddressSighting(id, texts.Address(address, port), isGoodbye));
        }
    }

    /// <summary>Collects what belongs to <paramref name="instance"/> from the whole packet.</summary>
    [SkipLocalsInit]
    private static bool TryFind(
        in DnsMessage message, ReadOnlySpan<byte> instance, ReadOnlySpan<byte> target,
        out ReadOnlySpan<byte> appId, out ReadOnlySpan<byte> address, out bool isGoodbye)
    {
        appId = default;
        address = default;
        isGoodbye = false;
        Span<byte> buffer = stackalloc byte[DnsName.MaxBytes];
        foreach (ref readonly var entry in message.Entries)
        {
            if (entry.Section == DnsSection.Question)
            {
                continue;
            }

            switch (entry.Type)
            {
                case DnsType.Ptr when message.TryGetDataName(entry, 0, buffer, out var pointed) && pointed.SequenceEqual(instance):
                case DnsType.Srv when message.NameOf(entry, buffer).SequenceEqual(instance):
                    isGoodbye = entry.Ttl == 0;
                    break;

                case DnsType.Txt when message.NameOf(entry, buffer).SequenceEqual(instance):
                    isGoodbye = entry.Ttl == 0;
                    appId = FirstString(message.DataOf(entry));
                    break;

                // An A record displaces an AAAA record that came first; sidecars are called over IPv4 where both are offered.
                case DnsType.A when entry.DataLength == 4 && address.Length != 4 && message.NameOf(entry, buffer).SequenceEqual(target):
                case DnsType.Aaaa when entry.DataLength == 16 && address.IsEmpty && message.NameOf(entry, buffer).SequenceEqual(target):
                    address = message.DataOf(entry);
                    break;

                default:
                    break;
            }
        }

        return !appId.IsEmpty && !address.IsEmpty;
    }

    private static ReadOnlySpan<byte> FirstString(ReadOnlySpan<byte> text) =>
        text.Length > 0 && text.Length > text[0] ? text.Slice(1, text[0]) : default;

    private static bool IsInstanceOf(ReadOnlySpan<byte> instance, ReadOnlySpan<byte> appId)
    {
        if (appId.Length > 63)
        {
            return false;
        }

        Span<byte> service = stackalloc byte[1 + 63 + 7];
        service[0] = (byte)appId.Length;
        appId.CopyTo(service[1..]);
        LocalSuffix.CopyTo(service[(1 + appId.Length)..]);
        return DnsName.IsBelow(instance, service[..(1 + appId.Length + LocalSuffix.Length)]);
    }
}
