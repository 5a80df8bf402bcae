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

/// <summary>What a read of the body handed out, and what is to become of the input when it is consumed.</summary>
internal readonly struct PayloadLoan(PayloadSource source, ReadOnlySequence<byte> payload)
{
    public PayloadSource Source { get; } = source;

    public ReadOnlySequence<byte> Payload { get; } = payload;

    /// <summary>The input's buffer, whose start is where the reader's cursor stands.</summary>
    public ReadOnlySequence<byte> Buffer { get; init; }

    /// <summary>The cursor behind the payload, and the place in the buffer where it stands.</summary>
    public PeerPayloadCursor Cursor { get; init; }

    public SequencePosition Position { get; init; }

    public PayloadStop Stop { get; init; }

    /// <summary>What stands behind the payload.</summary>
    public Exception? Fault { get; init; }

    public bool IsCompleted { get; init; }

    /// <summary>More input would not lengthen it.</summary>
    public bool IsLast => Stop != PayloadStop.NeedInput || Fault is not null;

    public bool IsEnd(SequencePosition position) => Payload.IsEmpty || position.Equals(Payload.End) || Payload.Slice(position).IsEmpty;

    public long BytesUpTo(SequencePosition position) => Payload.IsEmpty ? 0 : Payload.Slice(Payload.Start, position).Length;
}
