using FastSidecar.Transport.Http2;
using Microsoft.AspNetCore.Connections;

namespace FastSidecar.Api.Http;

/// <summary>The HTTP API over cleartext HTTP/2 with prior knowledge: the same handlers on streams of our engine.</summary>
internal sealed class Http2Api(IHttpHandler handler, Http2Options options, TimeProvider time) : IHttp2StreamHandler
{
    private readonly HttpDate _date = new(time);

    /// <summary>Serves a connection whose preface is still unread; completes when it has ended.</summary>
    public async Task ServeAsync(ConnectionContext connection)
    {
        await using var http2 = Http2Connection.StartServer(connection.Transport, options, this, time);
        await using var stopping = connection.Features.Get<Microsoft.AspNetCore.Connections.Features.IConnectionLifetimeNotificationFeature>()?
            .ConnectionClosedRequested.UnsafeRegister(static state => _ = ((Http2Connection)state!).DrainAsync(), http2) ?? default;
        await http2.Closed;
    }

    public void OnStream(Http2Stream stream) => Observe(HandleAsync(stream));

    /// <summary>HandleAsync answers for its own failures; what escapes it is a bug of ours.</summary>
    private static async void Observe(ValueTask handling) => await handling;

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

            await handler.HandleAsync(exchange);
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
            stream.Dispose();
        }
    }
}
