using FastSidecar.Protocol.Protobuf;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Protocol.Peer;

/// <summary>
/// What an InternalInvokeRequest says, as bytes that belong to someone else (dapr/proto/internals/v1/service_invocation.proto).
/// </summary>
internal ref struct PeerRequestFields
{
    public PeerRequestFields(HeaderList metadata)
    {
        Metadata = metadata;
    }

    /// <summary>
    /// One entry per value, names in the case of the wire. Must not be empty: a daprd callee refuses a stream without metadata.
    /// Names are compared by case, so whoever fills the list gives the values of one name one spelling.
    /// </summary>
    public HeaderList Metadata;

    /// <summary>The normalised method, UTF-8.</summary>
    public ReadOnlySpan<byte> Method;

    public ReadOnlySpan<byte> ContentType;

    /// <summary>The type URL of a gRPC caller's data; empty for HTTP callers.</summary>
    public ReadOnlySpan<byte> TypeUrl;

    /// <summary>
    /// There is a <c>message.data</c>, though perhaps an empty one: so for gRPC callers, not for HTTP callers. A type URL implies it.
    /// </summary>
    public bool HasData;

    /// <summary>False only for a gRPC caller that sent none; an HTTP app then refuses the call.</summary>
    public bool HasHttpExtension = true;

    public HttpVerb Verb;

    /// <summary>The raw query without its question mark.</summary>
    public ReadOnlySpan<byte> Query;

    /// <summary>APIVersion; V1 is the only one there is.</summary>
    public int Version = 1;

    /// <exception cref="ProtobufException">A text is not UTF-8, which a proto3 string must be.</exception>
    public readonly void CheckTexts()
    {
        HeaderMapLayout.CheckTexts(Metadata);
        WireReader.Text(Method);
        WireReader.Text(TypeUrl);
        WireReader.Text(ContentType);
        WireReader.Text(Query);
    }
}
