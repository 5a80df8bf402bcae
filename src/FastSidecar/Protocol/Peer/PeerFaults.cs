using System.Buffers;
using System.IO.Pipelines;
using FastSidecar.Protocol.Protobuf;
using FastSidecar.Transport.Grpc;

namespace FastSidecar.Protocol.Peer;

/// <summary>
/// What can be wrong with received messages, in the words of grpc-go (rpc_util.go) and Dapr (direct_messaging.go, daprinternal.go).
/// </summary>
internal static class PeerFaults
{
    private const string ParseFailureText = "grpc: failed to unmarshal the received message: ";
    private const string CutText = "unexpected EOF";

    public static PeerMessageException Cut() => PeerMessageException.Status(GrpcStatusCode.Internal, CutText);

    public static PeerMessageException SecondMessage() => PeerMessageException.Status(
        GrpcStatusCode.Internal, "cardinality violation: expected <EOF> for non server-streaming RPCs, but received another message");

    /// <summary>The first message of a stream, or the only one of a unary call, cannot be parsed.</summary>
    public static PeerMessageException Unparsable(ProtobufException e, PeerHead head, bool isUnary) =>
        PeerMessageException.Status(GrpcStatusCode.Internal, (isUnary ? head.UnaryParseFailure : ParseFailureText) + e.Message);

    public static void ThrowIfCanceled(in ReadResult result)
    {
        if (result.IsCanceled)
        {
            throw new OperationCanceledException("the read of a message was cancelled");
        }
    }

    /// <summary>The bytes ended before the first message, or within it.</summary>
    public static void ThrowIfCut(in ReadResult result, in PeerInput input, PeerHead head)
    {
        if (result.IsCompleted)
        {
            throw result.Buffer.IsEmpty ? input.End?.FailureAtEnd(inBody: false) ?? head.NoMessage() : Cut();
        }
    }

    /// <summary>Refuses a prefix that stands before the head.</summary>
    public static void CheckPrefix(byte flag, uint length, int maxMessageBytes)
    {
        if (flag > 1)
        {
            throw PeerMessageException.Status(GrpcStatusCode.Internal, UnknownFlagText(flag));
        }

        if (length > maxMessageBytes)
        {
            throw PeerMessageException.Status(GrpcStatusCode.ResourceExhausted, TooLargeText(length, maxMessageBytes));
        }
    }

    /// <summary>The input ended while the body was read: null when that is a good end.</summary>
    public static Exception? AtEnd(in PeerInput input, in PeerPayloadCursor cursor, in SequenceReader<byte> reader) => cursor.IsBetweenMessages && reader.End
        ? input.End?.FailureAtEnd(inBody: true)
        : PeerMessageException.Receiving(GrpcStatusCode.Internal, CutText);

    /// <summary>Why the cursor stopped in the body; null when it is no error.</summary>
    public static PeerMessageException? Of(
        PayloadStop stop, PeerHead head, in PeerPayloadCursor cursor, in SequenceReader<byte> reader, int maxMessageBytes)
    {
        switch (stop)
        {
            case PayloadStop.Malformed:
                return PeerMessageException.Receiving(GrpcStatusCode.Internal, ParseFailureText + ProtobufException.Malformed().Message);
            case PayloadStop.TooLarge:
                MessagePrefix.TryPeek(reader, out _, out var length);
                return PeerMessageException.Receiving(GrpcStatusCode.ResourceExhausted, TooLargeText(length, maxMessageBytes));
            case PayloadStop.UnknownFlag:
                MessagePrefix.TryPeek(reader, out var flag, out _);
                return PeerMessageException.Receiving(GrpcStatusCode.Internal, UnknownFlagText(flag));
            case PayloadStop.StrayFields:
                return PeerMessageException.Plain(head.StrayFieldsText);
            case PayloadStop.WrongSequence:
                return PeerMessageException.Plain($"invalid sequence number received: {cursor.Seq} (expected: {cursor.ExpectedSeq})");
            default:
                return null;
        }
    }

    private static string UnknownFlagText(byte flag) => $"grpc: received unexpected payload format {flag}";

    private static string TooLargeText(uint length, int maxMessageBytes) => $"grpc: received message larger than max ({length} vs. {maxMessageBytes})";
}
