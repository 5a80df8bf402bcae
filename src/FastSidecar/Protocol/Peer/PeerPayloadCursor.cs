using System.Buffers;
using FastSidecar.Protocol.Protobuf;

namespace FastSidecar.Protocol.Peer;

/// <summary>
/// Where a reader stands in a stream of CallLocalStream messages, and the step forward: finds the body bytes in them without waiting for
/// whole messages.
/// A value: a copy is a bookmark.
/// </summary>
/// <remarks>
/// <code>
/// Prefix ──▶ Message ──field 2──▶ Payload ──field 1──▶ Data        (bytes handed out)
///    ▲         │  ▲ ──field 1──▶ Envelope                          (request or response: must say nothing after the first message)
///    └─ end ───┘  └─ other ────▶ Skip                              (also inside Payload and Envelope)
/// </code>
/// Fields may come in any order. A second non-empty data in one message is refused: proto3 would let it replace the first one, which has
/// been handed out by then, and no encoder writes two.
/// </remarks>
internal struct PeerPayloadCursor
{
    private Place _place;

    /// <summary>The message that Data and Skip return to.</summary>
    private Place _home;
    private long _messageLeft;

    /// <summary>Left of the Payload or Envelope.</summary>
    private long _nestedLeft;

    /// <summary>Left of the Data or Skip.</summary>
    private long _contentLeft;
    private bool _envelopeIsRead;
    private bool _hasPayload;
    private bool _hasData;
    private ulong _seq;
    private ulong _expectedSeq;

    private enum Place : byte
    {
        Prefix,
        Message,
        Payload,
        Envelope,
        Data,
        Skip,
    }

    /// <summary>Between two messages: the only place where a stream may end.</summary>
    public readonly bool IsBetweenMessages => _place == Place.Prefix;

    /// <summary>The number that the last message with a payload carried.</summary>
    public readonly ulong Seq => _seq;

    /// <summary>The number that it should have carried, and once that is checked the next one's.</summary>
    public readonly ulong ExpectedSeq => _expectedSeq;

    /// <summary>Enters a message whose prefix somebody else has read.</summary>
    /// <param name="messageBytes">Left of it.</param>
    /// <param name="envelopeIsRead">Its request or response field has been read and is to be skipped.</param>
    public void EnterMessage(long messageBytes, bool envelopeIsRead)
    {
        _place = Place.Message;
        _home = Place.Message;
        _messageLeft = messageBytes;
        _envelopeIsRead = envelopeIsRead;
        _hasPayload = false;
        _hasData = false;
        _seq = 0;
    }

    /// <summary>
    /// Passes the usual message, or what is left of it behind its head, when it is all there is: one payload of data and its right number.
    /// False for everything else, and then nothing has changed.
    /// </summary>
    /// <param name="first">The first piece of the bytes, in which all but the data has to lie.</param>
    /// <param name="totalBytes">How many there are, with those of further pieces.</param>
    /// <param name="maxMessageBytes">The limit of a message.</param>
    /// <param name="dataStart">Where the data starts.</param>
    /// <param name="dataBytes">How long it is; not 0.</param>
    public bool TryPassLast(ReadOnlySpan<byte> first, long totalBytes, int maxMessageBytes, out int dataStart, out long dataBytes)
    {
        dataStart = 0;
        dataBytes = 0;
        var at = 0;
        var messageLeft = _messageLeft;
        if (_place == Place.Prefix)
        {
            if (!MessagePrefix.TryReadPlain(first, maxMessageBytes, out var messageBytes))
            {
                return false;
            }

            at = MessagePrefix.SizeBytes;
            messageLeft = messageBytes;
        }
        else if (_place != Place.Message || _hasPayload)
        {
            return false;
        }

        if (totalBytes - at != messageLeft
            || !FieldHead.TryReadShort(first[at..], out var payload)
            || !payload.Is(PeerPayloadEncoder.PayloadNumber, WireType.Bytes))
        {
            return false;
        }

        at += payload.SizeBytes;
        if (totalBytes - at != (long)payload.Value
            || !FieldHead.TryReadShort(first[at..], out var data)
            || !data.Is(1, WireType.Bytes))
        {
            return false;
        }

        at += data.SizeBytes;
        var left = totalBytes - at - (long)data.Value;
        if (left < 0 || data.Value == 0)
        {
            return false;
        }

        ulong seq = 0;
        if (left > 0)
        {
            var dataEnd = at + (int)data.Value;
            if (dataEnd >= first.Length
                || !FieldHead.TryReadShort(first[dataEnd..], out var number)
                || !number.Is(2, WireType.Varint)
                || number.SizeBytes != left)
            {
                return false;
            }

            seq = number.Value;
        }

        if (seq != _expectedSeq)
        {
            return false;
        }

        _place = Place.Prefix;
        _expectedSeq++;
        dataStart = at;
        dataBytes = (long)data.Value;
        return true;
    }

