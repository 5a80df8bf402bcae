using System.Buffers;
using System.IO.Pipelines;
using FastSidecar.Protocol.Protobuf;

namespace FastSidecar.Protocol.Peer;

/// <summary>What became of a look at the first bytes of a stream.</summary>
internal enum HeadStep
{
    Done,
    ReadMore,

    /// <summary>The message has to be read as a whole.</summary>
    ReadWhole,
}

/// <summary>
/// Finds the request or response in the first message of a stream and says from where the payload is to be read. Normally the head stands
/// first, and the payload behind it need not have arrived.
/// </summary>
/// <remarks>
/// Heads before the first payload are merged, and then the parser is done: one more behind the payload would come too late for whoever got
/// the head, and is refused as stray. Only when there is none before the payload is the whole message searched.
/// </remarks>
internal static class PeerHeadParser
{
    /// <summary>
    /// A head of which this much has come without its end is moved to memory of our own: credit for the stream's window comes from
    /// consuming, so waiting for more than a window would wait for ever. No window in use is below 65,535 bytes (RFC 9113 §6.9.2).
    /// </summary>
    private const int WholeThresholdBytes = 32 * 1024;

    /// <summary>Takes the head out of what was read. Unless it is done it advances the input, over nothing.</summary>
    /// <param name="result">What was read; every byte of it was unread before.</param>
    /// <param name="input">What it belongs to.</param>
    /// <param name="head">Cleared, then filled.</param>
    /// <param name="cursor">When done it stands behind the head.</param>
    /// <param name="headEnd">When done: where in the buffer the head ends. The input is still to be advanced.</param>
    /// <exception cref="PeerMessageException">There will be no head, or it lacks what Dapr requires.</exception>
    public static HeadStep Take(in ReadResult result, in PeerInput input, PeerHead head, ref PeerPayloadCursor cursor, out long headEnd)
    {
        var buffer = result.Buffer;
        var examined = buffer.End;
        headEnd = 0;
        try
        {
            PeerFaults.ThrowIfCanceled(result);
            if (TryTakeContiguous(buffer.FirstSpan, input.MaxMessageBytes, head, ref cursor, out headEnd))
            {
                return HeadStep.Done;
            }

            var reader = new SequenceReader<byte>(buffer);
            if (!MessagePrefix.TryPeek(reader, out var flag, out var length))
            {
                PeerFaults.ThrowIfCut(result, input, head);
                return HeadStep.ReadMore;
            }

            PeerFaults.CheckPrefix(flag, length, input.MaxMessageBytes);
            var message = buffer.Slice(MessagePrefix.SizeBytes);
            message = message.Length > length ? message.Slice(0, length) : message;
            if (flag == 0 && TryParse(message, length, head, out var used, out var envelopeIsRead))
            {
                head.ThrowIfIncomplete(isUnary: false);
                cursor.EnterMessage(length - used, envelopeIsRead);
                headEnd = MessagePrefix.SizeBytes + used;
                return HeadStep.Done;
            }

            if (flag == 1 || buffer.Length >= WholeThresholdBytes)
            {
                examined = buffer.Start;
                return HeadStep.ReadWhole;
            }

            PeerFaults.ThrowIfCut(result, input, head);
            return HeadStep.ReadMore;
        }
        catch (ProtobufException e)
        {
            throw PeerFaults.Unparsable(e, head, isUnary: false);
        }
        finally
        {
            if (headEnd == 0)
            {
                input.Bytes.AdvanceTo(buffer.Start, examined);
            }
        }
    }

    /// <summary>
    /// The way of nearly every head: it lies in one piece of memory, here together with at least the head of the field behind it. False
    /// says nothing, and all is to be looked at again.
    /// </summary>
    private static bool TryTakeContiguous(
        ReadOnlySpan<byte> bytes, int maxMessageBytes, PeerHead head, ref PeerPayloadCursor cursor, out long headEnd)
    {
        headEnd = 0;
        if (!MessagePrefix.TryReadPlain(bytes, maxMessageBytes, out var messageBytes))
        {
            return false;
        }

        bytes = bytes[MessagePrefix.SizeBytes..];
        bytes = bytes[..Math.Min(bytes.Length, messageBytes)];
        if (!TryParseLeading(bytes, messageBytes, head, out var used))
        {
            return false;
        }

        head.ThrowIfIncomplete(isUnary: false);
        cursor.EnterMessage(messageBytes - used, envelopeIsRead: false);
        headEnd = MessagePrefix.SizeBytes + used;
        return true;
    }

    /// <summary>
    /// As <see cref="TryParse"/> for what encoders write: the request or response, and behind it nothing or the payload. False for
    /// everything else.
    /// </summary>
    private static bool TryParseLeading(ReadOnlySpan<byte> message, int messageBytes, PeerHead head, out int used)
    {
        used = 0;
        if (messageBytes == 0 || !FieldHead.TryRead(message, messageBytes, out var field) || !field.Is(1, WireType.Bytes))
        {
            return false;
        }

        var end = field.SizeBytes + (long)field.ContentBytes;
        if (end > message.Length)
        {
            return false;
        }

        head.Clear();
        ReadOnlySpan<byte> dataValue = default;
        used = (int)end;
        head.Merge(message[field.SizeBytes..used], ref dataValue);
        if (used < messageBytes
            && (!FieldHead.TryRead(message[used..], messageBytes - used, out var next) || !next.Is(PeerPayloadEncoder.PayloadNumber, WireType.Bytes)))
        {
            return false;
        }

        head.Finish(!dataValue.IsEmpty, isUnary: false);
        return true;
    }

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
        head.Finish(hasDataValue, isUnary: false);
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
