using System.Buffers;
using FastSidecar.Protocol.Protobuf;

namespace FastSidecar.Protocol.Peer;

/// <summary>
/// Finds the request or response in the first message of a stream and says from where the payload is to be read. Normally the head stands first, and the
/// payload behind it need not have arrived.
/// </summary>
/// <remarks>
/// Heads before the first payload are merged, and then the parser is done: one more behind the payload would come too late for whoever got the head, and is
/// refused as stray. Only when there is none before the payload is the whole message searched.
/// </remarks>
internal static class PeerHeadParser
{
    /// <summary>False: more of the message is needed. <paramref name="head"/> holds nothing of use then.</summary>
    /// <param name="message">What has arrived of the message, without its prefix.</param>
    /// <param name="messageBytes">The size of the whole message.</param>
    /// <param name="head">Cleared, then filled.</param>
    /// <param name="used">Where <see cref="PeerPayloadCursor"/> has to go on, counted from the message's start.</param>
    /// <param name="envelopeIsRead">Behind that place stand heads that were merged and are to be skipped.</param>
    /// <exception cref="ProtobufException">Go would refuse these bytes.</exception>
    public static bool TryParse(in ReadOnlySequence<byte> message, long messageBytes, PeerHead head, out long used, out bool envelopeIsRead)
    {
        head.Clear();
        var reader = new SequenceReader<byte>(message);
        var isFound = false;
        var hasDataValue = false;
        long firstPayload = -1;
        used = 0;
        envelopeIsRead = false;
        while (reader.Consumed < messageBytes)
        {
            var fieldStart = reader.Consumed;
            if (!FieldHead.TryRead(ref reader, messageBytes - fieldStart, out var field))
            {
                return false;
            }

            if (field.Is(PeerPayloadEncoder.PayloadNumber, WireType.Bytes) && firstPayload < 0)
            {
                firstPayload = fieldStart;
                if (isFound)
                {
                    break;
                }
            }

            if (reader.Remaining < (long)field.ContentBytes)
            {
                return false;
            }

            if (field.Is(1, WireType.Bytes))
            {
                hasDataValue |= Merge(reader, (int)field.ContentBytes, head);
                envelopeIsRead |= firstPayload >= 0;
                isFound = true;
            }

            reader.Advance((long)field.ContentBytes);
        }

        used = firstPayload >= 0 ? firstPayload : messageBytes;
        head.Finish(hasDataValue, unary: false);
        return true;
    }

    private static bool Merge(in SequenceReader<byte> reader, int bytes, PeerHead head)
    {
        ReadOnlySpan<byte> dataValue = default;
        if (reader.UnreadSpan.Length >= bytes)
        {
            head.Merge(reader.UnreadSpan[..bytes], ref dataValue);
            return !dataValue.IsEmpty;
        }

        var joined = ArrayPool<byte>.Shared.Rent(bytes);
        try
        {
            reader.TryCopyTo(joined.AsSpan(0, bytes));
            head.Merge(joined.AsSpan(0, bytes), ref dataValue);
            return !dataValue.IsEmpty;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(joined);
        }
    }
}
