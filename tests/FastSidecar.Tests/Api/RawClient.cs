using System.Net;
using System.Net.Sockets;
using System.Text;
using FastSidecar.Tests.Shared;

namespace FastSidecar.Tests.Api;

/// <summary>A client that sends and shows bytes as they are.</summary>
internal sealed class RawClient : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly StringBuilder _received = new();
    private readonly byte[] _buffer = new byte[64 * 1024];

    /// <summary>The connection ended with a reset.</summary>
    public bool WasReset { get; private set; }

    public static async Task<RawClient> ConnectAsync(int port)
    {
        var client = new RawClient();
        await client._socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port)).Within("a connection");
        return client;
    }

    public Task SendAsync(string text) => _socket.SendAsync(Encoding.Latin1.GetBytes(text)).Within("room to send");

    /// <summary>Sends to a server that may have closed the connection.</summary>
    public async Task TrySendAsync(string text)
    {
        try
        {
            await SendAsync(text);
        }
        catch (SocketException)
        {
            WasReset = true;
        }
    }

    /// <summary>FIN: nothing more will be sent.</summary>
    public void FinishSending() => _socket.Shutdown(SocketShutdown.Send);

    /// <summary>Everything up to and with <paramref name="text"/>; the rest is kept for the next call.</summary>
    public async Task<string> ReadUntilAsync(string text)
    {
        while (true)
        {
            var received = _received.ToString();
            var at = received.IndexOf(text, StringComparison.Ordinal);
            if (at >= 0)
            {
                _received.Remove(0, at + text.Length);
                return received[..(at + text.Length)];
            }

            if (!await ReceiveAsync($"'{text}' after '{received}'"))
            {
                throw new EndOfStreamException($"the connection ended without '{text}' after '{received}'");
            }
        }
    }

    /// <summary>What comes until the server ends the connection, in order or by a reset.</summary>
    public async Task<string> ReadToEndAsync()
    {
        while (await ReceiveAsync($"the end after '{_received}'"))
        {
        }

        return _received.ToString();
    }

    public void Dispose() => _socket.Dispose();

    private async Task<bool> ReceiveAsync(string what)
    {
        try
        {
            var count = await _socket.ReceiveAsync(_buffer).Within(what);
            _received.Append(Encoding.Latin1.GetString(_buffer, 0, count));
            return count > 0;
        }
        catch (SocketException)
        {
            WasReset = true;
            return false;
        }
    }
}
