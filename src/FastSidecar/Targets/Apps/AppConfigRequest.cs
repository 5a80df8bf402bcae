using System.Text;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Http1;

namespace FastSidecar.Targets.Apps;

/// <summary>
/// The <c>GET /dapr/config</c> that Dapr sends an HTTP app once, when it is up (dapr pkg/channel/http/http_channel.go v1.18.3). Apps count
/// on being asked; what they answer concerns actors only and is read and dropped.
/// </summary>
internal static class AppConfigRequest
{
    /// <summary>Asks. True when the app answered at all.</summary>
    public static async Task<bool> SendAsync(Http1Client client, string host, string appId, string apiToken, CancellationToken cancellationToken)
    {
        try
        {
            using var exchange = await client.OpenAsync(cancellationToken);
            var headers = new HeaderList();
            headers.Add("Host"u8, Encoding.ASCII.GetBytes(host));
            headers.Add("Content-Type"u8, "application/json"u8);
            headers.Add("Dapr-App-Id"u8, Encoding.ASCII.GetBytes(appId));
            if (apiToken.Length > 0)
            {
                headers.Add("Dapr-Api-Token"u8, Encoding.Latin1.GetBytes(apiToken));
            }

            exchange.WriteHead("GET"u8, "/dapr/config"u8, headers, Http1BodyFraming.None, 0);
            await exchange.EndRequestAsync(cancellationToken);
            await exchange.ReadHeadAsync(cancellationToken);
            while (true)
            {
                var read = await exchange.Input.ReadAsync(cancellationToken);
                exchange.Input.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                {
                    return true;
                }
            }
        }
        catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException or TimeoutException)
        {
            return false;
        }
    }
}
