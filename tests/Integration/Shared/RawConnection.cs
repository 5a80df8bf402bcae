using System.Net;
using System.Net.Sockets;
using System.Text;
using FastSidecar.Tests.Shared;

namespace FastSidecar.Integration.Shared;

/// <summary>How a connection ended, seen from here.</summary>
internal enum PeerEnd
{
    /// <summary>FIN: the peer said all it had to say.</summary>
    Closed,

    /// <summary>RST.</summary>
    Reset,
}

/// <summary>A TCP connection on which exactly the given bytes are sent. Disposing closes it in order.</summary>
internal sealed class RawConnection : IDisposable
{
    private readonly Socket _socket;
    private readonly MemoryStream _received = new();
    private readonly byte[] _buffer = new byte[64 * 1024];

    public RawConnection(Socket socket)
    {
        _socket = socket;
        _socket.NoDelay = true;
    }

    /// <summary>What came and was not taken as an answer.</summary>
    public ReadOnlySpan<byte> Received => _received.GetBuffer().AsSpan(0, (int)_received.Length);

    /// <summary>Null while the peer has not ended the connection.</summary>
    public PeerEnd? End { get; private set; }

    public Socket Socket => _socket;

    public static async Task<RawConnection> ConnectAsync(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port)).Within($"a connection to port {port}");
        return new RawConnection(socket);
    }

    public Task SendAsync(string text) => SendAsync(Encoding.Latin1.GetBytes(text));

    /// <summary>False when the peer does not listen any more.</summary>
    public async Task<bool> SendAsync(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            while (!bytes.IsEmpty)
            {
                bytes = bytes[await _socket.SendAsync(bytes).AsTask().Within("room to send")..];
            }

            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>FIN: nothing more will be sent.</summary>
    public void FinishSending()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The peer was first, or the script that owns the connection.
        }
    }

    /// <summary>RST.</summary>
    public void Reset()
    {
        try
        {
            _socket.LingerState = new LingerOption(true, 0);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The peer was first, or the script that owns the connection.
        }

        _socket.Dispose();
    }

    /// <summary>One more read. False when the peer has ended the connection.</summary>
    public async Task<bool> ReceiveAsync()
    {
        if (End is not null)
        {
            return false;
        }

        try
        {
            var count = await _socket.ReceiveAsync(_buffer.AsMemory()).AsTask().Within("more bytes");
            _received.Write(_buffer, 0, count);
            End = count == 0 ? PeerEnd.Closed : null;
        }
        catch (TimeoutException)
        {
            const int Shown = 1000;
            throw new TimeoutException($"nothing came after {Received.Length} bytes, the last of which are\n{Encoding.Latin1.GetString(Received[Math.Max(0, Received.Length - Shown)..])}");
        }
        catch (SocketException)
        {
            End = PeerEnd.Reset;
        }

        return End is null;
    }

    /// <summary>The next whole response; null when the connection ended before there was one.</summary>
    public async Task<RawAnswer?> AnswerAsync(bool isHead = false)
    {
        while (true)
        {
            if (RawAnswer.TryParse(Received, End == PeerEnd.Closed, isHead) is { } answer)
            {
                Take(answer.Bytes);
                return answer;
            }

            if (!await ReceiveAsync())
            {
                return RawAnswer.TryParse(Received, End == PeerEnd.Closed, isHead);
            }
        }
    }

    /// <summary>Reads until the peer ends the connection.</summary>
    public async Task<PeerEnd> ToEndAsync()
    {
        while (await ReceiveAsync())
        {
        }

        return End!.Value;
    }

    /// <summary>Waits until so much has come. False when the connection ended before.</summary>
    public async Task<bool> ReceivedAsync(int bytes)
    {
        while (_received.Length < bytes)
        {
            if (!await ReceiveAsync())
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Waits for a text. False when the connection ended before it came.</summary>
    public async Task<bool> ReceivedAsync(string text)
    {
        while (Received.IndexOf(Encoding.Latin1.GetBytes(text)) < 0)
        {
            if (!await ReceiveAsync())
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Forgets the first bytes received.</summary>
    public void Take(int bytes)
    {
        var rest = Received[bytes..].ToArray();
        _received.SetLength(0);
        _received.Write(rest);
    }

    public void Dispose() => _socket.Dispose();
}
