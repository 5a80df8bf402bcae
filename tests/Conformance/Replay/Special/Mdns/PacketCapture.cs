using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace FastSidecar.Conformance.Replay.Special.Mdns;

/// <summary>A packet that left this machine by multicast DNS, as a capture on its interface shows it.</summary>
/// <param name="Interface">Name of the interface it left by.</param>
/// <param name="Family"><c>ipv4</c> or <c>ipv6</c>.</param>
/// <param name="Destination">Address and port.</param>
/// <param name="FromPort">The UDP port it came from.</param>
/// <param name="HopLimit">The TTL of IPv4, the hop limit of IPv6.</param>
/// <param name="Payload">The DNS packet.</param>
internal sealed record SentPacket(string Interface, string Family, string Destination, int FromPort, int HopLimit, byte[] Payload)
{
    /// <summary>What is compared: number, moments and packing are not (DESIGN.md §2).</summary>
    public string? Kind { get; } =
        PacketText.Of(Payload) is { } text ? $"{Family} to {Destination} from {FromPort} ttl {HopLimit} {text}" : null;
}

/// <summary>
/// Listens below the sockets (packet(7)), as tcpdump did for the recordings: a socket on port 5353 would take unicast packets
/// away from the sidecar.
/// Needs root, which whoever made the network namespace is.
/// </summary>
internal sealed partial class PacketCapture : IAsyncDisposable
{
    private const int AllProtocols = 3;

    /// <summary>Room for a sockaddr_storage: .NET asks for that much.</summary>
    private const int AddressBytes = 128;
    private const int Outgoing = 4;
    private const int Udp = 17;
    private const int MdnsPort = 5353;

    private readonly Socket _socket =
        new(AddressFamily.Packet, SocketType.Dgram, (ProtocolType)IPAddress.HostToNetworkOrder((short)AllProtocols));
    private readonly Lock _lock = new();
    private readonly List<SentPacket> _packets = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _listening;

    [LibraryImport("libc", EntryPoint = "if_indextoname")]
    private static partial nint NameOf(uint index, [Out] byte[] name);

    public PacketCapture()
    {
        _listening = ListenAsync();
    }

    /// <summary>Raised for each packet, by the loop that listens.</summary>
    public event Action<SentPacket>? Seen;

    public void Clear()
    {
        lock (_lock)
        {
            _packets.Clear();
        }
    }

    /// <summary>What left since the last <see cref="Clear"/>.</summary>
    public List<SentPacket> Take()
    {
        lock (_lock)
        {
            return [.. _packets];
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _listening;
        _socket.Dispose();
        _stop.Dispose();
    }

    private async Task ListenAsync()
    {
        var buffer = new byte[65536];
        var from = new SocketAddress(AddressFamily.Packet, AddressBytes);
        try
        {
            while (true)
            {
                from.Size = AddressBytes;
                var length = await _socket.ReceiveFromAsync(buffer, SocketFlags.None, from, _stop.Token);

                // sockaddr_ll: the interface's index at 4, the packet's kind at 10.
                var address = from.Buffer.Span;
                if (address[10] == Outgoing && Read(buffer.AsSpan(0, length), BitConverter.ToUInt32(address[4..])) is { } packet)
                {
                    lock (_lock)
                    {
                        _packets.Add(packet);
                    }

                    Seen?.Invoke(packet);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed.
        }
    }

    private static SentPacket? Read(ReadOnlySpan<byte> ip, uint interfaceIndex)
    {
        const int IPv6HeaderBytes = 40;
        var version = ip.Length > 0 ? ip[0] >> 4 : 0;
        var header = version == 4 ? (ip[0] & 15) * 4 : IPv6HeaderBytes;
        if (version is not (4 or 6) || ip.Length < header + 8 || ip[version == 4 ? 9 : 6] != Udp)
        {
            return null;
        }

        var udp = ip[header..];
        var (fromPort, toPort) = (BinaryPrimitives.ReadUInt16BigEndian(udp), BinaryPrimitives.ReadUInt16BigEndian(udp[2..]));
        var to = new IPAddress(version == 4 ? ip.Slice(16, 4) : ip.Slice(24, 16));
        if (toPort != MdnsPort || BinaryPrimitives.ReadUInt16BigEndian(udp[4..]) < 8 + 12)
        {
            return null;
        }

        // Not IPEndPoint's form: the recordings have no brackets.
        var payload = udp[8..BinaryPrimitives.ReadUInt16BigEndian(udp[4..])].ToArray();
        return version == 4
            ? new SentPacket(InterfaceName(interfaceIndex), "ipv4", $"{to}:{toPort}", fromPort, ip[8], payload)
            : new SentPacket(InterfaceName(interfaceIndex), "ipv6", $"{to}:{toPort}", fromPort, ip[7], payload);
    }

    private static string InterfaceName(uint index)
    {
        var name = new byte[16];
        return NameOf(index, name) == 0 ? "" : System.Text.Encoding.ASCII.GetString(name.AsSpan(0, name.AsSpan().IndexOf((byte)0)));
    }
}
