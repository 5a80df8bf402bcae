using FastSidecar.Protocol.Protobuf;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Protocol.Peer;

/// <summary>
/// What an InternalInvokeResponse says, as bytes that belong to someone else (dapr/proto/internals/v1/service_invocation.proto).
/// </summary>
internal ref struct PeerResponseFields
{
    public PeerResponseFields(HeaderList headers)
    {
        Headers = headers;
    }

    /// <summary>An HTTP status (≥ 100) or a gRPC code. Present on the wire even when 0.</summary>
    public int StatusCode;

    /// <summary>Empty for HTTP apps.</summary>
    public ReadOnlySpan<byte> StatusMessage;

    /// <summary>
    /// The <c>details</c> of the status as encoded fields (number 3, each a google.protobuf.Any), copied as they are; empty for HTTP apps.
    /// </summary>
    public ReadOnlySpan<byte> StatusDetails;

    /// <summary>One entry per value, names in the case of the wire.</summary>
    public HeaderList Headers;

    /// <summary>Trailer metadata of a gRPC app.</summary>
    public HeaderList? Trailers;

    /// <summary>False only for a gRPC app's error on the stream.</summary>
    public bool HasMessage = true;

    public ReadOnlySpan<byte> ContentType;

    /// <summary>The type URL of a gRPC app's data; empty for HTTP apps.</summary>
    public ReadOnlySpan<byte> TypeUrl;

    /// <summary>
    /// There is a <c>message.data</c>, though perhaps an empty one: so for gRPC apps, not for HTTP apps. A type URL implies it.
    /// </summary>
    public bool HasData;

    /// <exception cref="ProtobufException">A text is not UTF-8, which a proto3 string must be.</exception>
    public readonly void CheckTexts()
    {
        HeaderMapLayout.CheckTexts(Headers);
        HeaderMapLayout.CheckTexts(Trailers);
        WireReader.Text(StatusMessage);
        WireReader.Text(TypeUrl);
        WireReader.Text(ContentType);
    }
}
