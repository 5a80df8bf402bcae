using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Invocation.Proxy;
using FastSidecar.Transport.Channels;
using FastSidecar.Transport.Grpc;

namespace FastSidecar.Targets.Apps;

/// <summary>
/// Our own app as the target of proxied gRPC calls. Dapr does not ask which protocol the app is said to speak: the call is dialled as gRPC.
/// Neither the app's concurrency limit nor its health apply (dapr pkg/messaging/grpc_proxy.go, pkg/api/grpc/manager/manager.go v1.18.3).
/// </summary>
internal sealed class AppProxyTarget : ITarget
{
    /// <summary>A sidecar without app dials port 0, which nobody listens on.</summary>
    private static readonly InvokeError NoApp = ErrorTable.PeerStatus(
        GrpcStatusCode.Unavailable, "connection error: desc = \"transport: Error while dialing: dial tcp 127.0.0.1:0: connect: connection refused\"");

    private readonly ProxyClient? _client;
    private readonly byte[] _apiToken;

    /// <param name="channels">Connections to the app; null without an app.</param>
    /// <param name="address">The app's host:port.</param>
    /// <param name="tls">The app is called over TLS.</param>
    /// <param name="apiToken">What the app wants to be shown (APP_API_TOKEN); empty for nothing.</param>
    /// <param name="maxMessageBytes">Limit of one message.</param>
    /// <param name="time">The program's clock.</param>
    /// <param name="observer">Hears of each call's end.</param>
    public AppProxyTarget(
        ChannelSource? channels, string address, bool tls, string apiToken, int maxMessageBytes, TimeProvider time, InvocationObserver observer)
    {
        _apiToken = Encoding.Latin1.GetBytes(apiToken);
        _client = channels is null
            ? null
            : new ProxyClient(channels.OpenStreamAsync, address, tls, isPeer: false, new ProxyCallPool(maxMessageBytes), time, observer);
    }

    /// <inheritdoc/>
    public ValueTask<InvokeResult> InvokeAsync(InvokeRequest request, CancellationToken cancellationToken)
    {
        if (_client is null)
        {
            return ValueTask.FromResult<InvokeResult>(NoApp);
        }

        // One that a client sent was for a sidecar, and is never for the app.
        request.Metadata.Remove(HeaderNames.DaprApiToken);
        if (_apiToken.Length > 0)
        {
            request.Metadata.Add(HeaderNames.DaprApiToken, _apiToken);
        }

        return _client.InvokeAsync(request, cancellationToken);
    }
}
