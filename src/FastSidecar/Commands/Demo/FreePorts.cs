using System.Net;
using System.Net.Sockets;

namespace FastSidecar.Commands.Demo;

/// <summary>Ports that nothing listens on.</summary>
internal static class FreePorts
{
    /// <summary>All different: every one is held until the last is found. Whoever is given one binds it soon, or somebody else may.</summary>
    public static int[] Take(int count)
    {
        var held = new List<Socket>(count);
        try
        {
            while (held.Count < count)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                held.Add(socket);
                socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            }

            return [.. held.Select(static socket => ((IPEndPoint)socket.LocalEndPoint!).Port)];
        }
        finally
        {
            held.ForEach(static socket => socket.Dispose());
        }
    }
}
