using System.Text;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Invocation;

/// <summary>
/// The fields a calling sidecar adds to the metadata of a request to a peer: who calls, and where from. Built once; adding them allocates
/// nothing. Not added to calls of the own app nor to external ones (Dapr <c>pkg/messaging/direct_messaging.go</c>).
/// </summary>
internal sealed class CallerHeaders
{
    private readonly byte[] _appId;
    private readonly byte[] _namespace;
    private readonly byte[] _hostAddress;
    private readonly byte[] _hostName;
    private readonly byte[] _forwarded;

    /// <param name="appId">The own app's id.</param>
    /// <param name="appNamespace">The own namespace.</param>
    /// <param name="hostAddress">The machine's address; empty when none was found. An IPv6 address without brackets.</param>
    /// <param name="hostName">The machine's name; empty when it has none.</param>
    public CallerHeaders(string appId, string appNamespace, string hostAddress, string hostName)
    {
        _appId = Encoding.UTF8.GetBytes(appId);
        _namespace = Encoding.UTF8.GetBytes(appNamespace);
        _hostAddress = Encoding.UTF8.GetBytes(hostAddress);
        _hostName = Encoding.UTF8.GetBytes(hostName);

        // RFC 7239 §6: an IPv6 address is written in brackets, and those need quotes.
        var node = hostAddress.Contains(':', StringComparison.Ordinal) ? $"\"[{hostAddress}]\"" : hostAddress;
        var address = hostAddress.Length > 0 ? $"for={node};by={node}" : "";
        var host = hostName.Length > 0 ? $"host={hostName}" : "";
        _forwarded = Encoding.UTF8.GetBytes(address.Length > 0 && host.Length > 0 ? $"{address};{host}" : address + host);
    }

    /// <summary>
    /// Adds the fields. The forwarding ones are further values beside the client's; the rest stands alone, see
    /// <see cref="ClientHeaderOptions.ToPeer"/>.
    /// </summary>
    public void AddTo(HeaderList metadata, ReadOnlySpan<byte> calleeAppId)
    {
        if (_hostAddress.Length > 0)
        {
            metadata.Add(HeaderNames.ForwardedFor, _hostAddress);
        }

        if (_hostName.Length > 0)
        {
            metadata.Add(HeaderNames.ForwardedHost, _hostName);
        }

        metadata.Add(HeaderNames.Forwarded, _forwarded);
        metadata.Add(HeaderNames.CallerNamespace, _namespace);
        metadata.Add(HeaderNames.CallerAppId, _appId);
        metadata.Add(HeaderNames.CalleeAppId, calleeAppId);
        metadata.Add(HeaderNames.DestinationAppId, calleeAppId);
    }
}
