using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace FastSidecar.Commands;

/// <summary>
/// One small request to a sidecar on this machine, a connection each: for the commands that ask a few times and must not bring an HTTP
/// client into the binary.
/// </summary>
internal static class LocalHttp
{
    /// <summary>A status line is short; what follows it is not read.</summary>
    private const int MaxStatusLineBytes = 512;

    /// <summary>The status of the answer. Throws SocketException or IOException when there is none.</summary>
    public static async Task<int> SendAsync(
        Func<CancellationToken, ValueTask<Socket>> connect,
        string method,
        string path,
        string body,
        string apiToken,
        CancellationToken cancellationToken)
    {
        using var socket = await connect(cancellationToken);
        var length = Encoding.UTF8.GetByteCount(body);
        var token = apiToken.Length > 0 ? $"dapr-api-token: {apiToken}\r\n" : "";
        var request = $"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{token}Content-Length: {length}\r\n\r\n{body}";
        await using var stream = new NetworkStream(socket, ownsSocket: false);
        await stream.WriteAsync(Encoding.UTF8.GetBytes(request), cancellationToken);
        return await ReadStatusAsync(stream, cancellationToken);
    }

    /// <summary>Connects to <paramref name="port"/> of this machine, whichever of its loopback addresses answers.</summary>
    public static async ValueTask<Socket> ConnectAsync(string host, int port, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(host, port, cancellationToken);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public static async ValueTask<Socket> ConnectAsync(string socketPath, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), cancellationToken);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static async Task<int> ReadStatusAsync(NetworkStream stream, CancellationToken cancellationToken)
    {
        var buffer = new byte[MaxStatusLineBytes];
        var count = 0;
        while (count < buffer.Length && !buffer.AsSpan(0, count).Contains((byte)'\n'))
        {
            var read = await stream.ReadAsync(buffer.AsMemory(count), cancellationToken);
            if (read == 0)
            {
                throw new IOException("EOF");
            }

            count += read;
        }

        // HTTP/1.1 204 No Content
        var line = Encoding.ASCII.GetString(buffer, 0, count);
        return line.Length >= 12 && line.StartsWith("HTTP/1.", StringComparison.Ordinal)
            && int.TryParse(line.AsSpan(9, 3), NumberStyles.None, CultureInfo.InvariantCulture, out var status)
            ? status
            : throw new IOException("malformed HTTP response");
    }
}
