using System.Net;
using System.Net.Sockets;
using FastSidecar.Transport.Sockets.Loop;

namespace FastSidecar.Transport.Sockets;

/// <summary>Opens TCP connections, and those of Unix domain sockets.</summary>
public static class SocketConnector
{
    /// <summary>
    /// Connects with TCP_NODELAY. A <see cref="DnsEndPoint"/> is resolved first and its addresses are tried in order. Throws SocketException (of the last
    /// address), TimeoutException after <paramref name="timeout"/>, which covers all of it.
    /// </summary>
    public static async ValueTask<SocketConnection> ConnectAsync(EndPoint endPoint, TimeSpan timeout, TimeProvider time, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        using var timer = new CancellationTokenSource(timeout, time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellationToken);
        try
        {
            return endPoint is DnsEndPoint name
                ? await ConnectToNameAsync(name, linked.Token)
                : await ConnectToAddressAsync(endPoint, linked.Token);
        }
        catch (OperationCanceledException e) when (timer.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"connecting to {endPoint} took longer than {timeout}", e);
        }
    }

    private static async ValueTask<SocketConnection> ConnectToNameAsync(DnsEndPoint name, CancellationToken cancellationToken)
    {
        var addresses = IPAddress.TryParse(name.Host, out var address)
            ? [address]
            : await Dns.GetHostAddressesAsync(name.Host, name.AddressFamily, cancellationToken);
        SocketException? last = null;
        foreach (var candidate in addresses)
        {
            try
            {
                return await ConnectToAddressAsync(new IPEndPoint(candidate, name.Port), cancellationToken);
            }
            catch (SocketException e)
            {
                last = e;
            }
        }

        throw last ?? new SocketException((int)SocketError.HostNotFound);
    }

    private static async ValueTask<SocketConnection> ConnectToAddressAsync(EndPoint endPoint, CancellationToken cancellationToken)
    {
        var local = endPoint is UnixDomainSocketEndPoint;
        if (SocketEngine.UsesEventLoop)
        {
            return Connected(await LoopConnect.ConnectAsync(EventLoop.Shared, endPoint, cancellationToken), local);
        }

        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, local ? ProtocolType.Unspecified : ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(endPoint, cancellationToken);
        }
        catch
        {
            socket.Dispose();
            throw;
        }

        return Connected(socket, local);
    }

    private static SocketConnection Connected(Socket socket, bool isLocal)
    {
        try
        {
            if (!isLocal)
            {
                socket.NoDelay = true;
            }

            return new SocketConnection(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
