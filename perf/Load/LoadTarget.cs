using System.Net;
using System.Text;

namespace FastSidecar.Load;

/// <summary>Where requests go, and what they are, ready to be sent.</summary>
internal sealed class LoadTarget
{
    /// <summary>Stands in a URL for the number of the app, 1 to <c>--targets</c>.</summary>
    public const string NumberPlace = "{n}";

    private const int JoinedBodyLimit = 16 * 1024;

    private LoadTarget(uint addressBigEndian, int port, string authority)
    {
        AddressBigEndian = addressBigEndian;
        Port = port;
        Authority = authority;
    }

    public uint AddressBigEndian { get; }

    public int Port { get; }

    public string Authority { get; }

    /// <summary>Paths in the order in which requests take them, over and over.</summary>
    public required IReadOnlyList<string> Paths { get; init; }

    public static LoadTarget Parse(string url, int targets)
    {
        const string scheme = "http://";
        var rest = url.StartsWith(scheme, StringComparison.Ordinal)
            ? url[scheme.Length..]
            : throw new LoadException($"{url} does not begin with {scheme}");
        var slash = rest.IndexOf('/');
        var authority = slash < 0 ? rest : rest[..slash];
        var path = slash < 0 ? "/" : rest[slash..];
        if (!IPEndPoint.TryParse(authority, out var endpoint) || endpoint.Port == 0 || !IPAddress.IsLoopback(endpoint.Address))
        {
            throw new LoadException($"{authority} is not 127.0.0.1 with a port: load is sent to this machine only");
        }

        return new LoadTarget(BitConverter.ToUInt32(endpoint.Address.GetAddressBytes()), endpoint.Port, authority)
        {
            Paths = [.. Enumerable.Range(1, targets)
                .Select(n => path.Replace(NumberPlace, n.ToString(null, null), StringComparison.Ordinal))],
        };
    }

    /// <summary>
    /// HTTP/1.1 requests, one for each path, up to where their body begins; a short body is part of it, so that it leaves in one piece.
    /// </summary>
    /// <param name="chunkBytes">The body goes in chunks of so many bytes; 0 sends it with its length.</param>
    /// <param name="rest">The body where it is long.</param>
    public ReadOnlyMemory<byte>[] Http1Requests(
        string method, ReadOnlyMemory<byte> body, int chunkBytes, IReadOnlyList<string> headers, out ReadOnlyMemory<byte> rest)
    {
        var length = chunkBytes > 0 ? "Transfer-Encoding: chunked\r\n"
            : body.Length > 0 || method is not "GET" ? $"Content-Length: {body.Length}\r\n" : "";
        body = chunkBytes > 0 ? Chunks.Encode(body.Span, chunkBytes) : body;
        var more = string.Concat(headers.Select(header => header + "\r\n"));
        var joined = body.Length <= JoinedBodyLimit ? body : default;
        rest = joined.Length == body.Length ? default : body;
        return [.. Paths.Select(path => Join($"{method} {path} HTTP/1.1\r\nHost: {Authority}\r\n{length}{more}\r\n", joined))];
    }

    private static ReadOnlyMemory<byte> Join(string head, ReadOnlyMemory<byte> body) =>
        (byte[])[.. Encoding.ASCII.GetBytes(head), .. body.Span];
}
