using System.Net;
using System.Net.Sockets;

namespace FastSidecar.Resolution.Mdns;

/// <summary>
/// The real network: one socket per family. A family without a socket, or that no interface can join, is left out and tried again at the next scan.
/// </summary>
internal sealed class MdnsLink(string? onlyInterface, TimeProvider time) : IMdnsLink
{
    private MdnsPacketHandler? _handler;
    private MdnsSocket? _ipv4;
    private MdnsSocket? _ipv6;

    public bool IsOpen => _ipv4 is { IsOpen: true } || _ipv6 is { IsOpen: true };

    public bool Scan()
    {
        var interfaces = MdnsInterface.List(onlyInterface);
        var isNew = false;
        if (interfaces.Count > 0 || IsOpen)
        {
            isNew |= Join(ref _ipv4, AddressFamily.InterNetwork, interfaces);
            isNew |= Join(ref _ipv6, AddressFamily.InterNetworkV6, interfaces);
        }

        return isNew;
    }

    public void Start(MdnsPacketHandler handler)
    {
        _handler = handler;
        _ipv4?.Start(handler);
        _ipv6?.Start(handler);
    }

    public void Multicast(ReadOnlySpan<byte> packet, int interfaceIndex)
    {
        _ipv4?.Multicast(packet, interfaceIndex);
        _ipv6?.Multicast(packet, interfaceIndex);
    }

    public void Unicast(ReadOnlySpan<byte> packet, MdnsSource to) =>
        (to.Sender is IPEndPoint { AddressFamily: AddressFamily.InterNetwork } ? _ipv4 : _ipv6)?.Unicast(packet, to.Sender);

    public async ValueTask DisposeAsync()
    {
        if (_ipv4 is not null)
        {
            await _ipv4.DisposeAsync();
        }

        if (_ipv6 is not null)
        {
            await _ipv6.DisposeAsync();
        }
    }

    private bool Join(ref MdnsSocket? socket, AddressFamily family, List<MdnsInterface> interfaces)
    {
        if (socket is null)
        {
            socket = MdnsSocket.TryBind(family, isExclusive: onlyInterface is not null, time);
            if (_handler is not null)
            {
                socket?.Start(_handler);
            }
        }

        return socket is not null && socket.Join(interfaces);
    }
}
