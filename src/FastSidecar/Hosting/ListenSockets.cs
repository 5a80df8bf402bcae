using System.Net;
using System.Net.Sockets;

namespace FastSidecar.Hosting;

/// <summary>
/// Binds listening sockets the way daprd does: each address is tried for up to ten seconds with growing pauses, so that a predecessor may still be letting go of its port
/// (dapr pkg/api/listen/listen.go v1.18.3).
/// </summary>
internal sealed class ListenSockets(TimeProvider time)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(500);

    /// <summary>Binds as many of the addresses as can be bound, side by side.</summary>
    /// <param name="addresses">As configured; the empty one means all interfaces of both families.</param>
    /// <param name="port">Of all of them.</param>
    /// <param name="bind">Binds one address; its exceptions count as a failed try.</param>
    /// <param name="onFailure">Hears of each address that cannot be bound: <c>address:port</c>, and the reason in Go's words.</param>
    /// <param name="cancellationToken">Ends the waiting, not the first try: what can be bound at once is bound.</param>
    /// <returns>What was bound, each with its <c>address:port</c> as configured.</returns>
    public async Task<List<(string EndPoint, T Listener)>> BindAllAsync<T>(
        IReadOnlyList<string> addresses, int port, Func<IPEndPoint, T> bind, Action<string, string> onFailure, CancellationToken cancellationToken)
        where T : class
    {
        var tries = await Task.WhenAll(addresses.Select(address => TryBindAsync(address, port, bind, onFailure, cancellationToken)));
        var bound = new List<(string EndPoint, T Listener)>(tries.Length);
        for (var i = 0; i < tries.Length; i++)
        {
            if (tries[i] is { } listener)
            {
                bound.Add(($"{addresses[i]}:{port}", listener));
            }
        }

        return bound;
    }

    /// <summary>Binds one address; null when it stays taken (or is no address) until the patience ends. See <see cref="BindAllAsync"/>.</summary>
    public async Task<T?> TryBindAsync<T>(
        string address, int port, Func<IPEndPoint, T> bind, Action<string, string> onFailure, CancellationToken cancellationToken)
        where T : class
    {
        var start = time.GetTimestamp();
        var reason = ListenError.NotLookedUp(address);
        try
        {
            for (var pause = FirstPause; ; pause = TimeSpan.FromTicks(Math.Min(pause.Ticks * 3 / 2, LongestPause.Ticks)))
            {
                try
                {
                    var left = Patience - time.GetElapsedTime(start);
                    return bind(await ResolveAsync(address, port, left > TimeSpan.Zero ? left : TimeSpan.Zero, time, cancellationToken));
                }
                catch (Exception e) when (ListenError.IsListenError(e))
                {
                    reason = ListenError.Describe(address, port, e);
                    if (time.GetElapsedTime(start) + pause > Patience)
                    {
                        onFailure($"{address}:{port}", reason);
                        return null;
                    }
                }

                await Task.Delay(pause, time, cancellationToken);
            }
        }
        catch (TimeoutException)
        {
            // A look-up outlasted the patience; if an earlier one ended, its reason is the better one.
            onFailure($"{address}:{port}", reason);
            return null;
        }
        catch (OperationCanceledException)
        {
            onFailure($"{address}:{port}", ListenError.Canceled);
            return null;
        }
    }

    /// <summary>One try, for a server that is given a socket. The caller owns it.</summary>
    public static async Task<Socket> BindAsync(string address, int port, CancellationToken cancellationToken) =>
        Bind(await ResolveAsync(address, port, Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken));

    /// <summary>One try. The unspecified address of IPv6 takes both families.</summary>
    public static Socket Bind(IPEndPoint endPoint)
    {
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (endPoint.Address.Equals(IPAddress.IPv6Any))
            {
                socket.DualMode = true;
            }

            // The runtime sets SO_REUSEADDR by itself: a port in TIME_WAIT is free. ReuseAddress here would add SO_REUSEPORT and share a port that is taken.
            socket.Bind(endPoint);
            // At once, though the server will do it again: two sockets may be bound to one port as long as neither listens.
            socket.Listen();
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>A socket file for Kestrel; one that is left over from another process makes this fail, as with daprd.</summary>
    public static Socket BindUnix(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Bind(new UnixDomainSocketEndPoint(path));
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>What Go's net package listens on for such an address: all interfaces, the address itself, or the first one of a name, IPv4 before IPv6.</summary>
    private static async Task<IPEndPoint> ResolveAsync(
        string address, int port, TimeSpan patience, TimeProvider time, CancellationToken cancellationToken)
    {
        if (port is < IPEndPoint.MinPort or > IPEndPoint.MaxPort)
        {
            throw new ArgumentOutOfRangeException(nameof(port));
        }

        if (address.Length == 0)
        {
            return new IPEndPoint(Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any, port);
        }

        if (IPAddress.TryParse(address.TrimStart('[').TrimEnd(']'), out var ip))
        {
            return new IPEndPoint(ip, port);
        }

        // On Unix a look-up that has begun cannot be cancelled, only left.
        var found = await Dns.GetHostAddressesAsync(address, CancellationToken.None).WaitAsync(patience, time, cancellationToken);
        return found.Length > 0
            ? new IPEndPoint(Array.Find(found, static candidate => candidate.AddressFamily == AddressFamily.InterNetwork) ?? found[0], port)
            : throw new SocketException((int)SocketError.HostNotFound);
    }
}
