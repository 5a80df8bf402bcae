using System.Net;
using System.Net.Sockets;

namespace FastSidecar.Transport.Sockets;

/// <summary>Accepts TCP (or Unix domain socket) connections and hands each to a callback. Bound on construction, accepting after <see cref="Start"/>.</summary>
public sealed class SocketListener : IAsyncDisposable
{
    // What the kernel queues before it refuses; it cuts the number to its own net.core.somaxconn.
    private const int Backlog = 4096;

    // Out of file descriptors or memory: connections wait in the kernel's queue meanwhile.
    private static readonly TimeSpan ErrorPause = TimeSpan.FromMilliseconds(100);

    private readonly Socket _socket;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private Task _loop = Task.CompletedTask;

    /// <summary>Binds and listens: connections queue in the kernel from here on. Throws SocketException when the address is taken.</summary>
    public SocketListener(EndPoint endPoint)
        : this(endPoint, TimeProvider.System)
    {
    }

    /// <inheritdoc cref="SocketListener(EndPoint)"/>
    public SocketListener(EndPoint endPoint, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        _time = time;
        _socket = endPoint is UnixDomainSocketEndPoint
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (endPoint is IPEndPoint { Address: var address } && address.Equals(IPAddress.IPv6Any))
            {
                _socket.DualMode = true;
            }

            _socket.Bind(endPoint);
            _socket.Listen(Backlog);
            LocalEndPoint = _socket.LocalEndPoint ?? endPoint;
        }
        catch
        {
            _socket.Dispose();
            throw;
        }
    }

    public EndPoint LocalEndPoint { get; }

    /// <summary>Starts the accept loop. <paramref name="onConnection"/> owns the connection; it must return soon and never block.</summary>
    /// <param name="onConnection">Owns the connection; must return soon and never block. When it throws, the connection is reset and accepting goes on.</param>
    /// <param name="onError">Hears of failed accepts (out of file descriptors, …) and of what <paramref name="onConnection"/> threw. Accepting goes on.</param>
    /// <param name="idleWithoutBuffer">See <see cref="SocketConnection(Socket, bool)"/>.</param>
    public void Start(Action<SocketConnection> onConnection, Action<Exception>? onError = null, bool idleWithoutBuffer = false)
    {
        ArgumentNullException.ThrowIfNull(onConnection);
        if (!_loop.IsCompleted)
        {
            throw new InvalidOperationException("the listener was started already");
        }

        _loop = AcceptAsync(onConnection, onError, idleWithoutBuffer);
    }

    /// <summary>Stops accepting; accepted connections live on.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_stop.IsCancellationRequested)
        {
            return;
        }

        await _stop.CancelAsync();
        _socket.Dispose();
        await _loop;
        _stop.Dispose();
    }

    private async Task AcceptAsync(Action<SocketConnection> onConnection, Action<Exception>? onError, bool idleWithoutBuffer)
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                Hand(await _socket.AcceptAsync(_stop.Token), onConnection, onError, idleWithoutBuffer);
            }
            catch (Exception e) when (_stop.IsCancellationRequested && e is OperationCanceledException or ObjectDisposedException or SocketException)
            {
                return;
            }
            catch (SocketException e)
            {
                onError?.Invoke(e);
                if (e.SocketErrorCode is not (SocketError.ConnectionAborted or SocketError.ConnectionReset))
                {
                    await PauseAsync();
                }
            }
        }
    }

    private static void Hand(Socket socket, Action<SocketConnection> onConnection, Action<Exception>? onError, bool idleWithoutBuffer)
    {
        try
        {
            if (socket.AddressFamily != AddressFamily.Unix)
            {
                socket.NoDelay = true;
            }
        }
        catch (SocketException)
        {
            // Gone between accept and here: its first read will say so.
        }

        var connection = new SocketConnection(socket, idleWithoutBuffer);
        try
        {
            onConnection(connection);
        }
        catch (Exception e) when (onError is not null)
        {
            connection.Abort(reset: true);
            onError(e);
        }
    }

    private async Task PauseAsync()
    {
        try
        {
            await Task.Delay(ErrorPause, _time, _stop.Token);
        }
        catch (OperationCanceledException)
        {
            // The loop sees it.
        }
    }
}
