using System.Buffers;
using FastSidecar.Protocol.Peer;
using FastSidecar.Protocol.Protobuf;

namespace FastSidecar.Protocol.Grpc;

/// <summary>
/// What a gRPC app is sent, dapr.proto.common.v1.InvokeRequest, as bytes that belong to someone else. Byte for byte what Go's protobuf
/// writes; the data is always there, though perhaps empty, as daprd sends it.
/// </summary>
/// <remarks>
/// <code>
/// 1 method   2 data (Any: 1 type_url, 2 value)   3 content_type   4 http_extension (1 verb, 2 querystring)
/// </code>
/// </remarks>
internal ref struct OnInvokeRequest
{
    public ReadOnlySpan<byte> Method;
    public ReadOnlySpan<byte> TypeUrl;
    public ReadOnlySpan<byte> ContentType;

    /// <summary>There are a verb and a query.</summary>
    public bool HasHttpExtension;
    public HttpVerb Verb;
    public ReadOnlySpan<byte> Query;

    /// <summary>The size of the message with that much body, without its prefix.</summary>
    public readonly long MessageBytes(long bodyBytes) =>
        WireWriter.TextSize(Method) + WireWriter.FieldSize(DataBytes(bodyBytes)) + AfterBodyBytes;

    /// <summary>Writes the message with its five-byte prefix.</summary>
    /// <exception cref="PeerMessageException">With grpc-go's text, when a text is not UTF-8; nothing was written.</exception>
    public readonly void Write(IBufferWriter<byte> output, ReadOnlySpan<byte> body)
    {
        CheckTexts();
        var beforeBytes = (int)(MessagePrefix.SizeBytes + MessageBytes(body.Length) - AfterBodyBytes - body.Length);
        scoped var writer = new WireWriter(output.GetSpan(beforeBytes)[..beforeBytes]);
        writer.MessagePrefix(MessageBytes(body.Length));
        writer.TextField(1, Method);
        writer.FieldStart(2, DataBytes(body.Length));
        writer.TextField(1, TypeUrl);
        if (!body.IsEmpty)
        {
            writer.FieldStart(2, body.Length);
        }

        writer.AssertFull();
        output.Advance(beforeBytes);
        output.Write(body);
        WriteAfterBody(output);
    }

    private readonly long AfterBodyBytes =>
        WireWriter.TextSize(ContentType) + (HasHttpExtension ? WireWriter.FieldSize(ExtensionBytes) : 0);

    private readonly long ExtensionBytes => WireWriter.VarintSize((ulong)Verb) + WireWriter.TextSize(Query);

    private readonly long DataBytes(long bodyBytes) => WireWriter.TextSize(TypeUrl) + (bodyBytes == 0 ? 0 : WireWriter.FieldSize(bodyBytes));

    private readonly void WriteAfterBody(IBufferWriter<byte> output)
    {
        var size = (int)AfterBodyBytes;
        if (size == 0)
        {
            return;
        }

        scoped var writer = new WireWriter(output.GetSpan(size)[..size]);
        writer.TextField(3, ContentType);
        if (HasHttpExtension)
        {
            writer.FieldStart(4, ExtensionBytes);
            writer.VarintField(1, (ulong)Verb);
            writer.TextField(2, Query);
        }

        writer.AssertFull();
        output.Advance(size);
    }

    private readonly void CheckTexts()
    {
        try
        {
            WireReader.Text(Method);
            WireReader.Text(TypeUrl);
            WireReader.Text(ContentType);
            WireReader.Text(Query);
        }
        catch (ProtobufException e)
        {
            throw PeerPayloadEncoder.EncodingFailed(e);
        }
    }
}
