using FastSidecar.Transport.Http2;
using FastSidecar.Transport.Sockets;
using Microsoft.Extensions.Logging;

namespace FastSidecar.Hosting;

/// <summary>A port on which our HTTP/2 engine serves alone, on sockets of our own: the internal port and the gRPC port.</summary>
internal sealed partial class Http2Listener(IHttp2StreamHandler handler, Http2Options options, TimeProvider time, ILogger log) : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly HashSet<Http2Connection> _connections = [];
    private readonly List<SocketListener> _listeners = [];
    private bool _draining;

    /// <summary>Starts to accept on a bound listener, which belongs to this object from here on.</summary>
    public void Start(SocketListener listener)
    {
        _listeners.Add(listener);
        listener.Start(Accept, e => Log.AcceptFailed(log, listener.LocalEndPoint, e.Message));
    }

    /// <summary>Stops accepting, lets calls under way finish and closes the connections (grpc-go's GracefulStop). No limit of its own.</summary>
    public async Task DrainAsync()
    {
        foreach (var listener in _listeners)
        {
            await listener.DisposeAsync();
        }

        // Outside of the lock: a connection that ends at once takes itself off the set.
        await Task.WhenAll(StopAccepting().Select(static connection => connection.DrainAsync()));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var listener in _listeners)
        {
            await listener.DisposeAsync();
        }

        foreach (var connection in StopAccepting())
        {
            await connection.DisposeAsync();
        }
    }

    /// <summary>The connections that are open; later ones are drained as they come.</summary>
    private Http2Connection[] StopAccepting()
    {
        lock (_lock)
        {
            _draining = true;
            return [.. _connections];
        }
    }

    private void Accept(SocketConnection socket)
    {
        var connection = Http2Connection.StartServer(socket, options, handler, time);
        bool draining;
        lock (_lock)
        {
            _connections.Add(connection);
            draining = _draining;
        }

        Observe(connection, socket);
        if (draining)
        {
            // Accepted while the listener was closing; Observe sees its end.
            _ = connection.DrainAsync();
        }
    }

    /// <summary>Forgets a connection when it has ended. Closed never faults.</summary>
    private async void Observe(Http2Connection connection, SocketConnection socket)
    {
        await connection.Closed;
        lock (_lock)
        {
            _connections.Remove(connection);
        }

        await connection.DisposeAsync();
        await socket.DisposeAsync();
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "A connection to {EndPoint} could not be accepted: {Reason}")]
        public static partial void AcceptFailed(ILogger logger, System.Net.EndPoint endPoint, string reason);
    }
}
