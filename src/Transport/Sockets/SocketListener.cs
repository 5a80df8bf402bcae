using System.Net;
using System.Net.Sockets;
using FastSidecar.Transport.Sockets.Loop;

namespace FastSidecar.Transport.Sockets;

/// <summary>Accepts TCP (or Unix domain socket) connections and hands each to a callback. Bound on construction, accepting after <see cref="Start"/>.</summary>
public sealed class SocketListener : IAsyncDisposable
{
    // What the kernel queues before it refuses; it cuts the number to its own net.core.somaxconn.
    private const int Backlog = 4096;

    // Out of file descriptors or memory: connections wait in the kernel's queue meanwhile.
    private static readonly TimeSpan ErrorPause = TimeSpan.FromMilliseconds(100);

    private readonly Socket _socket;
    private readonly LoopAccept? _accepts;
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
        var socket = endPoint is UnixDomainSocketEndPoint
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (endPoint is IPEndPoint { Address: var address } && address.Equals(IPAddress.IPv6Any))
            {
                socket.DualMode = true;
            }

            socket.Bind(endPoint);
            socket.Listen(Backlog);
            LocalEndPoint = socket.LocalEndPoint ?? endPoint;
        }
        catch
        {
            socket.Dispose();
            throw;
        }

        _socket = socket;
        _accepts = CreateAccepts(socket);
    }

    /// <summary>Listens on a socket that is bound already, which belongs to the listener from here on.</summary>
    public SocketListener(Socket bound, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(bound);
        _time = time;
        _socket = bound;
        _socket.Listen(Backlog);
        LocalEndPoint = bound.LocalEndPoint!;
        _accepts = CreateAccepts(bound);
    }

    public EndPoint LocalEndPoint { get; }

    /// <summary>Starts the accept loop. <paramref name="onConnection"/> owns the connection; it must return soon and never block.</summary>
    /// <param name="onConnection">Owns the connection; must return soon and never block. When it throws, the connection is reset and accepting goes on.</param>
    /// <param name="onError">Hears of failed accepts (out of file descriptors, …) and of what <paramref name="onConnection"/> threw. Accepting goes on.</param>
    public void Start(Action<SocketConnection> onConnection, Action<Exception>? onError = null)
    {
        ArgumentNullException.ThrowIfNull(onConnection);
        if (!_loop.IsCompleted)
        {
            throw new InvalidOperationException("the listener was started already");
        }

        _loop = AcceptAsync(onConnection, onError);
    }

    /// <summary>Stops accepting; accepted connections live on.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_stop.IsCancellationRequested)
        {
            return;
        }

        await _stop.CancelAsync();
        _accepts?.Abort();
        _socket.Dispose();
        await _loop;
        _stop.Dispose();
    }

    private async Task AcceptAsync(Action<SocketConnection> onConnection, Action<Exception>? onError)
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var socket = _accepts is null ? await _socket.AcceptAsync(_stop.Token) : await _accepts.AcceptAsync();
                Hand(socket, onConnection, onError);
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

    private static LoopAccept? CreateAccepts(Socket socket)
    {
        if (!SocketEngine.UsesEventLoop)
        {
            return null;
        }

        socket.Blocking = false;
        return new LoopAccept(EventLoop.Shared, socket.SafeHandle);
    }

    private static void Hand(Socket socket, Action<SocketConnection> onConnection, Action<Exception>? onError)
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

        SocketConnection? connection = null;
        try
        {
            connection = new SocketConnection(socket);
            onConnection(connection);
        }
        catch (Exception e) when (onError is not null)
        {
            connection?.Abort(reset: true);
            socket.Dispose();
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
