using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace FastSidecar.Resolution.Mdns;

/// <summary>A network interface that may carry multicast DNS. <paramref name="Loopback"/> is its IPv4 address when it is the loopback.</summary>
internal readonly record struct MdnsInterface(int Index, IPAddress? Loopback)
{
    /// <summary>
    /// The interfaces in use: the one called <paramref name="onlyName"/>, or every one that is up and has the multicast flag (as zeroconf does; Linux's
    /// loopback has none). An interface that cannot be read is left out.
    /// </summary>
    public static List<MdnsInterface> List(string? onlyName)
    {
        var found = new List<MdnsInterface>();
        foreach (var nic in ReadAll())
        {
            var wanted = onlyName is null ? nic.SupportsMulticast : nic.Name == onlyName;
            if (wanted && IsUp(nic) && TryRead(nic, out var item))
            {
                found.Add(item);
            }
        }

        return found;
    }

    private static NetworkInterface[] ReadAll()
    {
        try
        {
            return NetworkInterface.GetAllNetworkInterfaces();
        }
        catch (NetworkInformationException)
        {
            return [];
        }
    }

    /// <summary>
    /// Whether it is switched on. On Linux by the interface's own flag, as Go sees it: the operational status follows up to a second later, and not at
    /// all without a carrier.
    /// </summary>
    private static bool IsUp(NetworkInterface nic)
    {
        const int IffUp = 1;
        try
        {
            if (OperatingSystem.IsLinux()
                && File.ReadAllText($"/sys/class/net/{nic.Name}/flags").AsSpan().Trim() is ['0', 'x', .. var digits]
                && int.TryParse(digits, NumberStyles.AllowHexSpecifier, null, out var flags))
            {
                return (flags & IffUp) != 0;
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // No sysfs here, or the interface has just gone.
        }

        return nic.OperationalStatus is not (OperationalStatus.Down or OperationalStatus.NotPresent);
    }

    private static bool TryRead(NetworkInterface nic, out MdnsInterface item)
    {
        item = default;
        try
        {
            var properties = nic.GetIPProperties();
            IPAddress? loopback = null;
            if (nic.NetworkInterfaceType == NetworkInterfaceType.Loopback)
            {
                foreach (var unicast in properties.UnicastAddresses)
                {
                    loopback ??= unicast.Address.AddressFamily == AddressFamily.InterNetwork ? unicast.Address : null;
                }
            }

            // An interface without IPv4 still has an index; where the system has no IPv4 properties for it, the IPv6 ones know the same number.
            var index = nic.Supports(NetworkInterfaceComponent.IPv4) || !nic.Supports(NetworkInterfaceComponent.IPv6)
                ? properties.GetIPv4Properties().Index
                : properties.GetIPv6Properties().Index;
            item = new MdnsInterface(index, loopback);
            return true;
        }
        catch (NetworkInformationException)
        {
            // Went away between the two reads, or has no protocol bound to it.
            return false;
        }
    }
}
