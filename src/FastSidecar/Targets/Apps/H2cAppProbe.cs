using System.Globalization;
using System.Text;
using FastSidecar.Transport.Channels;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Targets.Apps;

/// <summary>The health probe of an app that speaks HTTP over HTTP/2: GET of its path, answered with 2xx.</summary>
internal sealed class H2cAppProbe
{
    private readonly ChannelSource _channels;
    private readonly string _url;
    private readonly HeaderList _head = new();

    public H2cAppProbe(ChannelPool channels, ChannelKey key, string path)
    {
        path = path.StartsWith('/') ? path : "/" + path;
        _channels = channels.For(key);
        _url = $"http://{key.Address}{path}";
        _head.Add(":method"u8, "GET"u8);
        _head.Add(":scheme"u8, "http"u8);
        _head.Add(":path"u8, Encoding.Latin1.GetBytes(path));
        _head.Add(":authority"u8, Encoding.Latin1.GetBytes(key.Address));
    }

    public async Task<string?> AskAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var stream = await _channels.OpenStreamAsync(cancellationToken);
            stream.WriteHead(_head, endStream: true);
            stream.Flush();
            await stream.ReadHeadAsync(cancellationToken);
            stream.Headers.TryGet(":status"u8, out var digits);
            var status = int.Parse(digits, CultureInfo.InvariantCulture);
            while (!stream.EndedWithHeaders)
            {
                var read = await stream.Input.ReadAsync(cancellationToken);
                stream.Input.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                {
                    break;
                }
            }

            return status is >= 200 and < 300
                ? null
                : string.Create(CultureInfo.InvariantCulture, $"Health check failed with status code: {status}");
        }
        catch (OperationCanceledException)
        {
            return $"Network error: Get \"{_url}\": context deadline exceeded";
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            return $"Network error: Get \"{_url}\": {e.Message}";
        }
    }
}
