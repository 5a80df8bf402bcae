using System.Net;
using System.Net.Sockets;

namespace FastSidecar.Resolution.Mdns;

/// <summary>
/// The multicast DNS socket of one family, shared with other processes on this host (port 5353 with address reuse, as avahi and daprd bind it). It has
/// joined the group on some interfaces and sends on each of them. Multicast TTL and loop stay at the system's defaults, 1 and on, as in Dapr; the loop
/// lets sidecars of one host find each other.
/// </summary>
internal sealed class MdnsSocket : IAsyncDisposable
{
    private const int Port = 5353;

    /// <summary>Longest multicast DNS packet, RFC 6762 §17.</summary>
    private const int MaxPacketBytes = 9000;

    private static readonly IPAddress GroupIPv4 = IPAddress.Parse("224.0.0.251");
    private static readonly IPAddress GroupIPv6 = IPAddress.Parse("ff02::fb");

    private readonly Socket _socket;
    private readonly bool _isIPv4;
    private readonly IPEndPoint _group;
    private readonly bool _isExclusive;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();

    /// <summary>Held while the outgoing interface is chosen and used: that choice is an option of the socket.</summary>
    private readonly Lock _sendLock = new();
    private volatile MdnsInterface[] _joined = [];
    private Task _receiving = Task.CompletedTask;

    private MdnsSocket(Socket socket, bool isExclusive, TimeProvider time)
    {
        _socket = socket;
        _isExclusive = isExclusive;
        _time = time;
        _isIPv4 = socket.AddressFamily == AddressFamily.InterNetwork;
        _group = new IPEndPoint(_isIPv4 ? GroupIPv4 : GroupIPv6, Port);
    }

    public bool IsOpen => _joined.Length > 0;

    /// <summary>Binds the socket of <paramref name="family"/>. Null when the system has no such family or somebody holds the port for himself alone.</summary>
    /// <param name="family">IPv4 or IPv6.</param>
    /// <param name="isExclusive">Hear nothing on other interfaces than the joined ones, not even a question sent to this host alone.</param>
    /// <param name="time">Pauses after errors.</param>
    public static MdnsSocket? TryBind(AddressFamily family, bool isExclusive, TimeProvider time)
    {
        Socket? socket = null;
        try
        {
            socket = new Socket(family, SocketType.Dgram, ProtocolType.Udp) { Blocking = false, ExclusiveAddressUse = false };
            if (family == AddressFamily.InterNetworkV6)
            {
                socket.DualMode = false;
            }

            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            socket.Bind(new IPEndPoint(family == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, Port));
            return new MdnsSocket(socket, isExclusive, time);
        }
        catch (SocketException)
        {
            socket?.Dispose();
            return null;
        }
    }

    /// <summary>
    /// Joins the group on those of <paramref name="interfaces"/> not joined yet and forgets those that are gone. True when one was joined. One caller at
    /// a time.
    /// </summary>
    public bool Join(List<MdnsInterface> interfaces)
    {
        var joined = new List<MdnsInterface>();
        var isNew = false;
        foreach (var item in interfaces)
        {
            var known = Array.IndexOf(_joined, item) >= 0;
            if (known || TryJoin(item))
            {
                joined.Add(item);
                isNew |= !known;
            }
        }

        // The system dropped the membership of an interface that is gone; one that is merely down keeps it, and joining it again says "already".
        _joined = [.. joined];
        return isNew;
    }

    public void Start(MdnsPacketHandler handler) => _receiving = ReceiveAsync(handler);

    public void Multicast(ReadOnlySpan<byte> packet, int interfaceIndex)
    {
        var joined = _joined;
        var isKnown = IndexOf(joined, interfaceIndex) >= 0;
        foreach (var item in joined)
        {
            if (!isKnown || item.Index == interfaceIndex)
            {
                SendOn(item, packet);
            }
        }
    }

    public void Unicast(ReadOnlySpan<byte> packet, EndPoint to)
    {
        try
        {
            lock (_sendLock)
            {
                _socket.SendTo(packet, SocketFlags.None, to);
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // Lost, as a packet may be.
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _receiving;
        _socket.Dispose();
        _stop.Dispose();
    }

    private bool TryJoin(MdnsInterface item)
    {
        try
        {
            if (_isIPv4)
            {
                _socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.AddMembership, new MulticastOption(GroupIPv4, item.Index));
            }
            else
            {
                _socket.SetSocketOption(SocketOptionLevel.IPv6, SocketOptionName.AddMembership, new IPv6MulticastOption(GroupIPv6, item.Index));
            }

            return true;
        }
        catch (SocketException error)
        {
            // "Address already in use": this socket is a member already.
            return error.SocketErrorCode == SocketError.AddressAlreadyInUse;
        }
    }

    private void SendOn(MdnsInterface item, ReadOnlySpan<byte> packet)
    {
        try
        {
            lock (_sendLock)
            {
                if (!_isIPv4)
                {
                    _socket.SetSocketOption(SocketOptionLevel.IPv6, SocketOptionName.MulticastInterface, item.Index);
                }
                else if (item.Loopback is { } loopback)
                {
                    // By address and not by number: only so has a packet a source address when the loopback is the only interface.
                    _socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastInterface, loopback.GetAddressBytes());
                }
                else
                {
                    _socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastInterface, IPAddress.HostToNetworkOrder(item.Index));
                }

                _socket.SendTo(packet, SocketFlags.None, _group);
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // No route or no address on that interface, a full buffer, or shutting down: lost, as a packet may be.
        }
    }

    private async Task ReceiveAsync(MdnsPacketHandler handler)
    {
        var buffer = GC.AllocateUninitializedArray<byte>(MaxPacketBytes, pinned: true);
        var anyone = new IPEndPoint(_isIPv4 ? IPAddress.Any : IPAddress.IPv6Any, 0);
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var received = await _socket.ReceiveMessageFromAsync(buffer, SocketFlags.None, anyone, _stop.Token);

                // With inline socket completions this would be the thread that all connections share.
                await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
                if ((received.SocketFlags & SocketFlags.Truncated) == 0 && IsForUs(received.PacketInformation))
                {
                    handler(
                        buffer.AsSpan(0, received.ReceivedBytes), new MdnsSource(received.PacketInformation.Interface, received.RemoteEndPoint));
                }
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (SocketException)
            {
                // An ICMP error for a reply we sent, or the network went down. The pause keeps a lasting error from spinning.
                await Task.Delay(TimeSpan.FromMilliseconds(100), _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>
    /// A wildcard-bound socket also gets the packets of groups that other processes joined on other interfaces (Linux: IP_MULTICAST_ALL); they are not
    /// ours to answer. What is sent to this host alone may come in anywhere: from this host it comes over the loopback.
    /// </summary>
    private bool IsForUs(IPPacketInformation information) =>
        IndexOf(_joined, information.Interface) >= 0 || (!_isExclusive && !information.Address.IsIPv6Multicast && !information.Address.Equals(GroupIPv4));

    private static int IndexOf(MdnsInterface[] interfaces, int index) => Array.FindIndex(interfaces, item => item.Index == index);
}
