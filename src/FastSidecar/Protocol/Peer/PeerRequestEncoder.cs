using System.Buffers;
using System.Runtime.CompilerServices;
using FastSidecar.Protocol.Protobuf;

namespace FastSidecar.Protocol.Peer;

/// <summary>
/// Messages that a calling sidecar sends: the first of CallLocalStream, and CallLocal's only one, gRPC prefix included. Byte for byte what
/// Go's protobuf writes (fields in number order, defaults left out), so that a capture of either looks the same.
/// </summary>
/// <remarks>
/// <code>
/// InternalInvokeRequestStream   1 request  2 payload
/// InternalInvokeRequest         1 ver      2 metadata (map)  3 message
/// InvokeRequest                 1 method   2 data (Any: 1 type_url, 2 value)  3 content_type  4 http_extension
/// HTTPExtension                 1 verb     2 querystring
/// </code>
/// All methods throw <see cref="PeerMessageException"/> with grpc-go's text, having written nothing, when a text is not UTF-8 or the
/// message is above the limit.
/// </remarks>
internal static class PeerRequestEncoder
{
    /// <summary>Scratch for 64 header fields; a call with more rents it.</summary>
    private const int StackInts = 64 * HeaderGroups.ScratchPerField;

    /// <summary>
    /// A whole first message of the stream; <paramref name="payload"/> is copied. An empty one gives a message without payload.
    /// </summary>
    [SkipLocalsInit]
    public static void WriteFirst(IBufferWriter<byte> output, scoped in PeerRequestFields fields, in ReadOnlySequence<byte> payload, int maxMessageBytes)
    {
        var scratchSize = HeaderMapLayout.ScratchFor(fields.Metadata);
        var rented = scratchSize > StackInts ? ArrayPool<int>.Shared.Rent(scratchSize) : null;
        try
        {
            WriteFirst(output, fields, rented ?? stackalloc int[StackInts], payload, maxMessageBytes);
        }
        catch (ProtobufException e)
        {
            throw PeerPayloadEncoder.EncodingFailed(e);
        }
        finally
        {
            Return(rented);
        }
    }

    /// <summary>
    /// CallLocal's request: the body stands in <c>message.data.value</c>, and data is present even when the body is empty, as daprd writes
    /// it.
    /// </summary>
    [SkipLocalsInit]
    public static void WriteUnary(IBufferWriter<byte> output, scoped in PeerRequestFields fields, in ReadOnlySequence<byte> body, int maxMessageBytes)
    {
        var scratchSize = HeaderMapLayout.ScratchFor(fields.Metadata);
        var rented = scratchSize > StackInts ? ArrayPool<int>.Shared.Rent(scratchSize) : null;
        try
        {
            WriteUnary(output, fields, rented ?? stackalloc int[StackInts], body, maxMessageBytes);
        }
        catch (ProtobufException e)
        {
            throw PeerPayloadEncoder.EncodingFailed(e);
        }
        finally
        {
            Return(rented);
        }
    }

    private static void WriteFirst(
        IBufferWriter<byte> output, scoped in PeerRequestFields fields, scoped Span<int> scratch, in ReadOnlySequence<byte> payload, int maxMessageBytes)
    {
        var payloadBytes = payload.Length;
        var layout = new Layout(fields, scratch, valueBytes: 0, hasData: fields.HasData || !fields.TypeUrl.IsEmpty);
        var messageBytes = WireWriter.FieldSize(layout.RequestBytes) + PeerPayloadEncoder.FirstPayloadSize(payloadBytes);
        if (messageBytes > maxMessageBytes)
        {
            fields.CheckTexts();
            PeerPayloadEncoder.CheckLimit(messageBytes, maxMessageBytes);
        }

        var prefixBytes = (int)(PeerPayloadEncoder.MessagePrefixBytes + messageBytes - payloadBytes);
        var joinedBytes = prefixBytes + payloadBytes <= PeerPayloadEncoder.MaxJoinedBytes ? (int)payloadBytes : 0;
        var span = output.GetSpan(prefixBytes + joinedBytes);
        scoped var writer = new WireWriter(span[..prefixBytes]);
        writer.MessagePrefix(messageBytes);
        writer.FieldStart(1, layout.RequestBytes);
        WriteUpToValue(ref writer, fields, layout, valueBytes: 0);
        WriteAfterValue(ref writer, fields, layout);
        if (payloadBytes != 0)
        {
            PeerPayloadEncoder.WritePayloadStart(ref writer, payloadBytes, seq: 0);
        }

        writer.AssertFull();
        if (!writer.IsAscii)
        {
            fields.CheckTexts();
        }

        if (joinedBytes != 0)
        {
            payload.CopyTo(span[prefixBytes..]);
            output.Advance(prefixBytes + joinedBytes);
            return;
        }

        output.Advance(prefixBytes);
        PeerPayloadEncoder.CopyData(output, payload);
    }

