using System.Net;
using System.Net.Sockets;
using System.Text;

namespace FastSidecar.Transport.Tests.Http1;

/// <summary>A TCP server that runs a script per connection. A script's failure fails the test when the server is disposed.</summary>
internal sealed class RawServer : IAsyncDisposable
{
    private readonly Socket _listener;
    private readonly Func<RawPeer, Task> _script;
    private readonly List<RawPeer> _peers = [];
    private readonly List<Task> _scripts = [];
    private readonly Task _loop;
    private int _accepted;

    public RawServer(Func<RawPeer, Task> script)
    {
        _script = script;
        _listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(100);
        EndPoint = (IPEndPoint)_listener.LocalEndPoint!;
        _loop = AcceptAsync();
    }

    public IPEndPoint EndPoint { get; }

    public int Accepted => Volatile.Read(ref _accepted);

    /// <summary>Answers every request with the same bytes and keeps the connection.</summary>
    public static RawServer Answering(string answer) => new(async peer =>
    {
        while (await peer.ReadRequestAsync() is not null)
        {
            await peer.SendAsync(answer);
        }
    });

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        await _loop;
        Task[] scripts;
        lock (_peers)
        {
            _peers.ForEach(p => p.Socket.Dispose());
            scripts = [.. _scripts];
        }

        foreach (var script in scripts)
        {
            try
            {
                await script;
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // The connection was closed under the script, by the client or by this method.
            }
        }
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            Socket socket;
            try
            {
                socket = await _listener.AcceptAsync();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }

            socket.NoDelay = true;
            lock (_peers)
            {
                var peer = new RawPeer(socket, Interlocked.Increment(ref _accepted));
                _peers.Add(peer);
                _scripts.Add(Task.Run(() => _script(peer)));
            }
        }
    }
}

/// <summary>The server's end of one connection.</summary>
internal sealed class RawPeer(Socket socket, int number)
{
    private byte[] _buffer = [];

    public Socket Socket { get; } = socket;

    /// <summary>1 for the first connection.</summary>
    public int Number { get; } = number;

    public async Task SendAsync(string latin1)
    {
        ReadOnlyMemory<byte> bytes = Encoding.Latin1.GetBytes(latin1);
        while (bytes.Length > 0)
        {
            bytes = bytes[await Socket.SendAsync(bytes)..];
        }
    }

    public void CloseWithFin() => Socket.Dispose();

    public void HalfClose() => Socket.Shutdown(SocketShutdown.Send);

    public void Reset()
    {
        Socket.LingerState = new LingerOption(true, 0);
        Socket.Dispose();
    }

    /// <summary>The bytes of one receive, or none at the end.</summary>
    public async Task<byte[]> ReceiveAsync()
    {
        if (_buffer.Length > 0)
        {
            var held = _buffer;
            _buffer = [];
            return held;
        }

        var bytes = new byte[256 * 1024];
        var count = await Socket.ReceiveAsync(bytes);
        return bytes[..count];
    }

    /// <summary>Head including the blank line; null when the client closed before one.</summary>
    public async Task<string?> ReadHeadAsync()
    {
        var all = new List<byte>();
        while (true)
        {
            var end = IndexOfHeadEnd(all);
            if (end >= 0)
            {
                _buffer = [.. all[end..], .. _buffer];
                return Encoding.Latin1.GetString([.. all[..end]]);
            }

            var bytes = await ReceiveAsync();
            if (bytes.Length == 0)
            {
                return null;
            }

            all.AddRange(bytes);
        }
    }

    /// <summary>Head and raw body (chunked framing included) of one request; null at the end.</summary>
    public async Task<RawRequest?> ReadRequestAsync()
    {
        var head = await ReadHeadAsync();
        if (head is null)
        {
            return null;
        }

        var length = head.Split("\r\n").FirstOrDefault(l => l.StartsWith("Content-Length: ", StringComparison.OrdinalIgnoreCase));
        if (length is not null)
        {
            return new RawRequest(head, await ReadExactlyAsync(int.Parse(length[16..])));
        }

        return new RawRequest(head, head.Contains("Transfer-Encoding: chunked") ? await ReadUntilAsync("0\r\n\r\n") : "");
    }

    public async Task<string> ReadExactlyAsync(int count)
    {
        var text = new StringBuilder();
        while (text.Length < count)
        {
            var bytes = await ReceiveAsync();
            if (bytes.Length == 0)
            {
                throw new IOException($"the client closed after {text.Length} of {count} bytes");
            }

            var take = Math.Min(bytes.Length, count - text.Length);
            text.Append(Encoding.Latin1.GetString(bytes, 0, take));
            _buffer = bytes[take..];
        }

        return text.ToString();
    }

    public async Task<string> ReadUntilAsync(string end)
    {
        var text = "";
        while (!text.Contains(end))
        {
            var bytes = await ReceiveAsync();
            if (bytes.Length == 0)
            {
                throw new IOException($"the client closed after {text}");
            }

            text += Encoding.Latin1.GetString(bytes);
        }

        return text;
    }

    private static int IndexOfHeadEnd(List<byte> bytes)
    {
        for (var i = 3; i < bytes.Count; i++)
        {
            if (bytes[i] == '\n' && bytes[i - 1] == '\r' && bytes[i - 2] == '\n')
            {
                return i + 1;
            }
        }

        return -1;
    }
}

internal sealed record RawRequest(string Head, string Body);
