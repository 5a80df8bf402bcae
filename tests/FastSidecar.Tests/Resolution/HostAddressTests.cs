using System.Net;
using FastSidecar.Resolution;
using Xunit;

namespace FastSidecar.Tests.Resolution;

public sealed class HostAddressTests
{
    [Theory]
    [InlineData("127.0.0.1 192.168.77.2 203.0.113.9", "203.0.113.9")]
    [InlineData("fe80::1 10.0.0.5 2001:db8:1::2", "2001:db8:1::2")]
    [InlineData("fd00::2 192.168.1.7", "192.168.1.7")]
    [InlineData("fd00::2 100.64.3.4", "100.64.3.4")]
    [InlineData("fd00::2 100.128.3.4", "100.128.3.4")]
    [InlineData("172.15.0.1 172.16.0.1", "172.15.0.1")]
    [InlineData("fe80::1%3 fd00::2", "fd00::2")]
    [InlineData("169.254.3.4 fe80::1%3", "169.254.3.4")]
    [InlineData("fe80::1%3", "fe80::1")]
    [InlineData("10.0.0.1 10.0.0.2", "10.0.0.1")]
    [InlineData("192.0.0.2 127.0.0.1 ::1", null)]
    [InlineData("192.0.0.8", "192.0.0.8")]
    [InlineData("", null)]
    public void Enumerated_BestKindFirstSeen(string addresses, string? expected)
    {
        var list = addresses.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(IPAddress.Parse);
        Assert.Equal(expected, HostAddress.BestOf(list)?.ToString());
    }

    [Theory]
    [InlineData("198.51.100.7")]
    [InlineData("not an ip")]
    public void Configured_IsTakenVerbatim(string configured)
    {
        Assert.True(HostAddress.TryFind(configured, out var address));
        Assert.Equal(configured, address);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    public void NotConfigured_ThisHostsOwnAddressIfItHasOne(string? configured)
    {
        if (HostAddress.TryFind(configured, out var address))
        {
            var own = System.Net.NetworkInformation.NetworkInterface.GetAllNetworkInterfaces()
                .SelectMany(static nic => nic.GetIPProperties().UnicastAddresses).Select(static unicast => unicast.Address);
            Assert.Contains(IPAddress.Parse(address), own);
        }
        else
        {
            Assert.Empty(address);
        }
    }
}
