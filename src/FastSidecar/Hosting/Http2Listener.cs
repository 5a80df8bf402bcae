using FastSidecar.Transport.Http2;
using FastSidecar.Transport.Sockets;

namespace FastSidecar.Hosting;

/// <summary>A port on which our HTTP/2 engine serves alone, on sockets of our own: the internal port and the gRPC port.</summary>
internal sealed class Http2Listener : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly HashSet<Http2Connection> _connections = [];
    private readonly List<SocketListener> _listeners = [];
    private readonly IHttp2StreamHandler _handler;
    private readonly Http2Options _options;
    private readonly TimeProvider _time;
    private bool _draining;

    public Http2Listener(IHttp2StreamHandler handler, Http2Options options, TimeProvider time)
    {
        _handler = handler;
        _options = options;
        _time = time;
    }

    /// <summary>Starts to accept on a bound listener, which belongs to this object from here on.</summary>
    public void Start(SocketListener listener)
    {
        _listeners.Add(listener);
        listener.Start(Accept);
    }

    /// <summary>Stops accepting, lets calls under way finish and closes the connections (grpc-go's GracefulStop). No limit of its own.</summary>
    public async Task DrainAsync()
    {
        foreach (var listener in _listeners)
        {
            await listener.DisposeAsync();
        }

        Task[] draining;
        lock (_lock)
        {
            _draining = true;
            draining = [.. _connections.Select(static connection => connection.DrainAsync())];
        }

        await Task.WhenAll(draining);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var listener in _listeners)
        {
            await listener.DisposeAsync();
        }

        Http2Connection[] connections;
        lock (_lock)
        {
            connections = [.. _connections];
        }

        foreach (var connection in connections)
        {
            await connection.DisposeAsync();
        }
    }

    private void Accept(SocketConnection socket)
    {
        var connection = Http2Connection.StartServer(socket, _options, _handler, _time);
        bool draining;
        lock (_lock)
        {
            _connections.Add(connection);
            draining = _draining;
        }

        Observe(connection, socket);
        if (draining)
        {
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
}
