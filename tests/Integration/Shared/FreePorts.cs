using System.Net;
using System.Net.Sockets;

namespace FastSidecar.Integration.Shared;

/// <summary>
/// Ports that nobody listens on. Taken below the range from which the kernel gives ports to outgoing connections, so that none of the thousands that tests open takes
/// one between the look and the listening.
/// </summary>
internal static class FreePorts
{
    private const int First = 15_000;
    private const int End = 32_000;

    // Runs at the same time start elsewhere.
    private static int _next = First + ((Environment.ProcessId * 61) % (End - First));

    public static int Next()
    {
        for (var i = First; i < End; i++)
        {
            var port = First + (Interlocked.Increment(ref _next) % (End - First));
            if (IsFree(port))
            {
                return port;
            }
        }

        throw new InvalidOperationException($"no free port between {First} and {End}");
    }

    private static bool IsFree(int port)
    {
        using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            // Any: the internal port of a sidecar listens on all addresses.
            probe.Bind(new IPEndPoint(IPAddress.Any, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
