namespace FastSidecar.Transport.Http2.Frames;

/// <summary>Frame types (RFC 9113 §6). Anything else is ignored.</summary>
internal enum FrameType : byte
{
    Data = 0x0,
    Headers = 0x1,
    Priority = 0x2,
    RstStream = 0x3,
    Settings = 0x4,
    PushPromise = 0x5,
    Ping = 0x6,
    GoAway = 0x7,
    WindowUpdate = 0x8,
    Continuation = 0x9,
}

/// <summary>Frame flags (RFC 9113 §6); what a bit means depends on the type. Unknown ones are ignored.</summary>
[Flags]
internal enum FrameFlags : byte
{
    None = 0x0,

    /// <summary>DATA, HEADERS: the last frame of its sender on this stream.</summary>
    EndStream = 0x1,

    /// <summary>SETTINGS, PING: the answer to the peer's.</summary>
    Ack = 0x1,

    /// <summary>HEADERS, CONTINUATION: the header block ends here.</summary>
    EndHeaders = 0x4,

    /// <summary>DATA, HEADERS: a pad length byte comes first.</summary>
    Padded = 0x8,

    /// <summary>HEADERS: five bytes of deprecated priority come before the block.</summary>
    Priority = 0x20,
}
