using System.Globalization;
using System.Net.Sockets;
using System.Text;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Http1;

namespace FastSidecar.Targets.Apps;

/// <summary>The health probe of an HTTP app: GET of its path, answered with 2xx (dapr pkg/channel/http/http_channel.go v1.18.3).</summary>
internal sealed class HttpAppProbe(Http1Client client, string host, string path)
{
    private readonly byte[] _host = Encoding.Latin1.GetBytes(host);
    private readonly byte[] _path = Encoding.Latin1.GetBytes(path.StartsWith('/') ? path : "/" + path);

    public async Task<string?> AskAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var exchange = await client.OpenAsync(cancellationToken);
            var headers = new HeaderList();
            headers.Add("Host"u8, _host);
            exchange.WriteHead("GET"u8, _path, headers, Http1BodyFraming.None, 0);
            await exchange.EndRequestAsync(cancellationToken);
            await exchange.ReadHeadAsync(cancellationToken);
            var status = exchange.StatusCode;
            while (true)
            {
                var read = await exchange.Input.ReadAsync(cancellationToken);
                exchange.Input.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                {
                    break;
                }
            }

            return status is >= 200 and < 300
                ? null
                : string.Create(CultureInfo.InvariantCulture, $"Health check failed with status code: {status}");
        }
        catch (Exception e) when (e is IOException or SocketException or TimeoutException or OperationCanceledException)
        {
            return $"Network error: Get \"http://{host}{Encoding.Latin1.GetString(_path)}\": {Cause(e)}";
        }
    }

    private string Cause(Exception failure) => failure switch
    {
        OperationCanceledException => "context deadline exceeded",
        SocketException e => $"dial tcp {host}: connect: {AppFailure.Describe(e)}",
        _ => AppFailure.Of(failure),
    };
}