    /// <summary>
    /// Reads on. Body bytes go to <paramref name="pieces"/>, if given, as slices of the reader's sequence; at most <paramref name="limit"/>
    /// of them and at most as many pieces as it takes.
    /// </summary>
    public PayloadStop Advance(ref SequenceReader<byte> reader, PeerHead head, PayloadPieces? pieces, long limit, int maxMessageBytes)
    {
        try
        {
            return AdvanceCore(ref reader, head, pieces, limit, maxMessageBytes);
        }
        catch (ProtobufException)
        {
            return PayloadStop.Malformed;
        }
    }

    private PayloadStop AdvanceCore(ref SequenceReader<byte> reader, PeerHead head, PayloadPieces? pieces, long limit, int maxMessageBytes)
    {
        FieldHead field;
        while (true)
        {
            switch (_place)
            {
                case Place.Prefix:
                    if (!MessagePrefix.TryPeek(reader, out var flag, out var length))
                    {
                        return PayloadStop.NeedInput;
                    }

                    if (flag > 1)
                    {
                        return PayloadStop.UnknownFlag;
                    }

                    if (length > maxMessageBytes)
                    {
                        return PayloadStop.TooLarge;
                    }

                    if (flag == 1)
                    {
                        return PayloadStop.Compressed;
                    }

                    reader.Advance(MessagePrefix.SizeBytes);
                    EnterMessage(length, envelopeIsRead: false);
                    break;

                case Place.Message when _messageLeft == 0:
                    if (_hasPayload && _seq != _expectedSeq)
                    {
                        return PayloadStop.WrongSequence;
                    }

                    _expectedSeq += _hasPayload ? 1u : 0u;
                    _place = Place.Prefix;
                    break;

                case Place.Message:
                    if (!TryReadField(ref reader, _messageLeft, out field))
                    {
                        return PayloadStop.NeedInput;
                    }

                    EnterField(field);
                    break;

                case Place.Payload or Place.Envelope when _nestedLeft == 0:
                    _home = Place.Message;
                    _place = Place.Message;
                    break;

                case Place.Payload:
                    if (!TryReadField(ref reader, _nestedLeft, out field))
                    {
                        return PayloadStop.NeedInput;
                    }

                    EnterPayloadField(field);
                    break;

                case Place.Envelope:
                    if (!TryReadField(ref reader, _nestedLeft, out field))
                    {
                        return PayloadStop.NeedInput;
                    }

                    if (head.IsLeadingOnly(field))
                    {
                        return PayloadStop.StrayFields;
                    }

                    EnterContent(Place.Skip, field.ContentBytes);
                    break;

                case Place.Data or Place.Skip when _contentLeft == 0:
                    _place = _home;
                    break;

                case Place.Data:
                    var bytes = Math.Min(_contentLeft, Math.Min(reader.Remaining, limit));
                    if (bytes == 0)
                    {
                        return limit == 0 ? PayloadStop.Limit : PayloadStop.NeedInput;
                    }

                    if (pieces is not null && !pieces.TryAdd(reader.Sequence.Slice(reader.Position, bytes)))
                    {
                        return PayloadStop.Limit;
                    }

                    limit -= bytes;
                    _contentLeft -= bytes;
                    reader.Advance(bytes);
                    Count(bytes);
                    break;

                case Place.Skip:
                    var skipped = Math.Min(_contentLeft, reader.Remaining);
                    if (skipped == 0)
                    {
                        return PayloadStop.NeedInput;
                    }

                    _contentLeft -= skipped;
                    reader.Advance(skipped);
                    Count(skipped);
                    break;
            }
        }
    }

    private void EnterField(in FieldHead field)
    {
        if (field.Is(PeerPayloadEncoder.PayloadNumber, WireType.Bytes))
        {
            _hasPayload = true;
            EnterNested(Place.Payload, field.ContentBytes);
        }
        else if (field.Is(1, WireType.Bytes) && !_envelopeIsRead)
        {
            EnterNested(Place.Envelope, field.ContentBytes);
        }
        else
        {
            EnterContent(Place.Skip, field.ContentBytes);
        }
    }

    private void EnterPayloadField(in FieldHead field)
    {
        if (field.Is(1, WireType.Bytes))
        {
            if (_hasData && field.ContentBytes > 0)
            {
                throw ProtobufException.Malformed();
            }

            _hasData |= field.ContentBytes > 0;
            EnterContent(Place.Data, field.ContentBytes);
        }
        else
        {
            _seq = field.Is(2, WireType.Varint) ? field.Value : _seq;
            EnterContent(Place.Skip, field.ContentBytes);
        }
    }

    private void EnterNested(Place place, ulong bytes)
    {
        _place = place;
        _home = place;
        _nestedLeft = (long)bytes;
    }

    private void EnterContent(Place place, ulong bytes)
    {
        _place = place;
        _contentLeft = (long)bytes;
    }

    private bool TryReadField(ref SequenceReader<byte> reader, long containerLeft, out FieldHead field)
    {
        if (!FieldHead.TryRead(ref reader, containerLeft, out field))
        {
            return false;
        }

        Count(field.SizeBytes);
        return true;
    }

    private void Count(long bytes)
    {
        _messageLeft -= bytes;
        if (_home != Place.Message)
        {
            _nestedLeft -= bytes;
        }
    }
}
