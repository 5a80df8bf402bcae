using System.Net;
using System.Net.Sockets;

namespace FastSidecar.Conformance.Processes;

/// <summary>
/// Free TCP ports of five digits (recorded Content-Lengths count on five) below the ephemeral range, none handed out twice by this
/// process.
/// </summary>
internal sealed class FreePorts(Random random)
{
    private const int First = 20000;
    private const int AfterLast = 32000;
    private readonly HashSet<int> _used = [];

    public int Next()
    {
        while (true)
        {
            var port = random.Next(First, AfterLast);
            if (_used.Add(port) && IsFree(port))
            {
                return port;
            }
        }
    }

    private static bool IsFree(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Any, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
