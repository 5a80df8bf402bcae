using System.Buffers;
using System.Runtime.CompilerServices;
using FastSidecar.Protocol.Protobuf;
using FastSidecar.Transport.Grpc;

namespace FastSidecar.Protocol.Peer;

/// <summary>
/// Messages that a called sidecar sends: the first of CallLocalStream, and CallLocal's only one, gRPC prefix included. Byte for byte what
/// Go's protobuf writes (fields in number order, defaults left out).
/// </summary>
/// <remarks>
/// <code>
/// InternalInvokeResponseStream  1 response  2 payload
/// InternalInvokeResponse        1 status    2 headers (map)  3 trailers (map)  4 message
/// Status                        1 code      2 message        3 details (Any)
/// InvokeResponse                1 data (Any: 1 type_url, 2 value)  2 content_type
/// </code>
/// The status is always there, for code 0 as an empty message; a caller refuses a response without one. All methods throw
/// <see cref="PeerMessageException"/> with grpc-go's text, having written nothing, when a text is not UTF-8 or the message is above the
/// limit.
/// </remarks>
internal static class PeerResponseEncoder
{
    /// <summary>Scratch for 64 header fields; a call with more rents it.</summary>
    private const int StackInts = 64 * HeaderGroups.ScratchPerField;

    /// <summary>
    /// A whole first message of the stream; <paramref name="payload"/> is copied. An empty one gives a message without payload.
    /// </summary>
    [SkipLocalsInit]
    public static void WriteFirst(IBufferWriter<byte> output, scoped in PeerResponseFields fields, in ReadOnlySequence<byte> payload, int maxMessageBytes)
    {
        var scratchSize = HeaderMapLayout.ScratchFor(fields.Headers) + HeaderMapLayout.ScratchFor(fields.Trailers);
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
    /// CallLocal's response: the body stands in <c>message.data.value</c>; message and data are always present, as daprd writes them,
    /// whatever
    /// <see cref="PeerResponseFields.HasMessage"/> says.
    /// </summary>
    [SkipLocalsInit]
    public static void WriteUnary(IBufferWriter<byte> output, scoped in PeerResponseFields fields, in ReadOnlySequence<byte> body, int maxMessageBytes)
    {
        var scratchSize = HeaderMapLayout.ScratchFor(fields.Headers) + HeaderMapLayout.ScratchFor(fields.Trailers);
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
        IBufferWriter<byte> output, scoped in PeerResponseFields fields, scoped Span<int> scratch, in ReadOnlySequence<byte> payload, int maxMessageBytes)
    {
        var payloadBytes = payload.Length;
        var layout = new Layout(fields, scratch, valueBytes: 0, hasData: fields.HasData || !fields.TypeUrl.IsEmpty);
        var messageBytes = WireWriter.FieldSize(layout.ResponseBytes) + PeerPayloadEncoder.FirstPayloadSize(payloadBytes);
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
        writer.FieldStart(1, layout.ResponseBytes);
        WriteUpToValue(ref writer, fields, layout, valueBytes: 0);
        WriteAfterValue(ref writer, fields);
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
        IBufferWriter<byte> output, scoped in PeerResponseFields fields, scoped Span<int> scratch, in ReadOnlySequence<byte> body, int maxMessageBytes)
    {
        fields.CheckTexts();
        var layout = new Layout(fields, scratch, body.Length, hasData: true);
        if (layout.ResponseBytes > maxMessageBytes)
        {
            // The text of an unary answer, which differs from a stream's (grpc-go server.go, sendResponse).
            throw PeerMessageException.Status(
                GrpcStatusCode.ResourceExhausted, $"grpc: trying to send message larger than max ({layout.ResponseBytes} vs. {maxMessageBytes})");
        }

        var size = (int)(PeerPayloadEncoder.MessagePrefixBytes + layout.ResponseBytes - body.Length - layout.AfterValueBytes);
        scoped var writer = new WireWriter(output.GetSpan(size)[..size]);
        writer.MessagePrefix(layout.ResponseBytes);
        WriteUpToValue(ref writer, fields, layout, body.Length);
        writer.AssertFull();
        output.Advance(size);

        PeerPayloadEncoder.CopyData(output, body);

        size = (int)layout.AfterValueBytes;
        writer = new WireWriter(output.GetSpan(size)[..size]);
        WriteAfterValue(ref writer, fields);
        writer.AssertFull();
        output.Advance(size);
    }

    private static void WriteUpToValue(ref WireWriter writer, scoped in PeerResponseFields fields, scoped in Layout layout, long valueBytes)
    {
        writer.FieldStart(1, layout.StatusBytes);
        writer.VarintField(1, (ulong)fields.StatusCode);
        writer.TextField(2, fields.StatusMessage);
        writer.Raw(fields.StatusDetails);
        layout.Headers.Write(ref writer, 2);
        layout.Trailers.Write(ref writer, 3);
        if (layout.HasMessage)
        {
            writer.FieldStart(4, layout.MessageBytes);
            if (layout.HasData)
            {
                writer.FieldStart(1, layout.DataBytes);
                writer.TextField(1, fields.TypeUrl);
                if (valueBytes != 0)
                {
                    writer.FieldStart(2, valueBytes);
                }
            }
        }
    }

    private static void WriteAfterValue(ref WireWriter writer, scoped in PeerResponseFields fields) => writer.TextField(2, fields.ContentType);

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
        public readonly HeaderMapLayout Headers;
        public readonly HeaderMapLayout Trailers;
        public readonly bool HasMessage;
        public readonly bool HasData;
        public readonly long StatusBytes;
        public readonly long DataBytes;
        public readonly long AfterValueBytes;
        public readonly long MessageBytes;
        public readonly long ResponseBytes;

        public Layout(scoped in PeerResponseFields fields, Span<int> scratch, long valueBytes, bool hasData)
        {
            Headers = new HeaderMapLayout(fields.Headers, scratch);
            Trailers = new HeaderMapLayout(fields.Trailers, scratch[HeaderMapLayout.ScratchFor(fields.Headers)..]);
            HasData = hasData;
            HasMessage = hasData || fields.HasMessage;
            StatusBytes = WireWriter.VarintSize((ulong)fields.StatusCode) + WireWriter.TextSize(fields.StatusMessage) + fields.StatusDetails.Length;
            DataBytes = WireWriter.TextSize(fields.TypeUrl) + (valueBytes == 0 ? 0 : WireWriter.FieldSize(valueBytes));
            AfterValueBytes = WireWriter.TextSize(fields.ContentType);
            MessageBytes = (hasData ? WireWriter.FieldSize(DataBytes) : 0) + AfterValueBytes;
            ResponseBytes = WireWriter.FieldSize(StatusBytes) + Headers.TotalBytes + Trailers.TotalBytes
                + (HasMessage ? WireWriter.FieldSize(MessageBytes) : 0);
        }
    }
}
