using System.Buffers;
using FastSidecar.Protocol.Peer;
using FastSidecar.Protocol.Protobuf;
using FastSidecar.Transport.Grpc;

namespace FastSidecar.Protocol.Grpc;

/// <summary>
/// dapr.proto.common.v1.InvokeResponse as a gRPC message: 1 data (Any: 1 type_url, 2 value), 2 content_type. The data is always there, also
/// when it is empty, as daprd writes it.
/// </summary>
internal static class InvokeResponseMessage
{
    /// <summary>The size of the message, without its prefix.</summary>
    public static long SizeOf(ReadOnlySpan<byte> typeUrl, long valueBytes, ReadOnlySpan<byte> contentType) =>
        WireWriter.FieldSize(DataSize(typeUrl, valueBytes)) + WireWriter.TextSize(contentType);

    /// <summary>Writes prefix and message.</summary>
    /// <exception cref="PeerMessageException">A text is not UTF-8; nothing was written.</exception>
    public static void Write(IBufferWriter<byte> output, ReadOnlySpan<byte> typeUrl, ReadOnlySpan<byte> value, ReadOnlySpan<byte> contentType)
    {
        var size = SizeOf(typeUrl, value.Length, contentType);
        var afterBytes = (int)WireWriter.TextSize(contentType);
        var beforeBytes = (int)(MessagePrefix.SizeBytes + size - value.Length - afterBytes);
        Check(typeUrl);
        Check(contentType);

        scoped var writer = new WireWriter(output.GetSpan(beforeBytes)[..beforeBytes]);
        writer.MessagePrefix(size);
        writer.FieldStart(1, DataSize(typeUrl, value.Length));
        writer.TextField(1, typeUrl);
        if (!value.IsEmpty)
        {
            writer.FieldStart(2, value.Length);
        }

        writer.AssertFull();
        output.Advance(beforeBytes);
        output.Write(value);
        writer = new WireWriter(output.GetSpan(afterBytes)[..afterBytes]);
        writer.TextField(2, contentType);
        writer.AssertFull();
        output.Advance(afterBytes);
    }

    private static long DataSize(ReadOnlySpan<byte> typeUrl, long valueBytes) =>
        WireWriter.TextSize(typeUrl) + (valueBytes == 0 ? 0 : WireWriter.FieldSize(valueBytes));

    private static void Check(ReadOnlySpan<byte> text)
    {
        if (!System.Text.Unicode.Utf8.IsValid(text))
        {
            throw PeerMessageException.Status(GrpcStatusCode.Internal, "grpc: error while marshaling: string field contains invalid UTF-8");
        }
    }
}
