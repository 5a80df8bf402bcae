using FastSidecar.Transport.Http2;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace FastSidecar.Api.Http;

/// <summary>
/// The HTTP API over cleartext HTTP/2, begun with prior knowledge or by <c>Upgrade: h2c</c>: the same handlers on streams of our engine.
/// </summary>
internal sealed partial class Http2Api(IHttpHandler handler, Http2Options options, ILogger log, TimeProvider time) : IHttp2StreamHandler
{
    private readonly HttpDate _date = new(time);

    /// <summary>
    /// Serves a connection whose preface is still unread, with the request that it was upgraded with, if any; completes when it has ended.
    /// </summary>
    public async Task ServeAsync(ConnectionContext connection)
    {
        await using var http2 = connection.Features.Get<UpgradedRequest>() is { } upgraded
            ? Http2Connection.StartUpgraded(connection.Transport, upgraded, options, this, time)
            : Http2Connection.StartServer(connection.Transport, options, this, time);
        await using var stopping = connection.Features.Get<Microsoft.AspNetCore.Connections.Features.IConnectionLifetimeNotificationFeature>()?
            .ConnectionClosedRequested.UnsafeRegister(static state => _ = ((Http2Connection)state!).DrainAsync(), http2) ?? default;
        await http2.Closed;
    }

    /// <summary>Handles the stream to its end. Nothing may escape from here: it would end the process.</summary>
    public async void OnStream(Http2Stream stream)
    {
        try
        {
            await HandleAsync(stream);
        }
        catch (Exception e)
        {
            Log.Unexpected(log, e);
        }
    }

    private async ValueTask HandleAsync(Http2Stream stream)
    {
        var exchange = new Http2Exchange(_date);
        try
        {
            if (!exchange.TryBegin(stream))
            {
                stream.Reset(Http2ErrorCode.ProtocolError);
                return;
            }

            await HandleAsync(exchange);
            if (exchange.HasStarted)
            {
                exchange.End();
            }
        }
        catch (IOException)
        {
            // The stream or its connection is gone; there is nobody to tell.
        }
        finally
        {
            exchange.Reset();
            stream.Dispose();
        }
    }

    private async ValueTask HandleAsync(Http2Exchange exchange)
    {
        try
        {
            await handler.HandleAsync(exchange);
        }
        catch (Exception e)
        {
            if (!handler.TryEnd(exchange, e))
            {
                throw;
            }
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Error, Message = "A request over HTTP/2 ended with an unexpected error and was aborted")]
        public static partial void Unexpected(ILogger logger, Exception exception);
    }
}
