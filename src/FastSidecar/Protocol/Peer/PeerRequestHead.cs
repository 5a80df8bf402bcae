using FastSidecar.Protocol.Protobuf;
using FastSidecar.Transport.Grpc;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Protocol.Peer;

/// <summary>
/// A decoded InternalInvokeRequest without its body: what a callee learns from the first message. Field numbers:
/// <see cref="PeerRequestEncoder"/>.
/// </summary>
/// <param name="metadata">Becomes <see cref="Metadata"/>: the owner's list, so that it need not be copied there.</param>
internal sealed class PeerRequestHead(HeaderList metadata) : PeerHead
{
    private readonly HeaderMap _metadata = new(metadata);
    private TextRange _method;
    private TextRange _contentType;
    private TextRange _query;
    private TextRange _typeUrl;
    private bool _hasMetadata;
    private bool _hasMessage;

    public PeerRequestHead()
        : this(new HeaderList())
    {
    }

    /// <summary>APIVersion; anything but 1 is refused by the app channel, not here.</summary>
    public int Version { get; private set; }

    /// <summary>
    /// One entry per value, names in the case of the wire, values of one name in their order; the order of names means nothing.
    /// </summary>
    public HeaderList Metadata => _metadata.Fields;

    public ReadOnlySpan<byte> Method => Span(_method);

    public ReadOnlySpan<byte> ContentType => Span(_contentType);

    /// <summary>Type URL of the body of a gRPC caller.</summary>
    public ReadOnlySpan<byte> TypeUrl => Span(_typeUrl);

    public bool HasHttpExtension { get; private set; }

    public HttpVerb Verb { get; private set; }

    public ReadOnlySpan<byte> Query => Span(_query);

    /// <summary>The same as fields to encode; valid as long as this object's spans.</summary>
    public PeerRequestFields Fields => new(Metadata)
    {
        Version = Version,
        Method = Method,
        ContentType = ContentType,
        TypeUrl = TypeUrl,
        HasData = HasData,
        HasHttpExtension = HasHttpExtension,
        Verb = Verb,
        Query = Query,
    };

    internal override string StrayFieldsText => "request metadata found in non-leading chunk";

    internal override bool IsRequest => true;

    internal override string UnaryParseFailure => "grpc: error unmarshalling request: ";

    protected override void MergeEnvelope(ReadOnlySpan<byte> envelope, ref ReadOnlySpan<byte> dataValue)
    {
        var reader = new WireReader(envelope);
        while (reader.TryReadField(out var field, out var content))
        {
            if (field.Is(1, WireType.Varint))
            {
                Version = (int)field.Value;
            }
            else if (field.Is(2, WireType.Bytes))
            {
                _hasMetadata = true;
                MergeEntries(content, _metadata, 2, ref reader);
            }
            else if (field.Is(3, WireType.Bytes))
            {
                _hasMessage = true;
                MergeMessage(content, ref dataValue);
            }
        }
    }

    internal override bool IsLeadingOnly(in FieldHead field) => field.Is(2, WireType.Bytes) || field.Is(3, WireType.Bytes);

    /// <summary>The checks and texts of pkg/api/grpc/daprinternal.go; a unary call may come without metadata.</summary>
    protected override PeerMessageException? Missing(bool isUnary)
    {
        if (isUnary)
        {
            return _hasMessage ? null : Invalid("field Message is nil");
        }

        return _hasMessage && _hasMetadata ? null : Invalid("request does not contain the required fields in the leading chunk");
    }

    internal override PeerMessageException NoMessage() => PeerMessageException.Status(GrpcStatusCode.Unknown, "EOF");

    internal override void Clear()
    {
        base.Clear();
        _metadata.Clear();
        Version = 0;
        Verb = HttpVerb.None;
        HasHttpExtension = false;
        _hasMetadata = false;
        _hasMessage = false;
        _method = default;
        _contentType = default;
        _query = default;
        _typeUrl = default;
    }

    protected override void DropTypeUrl() => _typeUrl = default;

    private static PeerMessageException Invalid(string text) =>
        PeerMessageException.Status(GrpcStatusCode.InvalidArgument, "parsing InternalInvokeRequest error: " + text);

    private void MergeMessage(ReadOnlySpan<byte> message, ref ReadOnlySpan<byte> dataValue)
    {
        var reader = new WireReader(message);
        while (reader.TryReadField(out var field, out var content))
        {
            if (field.Type != WireType.Bytes)
            {
                continue;
            }

            switch (field.Number)
            {
                case 1:
                    _method = Keep(content);
                    break;
                case 2:
                    MergeAny(content, ref _typeUrl, ref dataValue);
                    break;
                case 3:
                    _contentType = Keep(content);
                    break;
                case 4:
                    MergeExtension(content);
                    break;
            }
        }
    }

    private void MergeExtension(ReadOnlySpan<byte> extension)
    {
        HasHttpExtension = true;
        var reader = new WireReader(extension);
        while (reader.TryReadField(out var field, out var content))
        {
            if (field.Is(1, WireType.Varint))
            {
                Verb = (HttpVerb)(int)field.Value;
            }
            else if (field.Is(2, WireType.Bytes))
            {
                _query = Keep(content);
            }
        }
    }
}
