using System.Net;
using System.Net.Sockets;
using FastSidecar.Transport.Sockets;

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

    /// <summary>Binds as many of the addresses as can be bound, side by side. <paramref name="onFailure"/> hears of each that cannot.</summary>
    public async Task<List<T>> BindAllAsync<T>(
        IReadOnlyList<string> addresses,
        int port,
        Func<string, int, T> bind,
        Action<string, Exception> onFailure,
        CancellationToken cancellationToken)
        where T : class
    {
        var attempts = addresses.Select(address => TryBindAsync(address, port, bind, onFailure, cancellationToken)).ToArray();
        var bound = await Task.WhenAll(attempts);
        return [.. bound.OfType<T>()];
    }

    /// <summary>Binds one address; null when it stays taken (or is no address) until the patience ends.</summary>
    public async Task<T?> TryBindAsync<T>(
        string address,
        int port,
        Func<string, int, T> bind,
        Action<string, Exception> onFailure,
        CancellationToken cancellationToken)
        where T : class
    {
        var start = time.GetTimestamp();
        var pause = FirstPause;
        while (true)
        {
            try
            {
                return bind(address, port);
            }
            catch (Exception e) when (e is SocketException or ArgumentException or FormatException)
            {
                if (time.GetElapsedTime(start) + pause > Patience)
                {
                    onFailure($"{address}:{port}", e);
                    return null;
                }
            }

            await Task.Delay(pause, time, cancellationToken);
            pause = TimeSpan.FromTicks(Math.Min(pause.Ticks * 3 / 2, LongestPause.Ticks));
        }
    }

    /// <summary>A listener of our own engine; connections queue from here on.</summary>
    public static SocketListener Listen(string address, int port)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(port, IPEndPoint.MaxPort);
        ArgumentOutOfRangeException.ThrowIfNegative(port);
        return new SocketListener(new IPEndPoint(Parse(address), port));
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

    /// <summary>One try. The empty address means all interfaces of both families.</summary>
    public static Socket Bind(string address, int port)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(port, IPEndPoint.MaxPort);
        ArgumentOutOfRangeException.ThrowIfNegative(port);
        var ip = Parse(address);
        var socket = new Socket(ip.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (ip.AddressFamily == AddressFamily.InterNetworkV6)
            {
                socket.DualMode = address.Length == 0;
            }

            // The runtime sets SO_REUSEADDR by itself: a port in TIME_WAIT is free. ReuseAddress here would add SO_REUSEPORT and share a port that is taken.
            socket.Bind(new IPEndPoint(ip, port));
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static IPAddress Parse(string address)
    {
        if (address.Length == 0)
        {
            return Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any;
        }

        if (address == "localhost")
        {
            return IPAddress.Loopback;
        }

        return IPAddress.Parse(address.TrimStart('[').TrimEnd(']'));
    }
}
