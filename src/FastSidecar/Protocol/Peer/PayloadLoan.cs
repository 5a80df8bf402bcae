using System.Buffers;

namespace FastSidecar.Protocol.Peer;

/// <summary>Where lent body bytes lie.</summary>
internal enum PayloadSource : byte
{
    /// <summary>Nothing is lent.</summary>
    None,

    /// <summary>In the input's buffer, which has to be advanced when they are consumed.</summary>
    Input,

    /// <summary>In our own memory.</summary>
    Whole,

    /// <summary>There are none: the body has ended.</summary>
    End,
}

/// <summary>
/// What a read of the body handed out, and what is to become of the input when it is consumed. Filled in place, because it is large: of a
/// loan that is not from the input only the first two fields mean anything.
/// </summary>
internal struct PayloadLoan
{
    public PayloadSource Source;

    public ReadOnlySequence<byte> Payload;

    /// <summary>The input's buffer, whose start is where the reader's cursor stands.</summary>
    public ReadOnlySequence<byte> Buffer;

    /// <summary>The cursor behind the payload, and the place in the buffer where it stands.</summary>
    public PeerPayloadCursor Cursor;

    public SequencePosition Position;

    public PayloadStop Stop;

    /// <summary>What stands behind the payload.</summary>
    public Exception? Fault;

    public bool IsCompleted;

    /// <summary>More input would not lengthen it.</summary>
    public readonly bool IsLast => Stop != PayloadStop.NeedInput || Fault is not null;

    public readonly bool IsEnd(SequencePosition position) => Payload.IsEmpty || position.Equals(Payload.End) || Payload.Slice(position).IsEmpty;

    public readonly long BytesUpTo(SequencePosition position) => Payload.IsEmpty ? 0 : Payload.Slice(Payload.Start, position).Length;
}
