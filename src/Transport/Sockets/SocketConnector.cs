using System.Net;

namespace FastSidecar.Transport.Sockets;

/// <summary>Opens TCP connections.</summary>
public static class SocketConnector
{
    /// <summary>Connects with TCP_NODELAY. A DnsEndPoint is resolved first. Throws SocketException, TimeoutException after <paramref name="timeout"/>.</summary>
    public static ValueTask<SocketConnection> ConnectAsync(EndPoint endPoint, TimeSpan timeout, TimeProvider time, CancellationToken cancellationToken) =>
        throw new NotImplementedException();
}
