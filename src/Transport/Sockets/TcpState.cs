using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace FastSidecar.Transport.Sockets;

/// <summary>What Linux tells of a connection (struct tcp_info, include/uapi/linux/tcp.h).</summary>
/// <param name="IsClosed">Both ends have said their last: a reset came, or both FINs.</param>
/// <param name="AcknowledgedBytes">So many of our bytes has the peer's kernel taken.</param>
internal readonly record struct TcpState(bool IsClosed, long AcknowledgedBytes)
{
    private const int TcpLevel = 6; // IPPROTO_TCP
    private const int InfoOption = 11; // TCP_INFO
    private const byte ClosedState = 7; // TCP_CLOSE
    private const int StateAt = 0; // __u8 tcpi_state
    private const int AcknowledgedAt = 120; // __u64 tcpi_bytes_acked, since Linux 4.1

    // The SYN has a place in the sequence and is counted.
    private const int SynBytes = 1;

    /// <summary>False when the socket is none of TCP, was closed here, or the kernel is too old.</summary>
    public static bool TryRead(Socket socket, out TcpState state)
    {
        Span<byte> info = stackalloc byte[AcknowledgedAt + sizeof(ulong)];
        try
        {
            if (socket.GetRawSocketOption(TcpLevel, InfoOption, info) == info.Length)
            {
                var acknowledged = MemoryMarshal.Read<long>(info[AcknowledgedAt..]);
                state = new TcpState(info[StateAt] == ClosedState, acknowledged - SynBytes);
                return true;
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The answer is that nobody knows.
        }

        state = default;
        return false;
    }
}
