using FastSidecar.Protocol.Peer;
using FastSidecar.Protocol.Protobuf;
using FastSidecar.Transport.Grpc;

namespace FastSidecar.Protocol.Grpc;

/// <summary>
/// What a gRPC app answers, dapr.proto.common.v1.InvokeResponse, without its body: the only message of a unary call, read by
/// <see cref="PeerMessageReader"/>, which hands out the body, <c>data.value</c>.
/// </summary>
/// <remarks>
/// <code>
/// 1 data (Any: 1 type_url, 2 value)   2 content_type
/// </code>
/// </remarks>
internal sealed class OnInvokeResponse : PeerHead
{
    private TextRange _contentType;
    private TextRange _typeUrl;

    public ReadOnlySpan<byte> ContentType => Span(_contentType);

    public ReadOnlySpan<byte> TypeUrl => Span(_typeUrl);

    internal override string StrayFieldsText => "";

    internal override bool IsRequest => false;

    internal override string UnaryParseFailure => "grpc: failed to unmarshal the received message: ";

    /// <summary>grpc-go's words for a call that ended well and without an answer (stream.go).</summary>
    internal static PeerMessageException NoAnswer() => PeerMessageException.Status(
        GrpcStatusCode.Internal, "cardinality violation: received no response message from non-server-streaming RPC");

    internal override PeerMessageException NoMessage() => NoAnswer();

    /// <summary>There is only one message.</summary>
    internal override bool IsLeadingOnly(in FieldHead field) => false;

    internal override void Clear()
    {
        base.Clear();
        _contentType = default;
        _typeUrl = default;
    }

    protected override PeerMessageException? Missing(bool isUnary) => null;

    protected override void DropTypeUrl() => _typeUrl = default;

    protected override void MergeEnvelope(ReadOnlySpan<byte> envelope, ref ReadOnlySpan<byte> dataValue)
    {
        var reader = new WireReader(envelope);
        while (reader.TryReadField(out var field, out var content))
        {
            if (field.Is(1, WireType.Bytes))
            {
                MergeAny(content, ref _typeUrl, ref dataValue);
            }
            else if (field.Is(2, WireType.Bytes))
            {
                _contentType = Keep(content);
            }
        }
    }
}
