using System.Net;
using System.Net.Sockets;
using FastSidecar.Transport.Sockets;

namespace FastSidecar.Transport.Tests.Sockets;

/// <summary>A <see cref="SocketConnection"/> and the plain socket at its other end, over loopback.</summary>
internal sealed class SocketPair : IAsyncDisposable
{
    private SocketPair(SocketConnection connection, Socket peer)
    {
        Connection = connection;
        Peer = peer;
    }

    public SocketConnection Connection { get; }

    public Socket Peer { get; }

    public static async Task<SocketPair> OpenAsync(bool? onEventLoop = null)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(1);
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(listener.LocalEndPoint!);
        var peer = await listener.AcceptAsync();
        peer.NoDelay = true;
        return new SocketPair(new SocketConnection(socket, onEventLoop ?? SocketEngine.UsesEventLoop), peer);
    }

    public async ValueTask DisposeAsync()
    {
        await Connection.DisposeAsync();
        Peer.Dispose();
    }
}
