using FastSidecar.Protocol.Protobuf;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Protocol.Peer;

/// <summary>
/// A decoded InternalInvokeResponse without its body: what a caller learns from the first message. Field numbers:
/// <see cref="PeerResponseEncoder"/>.
/// </summary>
internal sealed class PeerResponseHead : PeerHead
{
    private readonly HeaderMap _headers = new();
    private readonly HeaderMap _trailers = new();
    private byte[] _details = [];
    private int _detailsUsed;
    private TextRange _statusMessage;
    private TextRange _contentType;
    private TextRange _typeUrl;
    private bool _hasStatus;

    /// <summary>An HTTP status (≥ 100) or a gRPC code.</summary>
    public int StatusCode { get; private set; }

    /// <summary>The code is an HTTP status (pkg/messaging/v1/invoke_method_response.go).</summary>
    public bool IsHttpStatus => StatusCode >= 100;

    public ReadOnlySpan<byte> StatusMessage => Span(_statusMessage);

    /// <summary>The status' details as encoded fields, one after another: number 3, each a google.protobuf.Any.</summary>
    public ReadOnlySpan<byte> StatusDetails => _details.AsSpan(0, _detailsUsed);

    /// <summary>
    /// One entry per value, names in the case of the wire, values of one name in their order; the order of names means nothing.
    /// </summary>
    public HeaderList Headers => _headers.Fields;

    /// <summary>Trailer metadata of a gRPC app; as <see cref="Headers"/>.</summary>
    public HeaderList Trailers => _trailers.Fields;

    /// <summary>There was a <c>message</c>, though perhaps an empty one.</summary>
    public bool HasMessage { get; private set; }

    public ReadOnlySpan<byte> ContentType => Span(_contentType);

    /// <summary>Type URL of the body of a gRPC app.</summary>
    public ReadOnlySpan<byte> TypeUrl => Span(_typeUrl);

    /// <summary>The same as fields to encode; valid as long as this object's spans.</summary>
    public PeerResponseFields Fields => new(Headers)
    {
        StatusCode = StatusCode,
        StatusMessage = StatusMessage,
        StatusDetails = StatusDetails,
        Trailers = Trailers,
        HasMessage = HasMessage,
        ContentType = ContentType,
        TypeUrl = TypeUrl,
        HasData = HasData,
    };

    internal override string StrayFieldsText => "response metadata found in non-leading chunk";

    internal override bool IsRequest => false;

    internal override string UnaryParseFailure => "grpc: failed to unmarshal the received message: ";

    protected override void MergeEnvelope(ReadOnlySpan<byte> envelope, ref ReadOnlySpan<byte> dataValue)
    {
        var reader = new WireReader(envelope);
        while (reader.TryReadField(out var field, out var content))
        {
            if (field.Type != WireType.Bytes)
            {
                continue;
            }

            switch (field.Number)
            {
                case 1:
                    MergeStatus(content);
                    break;
                case 2:
                    MergeEntries(content, _headers, 2, ref reader);
                    break;
                case 3:
                    MergeEntries(content, _trailers, 3, ref reader);
                    break;
                case 4:
                    MergeMessage(content, ref dataValue);
                    break;
            }
        }
    }

    internal override bool IsLeadingOnly(in FieldHead field) => field.Type == WireType.Bytes && field.Number is 1 or 2 or 4;

    /// <summary>
    /// pkg/messaging/direct_messaging.go; a unary answer without a status, which makes daprd drop its client, is refused in the same words.
    /// </summary>
    protected override PeerMessageException? Missing(bool isUnary) =>
        _hasStatus ? null : PeerMessageException.Plain("response does not contain the required fields in the leading chunk");

    internal override PeerMessageException NoMessage() => PeerMessageException.Plain("EOF");

    internal override void Clear()
    {
        base.Clear();
        _headers.Clear();
        _trailers.Clear();
        StatusCode = 0;
        HasMessage = false;
        _hasStatus = false;
        _statusMessage = default;
        _detailsUsed = 0;
        if (_details.Length > KeptBytes)
        {
            _details = [];
        }

        _contentType = default;
        _typeUrl = default;
    }

    protected override void DropTypeUrl() => _typeUrl = default;

    private void MergeStatus(ReadOnlySpan<byte> status)
    {
        _hasStatus = true;
        var reader = new WireReader(status);
        while (reader.TryReadField(out var field, out var content))
        {
            if (field.Is(1, WireType.Varint))
            {
                StatusCode = (int)field.Value;
            }
            else if (field.Is(2, WireType.Bytes))
            {
                _statusMessage = Keep(content);
            }
            else if (field.Is(3, WireType.Bytes))
            {
                KeepDetail(content);
            }
        }
    }

    /// <summary>Checks that a detail is an Any, and keeps it with its tag behind the others.</summary>
    private void KeepDetail(ReadOnlySpan<byte> any)
    {
        var reader = new WireReader(any);
        while (reader.TryReadField(out var field, out var content))
        {
            if (field.Is(1, WireType.Bytes))
            {
                Check(content);
            }
        }

        var size = (int)WireWriter.FieldSize(any.Length);
        if (_details.Length - _detailsUsed < size)
        {
            Array.Resize(ref _details, Math.Max(_detailsUsed + size, _details.Length * 2));
        }

        var writer = new WireWriter(_details.AsSpan(_detailsUsed, size));
        writer.FieldStart(3, any.Length);
        writer.Raw(any);
        _detailsUsed += size;
    }

    private void MergeMessage(ReadOnlySpan<byte> message, ref ReadOnlySpan<byte> dataValue)
    {
        HasMessage = true;
        var reader = new WireReader(message);
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
