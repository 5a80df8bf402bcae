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
    private static readonly LengthEncoding Length = new();

    private readonly KestrelServer _server;
    private readonly KestrelApp _app;

    /// <param name="sockets">Bound, not yet listening; the server owns them.</param>
    /// <param name="handler">Handles every exchange.</param>
    /// <param name="http2">Takes connections that begin with the HTTP/2 preface; null leaves them to Kestrel, which refuses them.</param>
    /// <param name="loggers">Kestrel's own lines; below warning they are of no use to an operator of a sidecar.</param>
    public HttpServer(IReadOnlyList<Socket> sockets, IHttpHandler handler, ConnectionDelegate? http2, ILoggerFactory loggers)
    {
        _app = new KestrelApp(handler);
        var options = new KestrelServerOptions { AddServerHeader = false, AllowHostHeaderOverride = true };
        ConfigureLimits(options.Limits);
        options.RequestHeaderEncodingSelector = static name => name == "Content-Length" ? Length : Encoding.Latin1;
        options.ResponseHeaderEncodingSelector = static _ => Encoding.Latin1;
        var bound = new Dictionary<EndPoint, Socket>();
        foreach (var socket in sockets)
        {
            var endPoint = socket.LocalEndPoint!;
            bound.Add(endPoint, socket);
            options.Listen(endPoint, listen => Configure(listen, http2));
        }

        IConnectionListenerFactory transport = SocketEngine.UsesEventLoop ? new LoopTransport(bound, TimeProvider.System) : RuntimeTransport(bound, loggers);
        _server = new KestrelServer(Options.Create(options), transport, loggers);
    }

    public Task StartAsync(CancellationToken cancellationToken) => _server.StartAsync(_app, cancellationToken);

    /// <summary>Stops listening and waits for requests under way until <paramref name="cancellationToken"/> ends the patience.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => _server.StopAsync(cancellationToken);

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

    private static void Configure(ListenOptions listen, ConnectionDelegate? http2)
    {
        listen.Protocols = HttpProtocols.Http1;
        if (http2 is not null)
        {
            listen.Use(next => ProtocolSniffer.Split(next, http2));
        }
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
