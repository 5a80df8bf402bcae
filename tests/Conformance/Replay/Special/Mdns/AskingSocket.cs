using System.Net;
using System.Net.Sockets;

namespace FastSidecar.Conformance.Replay.Special.Mdns;

/// <summary>A hand-made asker or responder: sends to the group on the test's interface and takes what comes for it alone.</summary>
internal sealed class AskingSocket : IDisposable
{
    public const int SolSocket = 1;
    public const int SoReuseAddr = 2;
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);

    /// <param name="port">5353, shared with the sidecar, or 0 for a port of its own.</param>
    public AskingSocket(int port)
    {
        if (port != 0)
        {
            // Not ReuseAddress, which .NET takes for SO_REUSEPORT too: the kernel would then deal unicast packets out among
            // all such sockets.
            _socket.SetRawSocketOption(SolSocket, SoReuseAddr, BitConverter.GetBytes(1));
        }

        _socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.PacketInformation, true);
        var own = IPAddress.Parse(Processes.IsolatedNetwork.HostIp);
        _socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastInterface, own.GetAddressBytes());
        _socket.Bind(new IPEndPoint(IPAddress.Any, port));
    }

    public async Task SendAsync(byte[] packet, IPEndPoint to) => await _socket.SendToAsync(packet, to);

    /// <summary>What has come to this socket alone; a socket on port 5353 also gets what others say to the group.</summary>
    public async Task<List<byte[]>> TakeAsync()
    {
        var taken = new List<byte[]>();
        var buffer = new byte[9000];
        while (_socket.Available > 0)
        {
            var received = await _socket.ReceiveMessageFromAsync(buffer, SocketFlags.None, new IPEndPoint(IPAddress.Any, 0));
            if ((received.PacketInformation.Address.GetAddressBytes()[0] & 0xf0) != 0xe0)
            {
                taken.Add(buffer[..received.ReceivedBytes]);
            }
        }

        return taken;
    }

    public void Dispose() => _socket.Dispose();
}
