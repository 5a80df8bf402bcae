using System.Buffers;
using FastSidecar.Protocol.Protobuf;
using FastSidecar.Transport.Grpc;

namespace FastSidecar.Protocol.Peer;

/// <summary>
/// Later messages of CallLocalStream in either direction: a body piece with its number, <c>{payload{data, seq}}</c>, gRPC prefix included.
/// </summary>
/// <remarks>
/// <code>
/// 00 llllllll                 gRPC: not compressed, length of the rest
/// 12 len                      field 2 payload            (the same number in requests and responses)
/// 0a len data…                field 1 data, not written when empty
/// 10 seq                      field 2 seq, not written when 0
/// </code>
/// The data can be sent from where it lies: prefix, data, suffix are three writes of one message.
/// </remarks>
internal static class PeerPayloadEncoder
{
    /// <summary>Upper bound of what <see cref="WritePrefix"/> writes.</summary>
    public const int MaxPrefixBytes = MessagePrefixBytes + 6 + 6;

    /// <summary>Upper bound of what <see cref="WriteSuffix"/> writes.</summary>
    public const int MaxSuffixBytes = 11;

    internal const int MessagePrefixBytes = 5;

    /// <summary>
    /// A first message up to this size is written into one piece of the output's memory: no more than the blocks are large that our outputs
    /// have, so that asking for it leaves no gap.
    /// </summary>
    internal const int MaxJoinedBytes = 4096;

    internal const int PayloadNumber = 2;
    private const int DataNumber = 1;
    private const int SeqNumber = 2;

    /// <summary>A whole message; <paramref name="data"/> is copied.</summary>
    public static void Write(IBufferWriter<byte> output, in ReadOnlySequence<byte> data, ulong seq, int maxMessageBytes)
    {
        WritePrefix(output, data.Length, seq, maxMessageBytes);
        CopyData(output, data);
        WriteSuffix(output, seq);
    }

    /// <summary>
    /// Everything before <paramref name="dataBytes"/> bytes of data, which the caller sends next, followed by <see cref="WriteSuffix"/>.
    /// </summary>
    /// <exception cref="PeerMessageException">The message is above <paramref name="maxMessageBytes"/>.</exception>
    public static void WritePrefix(IBufferWriter<byte> output, long dataBytes, ulong seq, int maxMessageBytes)
    {
        var messageBytes = WireWriter.FieldSize(PayloadBytes(dataBytes, seq));
        CheckLimit(messageBytes, maxMessageBytes);
        scoped var writer = new WireWriter(output.GetSpan(MaxPrefixBytes));
        writer.MessagePrefix(messageBytes);
        WritePayloadStart(ref writer, dataBytes, seq);
        output.Advance(writer.Written);
    }

    /// <summary>What follows the data. Nothing for <paramref name="seq"/> 0.</summary>
    public static void WriteSuffix(IBufferWriter<byte> output, ulong seq)
    {
        if (seq != 0)
        {
            scoped var writer = new WireWriter(output.GetSpan(MaxSuffixBytes));
            writer.VarintField(SeqNumber, seq);
            output.Advance(writer.Written);
        }
    }

    /// <summary>grpc-go's limit for what it sends (grpc-go stream.go).</summary>
    internal static void CheckLimit(long messageBytes, int maxMessageBytes)
    {
        if (messageBytes > maxMessageBytes)
        {
            throw PeerMessageException.Status(
                GrpcStatusCode.ResourceExhausted, $"trying to send message larger than max ({messageBytes} vs. {maxMessageBytes})");
        }
    }

    /// <summary>What grpc-go reports when a message cannot be encoded: a header that is not UTF-8.</summary>
    internal static PeerMessageException EncodingFailed(ProtobufException cause) =>
        PeerMessageException.Status(GrpcStatusCode.Internal, "grpc: error while marshaling: " + cause.Message);

    /// <summary>The size of a first message's payload field; none when there is no data.</summary>
    internal static long FirstPayloadSize(long dataBytes) => dataBytes == 0 ? 0 : WireWriter.FieldSize(PayloadBytes(dataBytes, 0));

    /// <summary>Everything of the payload field that stands before the data.</summary>
    internal static void WritePayloadStart(ref WireWriter writer, long dataBytes, ulong seq)
    {
        writer.FieldStart(PayloadNumber, PayloadBytes(dataBytes, seq));
        if (dataBytes != 0)
        {
            writer.FieldStart(DataNumber, dataBytes);
        }
    }

    internal static void CopyData(IBufferWriter<byte> output, in ReadOnlySequence<byte> data)
    {
        foreach (var piece in data)
        {
            output.Write(piece.Span);
        }
    }

    private static long PayloadBytes(long dataBytes, ulong seq) =>
        (dataBytes == 0 ? 0 : WireWriter.FieldSize(dataBytes)) + WireWriter.VarintSize(seq);
}
