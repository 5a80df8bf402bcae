using System.Net;
using System.Net.Sockets;
using System.Text;
using FastSidecar.Transport.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FastSidecar.Api.Http;

/// <summary>
/// One Kestrel server over sockets that are bound already: HTTP/1.1, and HTTP/2 by our own engine where a handler for it is given.
/// </summary>
internal sealed class HttpServer : IAsyncDisposable
{
    /// <summary>
    /// How long a connection may still complete the head of a request once the server stops; Kestrel itself closes those that have sent
    /// nothing. Go's Shutdown gives five seconds to a new connection and nothing to one that was used before (net/http server.go
    /// closeIdleConns); the whole grace period of a sidecar is five.
    /// </summary>
    private static readonly TimeSpan HeadPatience = TimeSpan.FromMilliseconds(500);

    private static readonly LengthEncoding Length = new();

    private static readonly HeaderEncoding ResponseFields = new();

    private readonly KestrelServer _server;
    private readonly KestrelApp _app;
    private readonly ConnectionSet _connections = new();
    private readonly TimeProvider _time;

    /// <param name="sockets">Bound, not yet listening; the server owns them.</param>
    /// <param name="handler">Handles every exchange.</param>
    /// <param name="http2">Takes connections that begin with the HTTP/2 preface; null leaves them to Kestrel, which refuses them.</param>
    /// <param name="loggers">Kestrel's own lines; below warning they are of no use to an operator of a sidecar.</param>
    /// <param name="time">Bounds the wait for requests that have only begun to come when the server stops.</param>
    public HttpServer(
        IReadOnlyList<Socket> sockets,
        IHttpHandler handler,
        ConnectionDelegate? http2,
        ILoggerFactory loggers,
        TimeProvider time)
    {
        _time = time;
        _app = new KestrelApp(handler);
        var options = new KestrelServerOptions { AddServerHeader = false, AllowHostHeaderOverride = true };
        ConfigureLimits(options.Limits);
        options.RequestHeaderEncodingSelector = static name => name == "Content-Length" ? Length : Encoding.Latin1;
        options.ResponseHeaderEncodingSelector = static _ => ResponseFields;
        var bound = new Dictionary<EndPoint, Socket>();
        foreach (var socket in sockets)
        {
            var endPoint = socket.LocalEndPoint!;
            bound.Add(endPoint, socket);
            options.Listen(endPoint, listen => Configure(listen, http2));
        }

        IConnectionListenerFactory transport = SocketEngine.UsesEventLoop ? new LoopTransport(bound, time) : RuntimeTransport(bound, loggers);
        _server = new KestrelServer(Options.Create(options), transport, loggers);
    }

    public Task StartAsync(CancellationToken cancellationToken) => _server.StartAsync(_app, cancellationToken);

    /// <summary>
    /// Stops listening, closes connections that carry no request and waits for requests under way until
    /// <paramref name="cancellationToken"/> ends the patience.
    /// </summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        var stopping = _server.StopAsync(cancellationToken);
        using var stopped = new CancellationTokenSource();
        if (await Task.WhenAny(stopping, Task.Delay(HeadPatience, _time, stopped.Token)) != stopping)
        {
            _connections.CloseIdle();
        }

        await stopped.CancelAsync();
        await stopping;
    }

    public ValueTask DisposeAsync()
    {
        _server.Dispose();
        return ValueTask.CompletedTask;
    }

    private static SocketTransportFactory RuntimeTransport(Dictionary<EndPoint, Socket> bound, ILoggerFactory loggers)
    {
        var options = new SocketTransportOptions
        {
            CreateBoundListenSocket = endPoint => bound[endPoint],
            // Everything runs where the bytes arrive: no queue between socket, parser and handler.
            UnsafePreferInlineScheduling = true,
            IOQueueCount = 0,
            NoDelay = true,
        };
        return new SocketTransportFactory(Options.Create(options), loggers);
    }

    private void Configure(ListenOptions listen, ConnectionDelegate? http2)
    {
        listen.Protocols = HttpProtocols.Http1;
        listen.Use(next => ProtocolSniffer.Split(_connections.Watch(next), http2, _time));
    }

    /// <summary>Dapr has no limit but the size of the head, which is counted by us (HttpApi), and ten seconds for it to arrive.</summary>
    private static void ConfigureLimits(KestrelServerLimits limits)
    {
        const int HeadBytesNeverReached = 2 * 1024 * 1024;
        limits.MaxRequestBodySize = null;
        limits.MinRequestBodyDataRate = null;
        limits.MinResponseDataRate = null;
        // Not infinite: Kestrel adds it to the clock, and the sum must not wrap.
        limits.KeepAliveTimeout = TimeSpan.FromDays(365);
        limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        limits.MaxRequestHeaderCount = 10_000;
        limits.MaxRequestHeadersTotalSize = HeadBytesNeverReached;
        limits.MaxRequestLineSize = HeadBytesNeverReached;
        limits.MaxRequestBufferSize = 2 * HeadBytesNeverReached;
    }
}
