using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using FastSidecar.Tests.Shared;

namespace FastSidecar.Integration.Shared;

/// <summary>A TCP server whose every connection is played by a script: an app or a peer that does what no proper one would.</summary>
internal sealed class ScriptedServer : IAsyncDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly ConcurrentDictionary<RawConnection, Task> _connections = [];
    private readonly Task _accepting;
    private Func<RawConnection, Task> _script;

    /// <param name="script">Plays one connection; it is closed in order when the script ends, unless the script did otherwise.</param>
    /// <param name="port">0 takes a free one.</param>
    public ScriptedServer(Func<RawConnection, Task> script, int port = 0)
    {
        _script = script;
        Port = port == 0 ? FreePorts.Next() : port;
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, Port));
        _listener.Listen(1024);
        _accepting = AcceptAsync();
    }

    public int Port { get; }


    /// <summary>Connections that are open.</summary>
    public int Playing => _connections.Count;

    /// <summary>Ends what connections there are, in order, and waits until the other side has let go of them; those to come are played by another script.</summary>
    public async Task PlayAsync(Func<RawConnection, Task> script)
    {
        _script = script;
        foreach (var connection in _connections.Keys)
        {
            connection.FinishSending();
        }

        await Eventually.TrueAsync(() => _connections.IsEmpty, () => "the other side keeps connections that were ended");
    }

    /// <summary>Reads one request with its body: a Content-Length or chunks. False when the connection ends before.</summary>
    public static async Task<bool> ReadRequestAsync(RawConnection connection)
    {
        if (!await connection.ReceivedAsync("\r\n\r\n"))
        {
            return false;
        }

        var head = System.Text.Encoding.Latin1.GetString(connection.Received);
        var bodyAt = head.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4;
        if (head.Contains("chunked", StringComparison.OrdinalIgnoreCase))
        {
            if (!await connection.ReceivedAsync("0\r\n\r\n"))
            {
                return false;
            }

            connection.Take(connection.Received.Length);
            return true;
        }

        var at = head.IndexOf("content-length:", StringComparison.OrdinalIgnoreCase);
        var length = at < 0 ? 0 : int.Parse(head.AsSpan(at + 15, head.IndexOf("\r\n", at, StringComparison.Ordinal) - at - 15), System.Globalization.CultureInfo.InvariantCulture);
        if (!await connection.ReceivedAsync(bodyAt + length))
        {
            return false;
        }

        connection.Take(bodyAt + length);
        return true;
    }

    /// <summary>Answers every request of a connection with the same bytes.</summary>
    public static Func<RawConnection, Task> Answering(string answer) => async connection =>
    {
        while (await ReadRequestAsync(connection) && await connection.SendAsync(System.Text.Encoding.Latin1.GetBytes(answer)))
        {
        }
    };

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        await _accepting;
        foreach (var connection in _connections.Keys)
        {
            connection.Reset();
        }

        await Task.WhenAll(_connections.Values).Within("the end of the scripts");
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

            var connection = new RawConnection(socket);
            var played = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _connections[connection] = played.Task;
            _ = PlayAsync(connection, played);
        }
    }

    private async Task PlayAsync(RawConnection connection, TaskCompletionSource played)
    {
        try
        {
            await _script(connection);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or TimeoutException)
        {
            // The script ended the connection itself, or waited for what the test did not make happen: the test says so.
        }
        finally
        {
            connection.Dispose();
            _connections.TryRemove(connection, out _);
            played.SetResult();
        }
    }
}
