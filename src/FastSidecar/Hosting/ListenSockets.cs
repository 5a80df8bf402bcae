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

    /// <summary>Binds as many of the addresses as can be bound, side by side. <paramref name="onFailure"/> hears of each that cannot.</summary>
    public async Task<List<Socket>> BindAllAsync(
        IReadOnlyList<string> addresses,
        int port,
        Action<string, Exception> onFailure,
        CancellationToken cancellationToken)
    {
        var attempts = addresses.Select(address => TryBindAsync(address, port, onFailure, cancellationToken)).ToArray();
        var sockets = await Task.WhenAll(attempts);
        return [.. sockets.OfType<Socket>()];
    }

    /// <summary>Binds one address; null when it stays taken (or is no address) until the patience ends.</summary>
    public async Task<Socket?> TryBindAsync(string address, int port, Action<string, Exception> onFailure, CancellationToken cancellationToken)
    {
        var start = time.GetTimestamp();
        var pause = FirstPause;
        while (true)
        {
            try
            {
                return Bind(address, port);
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
