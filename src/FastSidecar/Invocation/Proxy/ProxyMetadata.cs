using FastSidecar.Transport.Headers;

namespace FastSidecar.Invocation.Proxy;

/// <summary>What a sidecar does with the ids of apps, and with the API token, that a call brings along.</summary>
internal enum ProxyOrigin
{
    /// <summary>A client of the public port: ids of a caller that it sends are no evidence of anything, and are dropped.</summary>
    Client,

    /// <summary>The same, and this sidecar has checked the client's token, which is its own.</summary>
    CheckedClient,

    /// <summary>Another sidecar: it has added the ids.</summary>
    Peer,
}

/// <summary>What <see cref="ProxyMetadata.CopyRequest"/> found: indexes into the request's head, −1 for what is not there.</summary>
internal struct ProxyRequestFields
{
    public int Path;
    public int AppId;
    public int CalleeAppId;
    public int Encoding;
    public int Timeout;

    /// <summary>Which app is called: Dapr's own name for it goes before the client's (dapr pkg/messaging/grpc_proxy.go).</summary>
    public readonly int Target => CalleeAppId >= 0 ? CalleeAppId : AppId;
}

/// <summary>
/// Which fields of a head are metadata that pass a proxy. What belongs to one HTTP/2 exchange stays with it (grpc-go
/// internal/transport/http_util.go, isReservedHeader; dapr pkg/messaging/grpc_proxy.go v1.18.3). <c>grpc-accept-encoding</c> is not among
/// them: it is written beside our own, as Dapr does.
/// </summary>
internal static class ProxyMetadata
{
    private enum Role
    {
        Metadata,
        Reserved,
        Path,
        Encoding,
        Timeout,
        AppId,
        CalleeAppId,
        CallerId,
        Token,
        Details,
    }

    public static ProxyRequestFields CopyRequest(HeaderList head, ProxyOrigin origin, HeaderList metadata)
    {
        var found = new ProxyRequestFields { Path = -1, AppId = -1, CalleeAppId = -1, Encoding = -1, Timeout = -1 };
        for (var i = 0; i < head.Count; i++)
        {
            var name = head.Name(i);
            switch (RoleOf(name))
            {
                case Role.Path:
                    found.Path = i;
                    continue;
                case Role.Encoding:
                    found.Encoding = i;
                    continue;
                case Role.Timeout:
                    found.Timeout = i;
                    continue;
                case Role.Reserved:
                case Role.CallerId when origin != ProxyOrigin.Peer:
                case Role.Token when origin == ProxyOrigin.CheckedClient:
                    continue;
                case Role.AppId:
                    found.AppId = found.AppId < 0 ? i : found.AppId;
                    continue;
                case Role.CalleeAppId:
                    found.CalleeAppId = found.CalleeAppId < 0 ? i : found.CalleeAppId;
                    break;
            }

            Add(name, head.Value(i), metadata);
        }

        return found;
    }

    /// <summary>Metadata of an answer, from its head or from its trailers.</summary>
    public static void CopyAnswer(HeaderList fields, HeaderList metadata, bool withDetails)
    {
        for (var i = 0; i < fields.Count; i++)
        {
            var name = fields.Name(i);
            if (RoleOf(name) is not (Role.Reserved or Role.Path or Role.Encoding or Role.Timeout) and var role && (withDetails || role != Role.Details))
            {
                Add(name, fields.Value(i), metadata);
            }
        }
    }

    /// <summary>Binary values are written without padding, however they came.</summary>
    private static void Add(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, HeaderList metadata)
    {
        if (value is [.., (byte)'='] && name.EndsWith("-bin"u8))
        {
            value = value.TrimEnd((byte)'=');
        }

        metadata.Add(name, value);
    }

    /// <summary>The length tells most names from these few.</summary>
    private static Role RoleOf(ReadOnlySpan<byte> name) => name.Length switch
    {
        2 when name.SequenceEqual("te"u8) => Role.Reserved,
        4 when name.SequenceEqual("host"u8) => Role.Reserved, // grpc-go takes it for :authority
        5 when name.SequenceEqual(":path"u8) => Role.Path,
        10 when name.SequenceEqual("user-agent"u8) => Role.Reserved,
        11 when name.SequenceEqual("dapr-app-id"u8) => Role.AppId,
        11 when name.SequenceEqual("grpc-status"u8) => Role.Reserved,
        12 when name.SequenceEqual("content-type"u8) => Role.Reserved,
        12 when name.SequenceEqual("grpc-timeout"u8) => Role.Timeout,
        12 when name.SequenceEqual("grpc-message"u8) => Role.Reserved,
        13 when name.SequenceEqual("grpc-encoding"u8) => Role.Encoding,
        14 when name.SequenceEqual("dapr-api-token"u8) => Role.Token,
        14 when name.SequenceEqual("content-length"u8) => Role.Reserved, // of these bytes, which may be unpacked on the way
        17 when name.SequenceEqual("grpc-message-type"u8) => Role.Reserved,
        18 when name.SequenceEqual("dapr-caller-app-id"u8) => Role.CallerId,
        18 when name.SequenceEqual("dapr-callee-app-id"u8) => Role.CalleeAppId,
        21 when name.SequenceEqual("dapr-caller-namespace"u8) => Role.CallerId,
        23 when name.SequenceEqual("grpc-status-details-bin"u8) => Role.Details,
        _ => name is [(byte)':', ..] ? Role.Reserved : Role.Metadata,
    };
}
