namespace FastSidecar.Protocol.Peer;

/// <summary>Why <see cref="PeerPayloadCursor.Advance"/> stopped.</summary>
internal enum PayloadStop
{
    /// <summary>All bytes are used, or the rest is the beginning of something that cannot be read in part.</summary>
    NeedInput,

    /// <summary>As many body bytes as were asked for have passed.</summary>
    Limit,

    /// <summary>The next message has to be read as a whole: it is compressed. Its prefix is unread.</summary>
    Compressed,

    // The rest are errors: the stream cannot be read on. TooLarge and UnknownFlag leave the prefix unread.
    Malformed,
    TooLarge,
    UnknownFlag,
    StrayFields,
    WrongSequence,
}