    private static void WriteUnary(
        IBufferWriter<byte> output, scoped in PeerRequestFields fields, scoped Span<int> scratch, in ReadOnlySequence<byte> body, int maxMessageBytes)
    {
        fields.CheckTexts();
        var layout = new Layout(fields, scratch, body.Length, hasData: true);
        PeerPayloadEncoder.CheckLimit(layout.RequestBytes, maxMessageBytes);

        var size = (int)(PeerPayloadEncoder.MessagePrefixBytes + layout.RequestBytes - body.Length - layout.AfterValueBytes);
        scoped var writer = new WireWriter(output.GetSpan(size)[..size]);
        writer.MessagePrefix(layout.RequestBytes);
        WriteUpToValue(ref writer, fields, layout, body.Length);
        writer.AssertFull();
        output.Advance(size);

        PeerPayloadEncoder.CopyData(output, body);

        size = (int)layout.AfterValueBytes;
        writer = new WireWriter(output.GetSpan(size)[..size]);
        WriteAfterValue(ref writer, fields, layout);
        writer.AssertFull();
        output.Advance(size);
    }

    private static void WriteUpToValue(ref WireWriter writer, scoped in PeerRequestFields fields, scoped in Layout layout, long valueBytes)
    {
        writer.VarintField(1, (ulong)fields.Version);
        layout.Metadata.Write(ref writer, 2);
        writer.FieldStart(3, layout.MessageBytes);
        writer.TextField(1, fields.Method);
        if (layout.HasData)
        {
            writer.FieldStart(2, layout.DataBytes);
            writer.TextField(1, fields.TypeUrl);
            if (valueBytes != 0)
            {
                writer.FieldStart(2, valueBytes);
            }
        }
    }

    private static void WriteAfterValue(ref WireWriter writer, scoped in PeerRequestFields fields, scoped in Layout layout)
    {
        writer.TextField(3, fields.ContentType);
        if (fields.HasHttpExtension)
        {
            writer.FieldStart(4, layout.ExtensionBytes);
            writer.VarintField(1, (ulong)fields.Verb);
            writer.TextField(2, fields.Query);
        }
    }

    private static void Return(int[]? rented)
    {
        if (rented is not null)
        {
            ArrayPool<int>.Shared.Return(rented);
        }
    }

    /// <summary>The sizes of the nested messages, innermost first.</summary>
    private readonly ref struct Layout
    {
        public readonly HeaderMapLayout Metadata;
        public readonly bool HasData;
        public readonly long DataBytes;
        public readonly long ExtensionBytes;
        public readonly long AfterValueBytes;
        public readonly long MessageBytes;
        public readonly long RequestBytes;

        public Layout(scoped in PeerRequestFields fields, Span<int> scratch, long valueBytes, bool hasData)
        {
            Metadata = new HeaderMapLayout(fields.Metadata, scratch);
            HasData = hasData;
            DataBytes = WireWriter.TextSize(fields.TypeUrl) + (valueBytes == 0 ? 0 : WireWriter.FieldSize(valueBytes));
            ExtensionBytes = WireWriter.VarintSize((ulong)fields.Verb) + WireWriter.TextSize(fields.Query);
            AfterValueBytes = WireWriter.TextSize(fields.ContentType) + (fields.HasHttpExtension ? WireWriter.FieldSize(ExtensionBytes) : 0);
            MessageBytes = WireWriter.TextSize(fields.Method) + (hasData ? WireWriter.FieldSize(DataBytes) : 0) + AfterValueBytes;
            RequestBytes = WireWriter.VarintSize((ulong)fields.Version) + Metadata.TotalBytes + WireWriter.FieldSize(MessageBytes);
        }
    }
}
