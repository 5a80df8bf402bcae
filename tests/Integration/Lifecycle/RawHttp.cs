using System.Net;
using System.Net.Sockets;
using System.Text;
using FastSidecar.Tests.Shared;

namespace FastSidecar.Integration.Lifecycle;

/// <summary>A TCP connection to 127.0.0.1 on which a test says exactly what it means to say.</summary>
internal sealed class RawHttp : IDisposable
{
    private readonly Socket _socket;

    private RawHttp(Socket socket) => _socket = socket;

    public static async Task<RawHttp> ConnectAsync(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, port).Within("a connection");
        return new RawHttp(socket);
    }

    /// <summary>Null when nobody listens on the port.</summary>
    public static async Task<RawHttp?> TryConnectAsync(int port)
    {
        try
        {
            return await ConnectAsync(port);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            return null;
        }
    }

    public static async Task<bool> IsOpenAsync(int port)
    {
        using var connection = await TryConnectAsync(port);
        return connection is not null;
    }

    /// <summary>GET or POST on a connection of its own: status and body; 0 when the port is closed.</summary>
    public static async Task<(int Status, string Text)> CallAsync(int port, string path, string verb = "GET", string headers = "")
    {
        using var connection = await TryConnectAsync(port);
        if (connection is null)
        {
            return (0, "");
        }

        await connection.SendAsync($"{verb} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
        var text = await connection.ReadToEndAsync();
        return (text.Length > 12 ? int.Parse(text.AsSpan(9, 3), System.Globalization.CultureInfo.InvariantCulture) : -1, text);
    }

    public async Task SendAsync(string text) => await _socket.SendAsync(Encoding.Latin1.GetBytes(text));

    public async Task SendAsync(byte[] bytes) => await _socket.SendAsync(bytes);

    /// <summary>What comes until <paramref name="marker"/> has come.</summary>
    public Task<string> ReadUntilAsync(string marker) => ReadAsync(text => text.Contains(marker, StringComparison.Ordinal)).Within($"{marker} in an answer");

    /// <summary>What comes until the other side closes or resets.</summary>
    public Task<string> ReadToEndAsync() => ReadAsync(static _ => false).Within("end of a connection");

    public void Dispose() => _socket.Dispose();

    private async Task<string> ReadAsync(Func<string, bool> isEnough)
    {
        var text = new StringBuilder();
        var buffer = new byte[4096];
        try
        {
            while (!isEnough(text.ToString()) && await _socket.ReceiveAsync(buffer) is > 0 and var length)
            {
                text.Append(Encoding.Latin1.GetString(buffer, 0, length));
            }
        }
        catch (SocketException)
        {
            text.Append("<reset>");
        }

        return text.ToString();
    }
}
