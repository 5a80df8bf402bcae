using System.Text;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Invocation;

/// <summary>
/// The fields a calling sidecar adds to the metadata of a request to a peer: who calls, and where from. Built once; adding them allocates
/// nothing. Not added to calls of the own app nor to external ones (Dapr <c>pkg/messaging/direct_messaging.go</c>).
/// </summary>
internal sealed class CallerHeaders
{
    /// <summary>Those that are the same for every call. Only read once it is built, by any thread.</summary>
    private readonly HeaderList _same = new();

    /// <param name="appId">The own app's id.</param>
    /// <param name="appNamespace">The own namespace.</param>
    /// <param name="hostAddress">The machine's address; empty when none was found. An IPv6 address without brackets.</param>
    /// <param name="hostName">The machine's name; empty when it has none.</param>
    public CallerHeaders(string appId, string appNamespace, string hostAddress, string hostName)
    {
        // RFC 7239 §6: an IPv6 address is written in brackets, and those need quotes.
        var node = hostAddress.Contains(':', StringComparison.Ordinal) ? $"\"[{hostAddress}]\"" : hostAddress;
        var address = hostAddress.Length > 0 ? $"for={node};by={node}" : "";
        var host = hostName.Length > 0 ? $"host={hostName}" : "";
        var forwarded = address.Length > 0 && host.Length > 0 ? $"{address};{host}" : address + host;
        if (hostAddress.Length > 0)
        {
            _same.Add(HeaderNames.ForwardedFor, Encoding.UTF8.GetBytes(hostAddress));
        }

        if (hostName.Length > 0)
        {
            _same.Add(HeaderNames.ForwardedHost, Encoding.UTF8.GetBytes(hostName));
        }

        _same.Add(HeaderNames.Forwarded, Encoding.UTF8.GetBytes(forwarded));
        _same.Add(HeaderNames.CallerNamespace, Encoding.UTF8.GetBytes(appNamespace));
        _same.Add(HeaderNames.CallerAppId, Encoding.UTF8.GetBytes(appId));
    }

    /// <summary>
    /// Adds the fields. The forwarding ones are further values beside the client's; the rest stands alone, see
    /// <see cref="ClientHeaderOptions.ToPeer"/>.
    /// </summary>
    public void AddTo(HeaderList metadata, ReadOnlySpan<byte> calleeAppId)
    {
        _same.CopyTo(metadata);
        metadata.Add(HeaderNames.CalleeAppId, calleeAppId);
        metadata.Add(HeaderNames.DestinationAppId, calleeAppId);
    }
}
