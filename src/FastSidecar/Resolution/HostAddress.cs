using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace FastSidecar.Resolution;

/// <summary>The address peers reach this host at, chosen as daprd chooses it (dapr utils/host.go v1.18.3).</summary>
internal static class HostAddress
{
    /// <summary>Documentation addresses: nothing is sent to them, only the route to the outside is looked up.</summary>
    private static readonly IPEndPoint[] Outside = [new(IPAddress.Parse("192.0.2.1"), 80), new(IPAddress.Parse("2001:db8::1"), 80)];

    /// <summary>Preference of an address found by enumeration; the lower, the better.</summary>
    private enum Rank
    {
        PublicIPv4,
        GlobalIPv6,
        PrivateIPv4,
        UniqueLocalIPv6,
        LinkLocal,
        Unusable,
    }

    /// <summary>
    /// <paramref name="configured"/> (<c>DAPR_HOST_IP</c>) verbatim when it is not empty, else the address of the default route, else the best one of any
    /// interface. False when there is none: the start then fails with <see cref="NotFoundText"/>.
    /// </summary>
    public static bool TryFind(string? configured, out string address)
    {
        if (!string.IsNullOrEmpty(configured))
        {
            address = configured;
            return true;
        }

        var found = TowardsOutside() ?? BestOf(InterfaceAddresses());
        address = found?.ToString() ?? "";
        return found is not null;
    }

    /// <summary>daprd's words for a host without an address.</summary>
    public const string NotFoundText = "failed to determine host address: could not determine host IP address";

    /// <summary>The first address of the best kind, or null.</summary>
    public static IPAddress? BestOf(IEnumerable<IPAddress> addresses)
    {
        IPAddress? best = null;
        var bestRank = Rank.Unusable;
        foreach (var address in addresses)
        {
            var rank = RankOf(address);
            if (rank < bestRank)
            {
                (best, bestRank) = (address, rank);
            }
        }

        // A zone is no part of an address that goes into a DNS record.
        return best is { AddressFamily: AddressFamily.InterNetworkV6, ScopeId: not 0 } ? new IPAddress(best.GetAddressBytes()) : best;
    }

    private static IPAddress? TowardsOutside()
    {
        foreach (var outside in Outside)
        {
            try
            {
                using var socket = new Socket(outside.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
                socket.Connect(outside);
                if (socket.LocalEndPoint is IPEndPoint { Address: var local } && !IsProtocolAssignment(local))
                {
                    return local;
                }
            }
            catch (SocketException)
            {
                // No route of this family.
            }
        }

        return null;
    }

    /// <summary>In the order of the interfaces; addresses of interfaces that are down count too, as in daprd.</summary>
    private static IEnumerable<IPAddress> InterfaceAddresses()
    {
        foreach (var nic in NetworkInterface.GetAllNetworkInterfaces())
        {
            foreach (var unicast in nic.GetIPProperties().UnicastAddresses)
            {
                yield return unicast.Address;
            }
        }
    }

    private static Rank RankOf(IPAddress address)
    {
        if (IPAddress.IsLoopback(address) || IsProtocolAssignment(address))
        {
            return Rank.Unusable;
        }

        Span<byte> bytes = stackalloc byte[16];
        if (!address.TryWriteBytes(bytes, out var length))
        {
            return Rank.Unusable;
        }

        if (length == 4)
        {
            return bytes switch
            {
                [169, 254, ..] => Rank.LinkLocal,
                [10, ..] or [172, >= 16 and <= 31, ..] or [192, 168, ..] or [100, >= 64 and <= 127, ..] => Rank.PrivateIPv4,
                [0, ..] or [>= 224, ..] => Rank.Unusable,
                _ => Rank.PublicIPv4,
            };
        }

        return bytes switch
        {
            [0xfe, >= 0x80 and <= 0xbf, ..] => Rank.LinkLocal,
            [0xfc or 0xfd, ..] => Rank.UniqueLocalIPv6,
            [0xff, ..] => Rank.Unusable,
            _ => Rank.GlobalIPv6,
        };
    }

    /// <summary>192.0.0.0/29 (RFC 7335) is what carrier translation puts on a host that has no IPv4 of its own.</summary>
    private static bool IsProtocolAssignment(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        return address.TryWriteBytes(bytes, out var length) && length == 4 && bytes is [192, 0, 0, <= 7, ..];
    }
}
