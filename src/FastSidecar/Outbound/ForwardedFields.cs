using System.Text;
using FastSidecar.Protocol;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Outbound;

/// <summary>
/// What the calling sidecar adds to the metadata of a remote call: where it came from and who calls whom (dapr pkg/messaging/direct_messaging.go v1.18.3).
/// </summary>
internal sealed class ForwardedFields
{
    private readonly byte[] _address;
    private readonly byte[] _hostName;
    private readonly byte[] _forwarded;
    private readonly byte[] _appId;
    private readonly byte[] _namespace;

    public ForwardedFields(string hostAddress, string hostName, string appId, string ns)
    {
        _address = Encoding.UTF8.GetBytes(hostAddress);
        _hostName = Encoding.UTF8.GetBytes(hostName);
        var node = hostAddress.Contains(':') ? $"\"[{hostAddress}]\"" : hostAddress;
        var parts = new List<string>();
        if (hostAddress.Length > 0)
        {
            parts.Add($"for={node};by={node}");
        }

        if (hostName.Length > 0)
        {
            parts.Add($"host={hostName}");
        }

        _forwarded = Encoding.UTF8.GetBytes(string.Join(';', parts));
        _appId = Encoding.UTF8.GetBytes(appId);
        _namespace = Encoding.UTF8.GetBytes(ns);
    }

    /// <summary>
    /// Adds the fields, once per request: repeated attempts carry them once (Dapr adds them again each time). Values the client sent under the forwarded names stay, before
    /// ours; values it sent under the callers' names do not.
    /// </summary>
    public void AddTo(HeaderList metadata, ReadOnlySpan<byte> calleeAppId)
    {
        AddUnlessEmpty(metadata, DaprHeaders.ForwardedFor, _address);
        AddUnlessEmpty(metadata, DaprHeaders.ForwardedHost, _hostName);
        AddUnlessEmpty(metadata, DaprHeaders.Forwarded, _forwarded);
        metadata.Set(DaprHeaders.DestinationAppId, calleeAppId);
        metadata.Set(DaprHeaders.CallerNamespace, _namespace);
        metadata.Set(DaprHeaders.CallerAppId, _appId);
        metadata.Set(DaprHeaders.CalleeAppId, calleeAppId);
    }

    private static void AddUnlessEmpty(HeaderList metadata, ReadOnlySpan<byte> name, byte[] value)
    {
        if (value.Length > 0)
        {
            metadata.Add(name, value);
        }
    }
}
