using System.Net;

namespace FastSidecar.Transport.Sockets;

/// <summary>Accepts TCP connections and hands each to a callback. Bound on construction, accepting after <see cref="Start"/>.</summary>
public sealed class SocketListener : IAsyncDisposable
{
    /// <summary>Binds and listens: connections queue in the kernel from here on. Throws SocketException when the address is taken.</summary>
    public SocketListener(EndPoint endPoint)
    {
        _ = endPoint;
        throw new NotImplementedException();
    }

    public EndPoint LocalEndPoint => throw new NotImplementedException();

    /// <summary>Starts the accept loop. <paramref name="onConnection"/> owns the connection; it must return soon and never block.</summary>
    public void Start(Action<SocketConnection> onConnection) => throw new NotImplementedException();

    /// <summary>Stops accepting; accepted connections live on.</summary>
    public ValueTask DisposeAsync() => throw new NotImplementedException();
}
