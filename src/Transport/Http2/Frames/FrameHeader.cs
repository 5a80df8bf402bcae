using System.Buffers.Binary;

namespace FastSidecar.Transport.Http2.Frames;

/// <summary>The nine bytes before every payload (RFC 9113 §4.1).</summary>
internal readonly record struct FrameHeader(int Length, FrameType Type, FrameFlags Flags, int StreamId)
{
    public const int Size = 9;

    /// <summary>The value of SETTINGS_MAX_FRAME_SIZE before any SETTINGS, and the least that it may be (RFC 9113 §6.5.2).</summary>
    public const int DefaultMaxLength = 1 << 14;

    /// <summary>The most that a length field can say.</summary>
    public const int MaxLength = (1 << 24) - 1;

    public bool Has(FrameFlags flag) => (Flags & flag) != 0;

    // +-----------------------------------------------+
    // |                 Length (24)                   |
    // +---------------+---------------+---------------+
    // |   Type (8)    |   Flags (8)   |
    // +-+-------------+---------------+-------------------------------+
    // |R|                 Stream Identifier (31)                      |
    // +=+=============================================================+
    public static FrameHeader Parse(ReadOnlySpan<byte> bytes)
    {
        var first = BinaryPrimitives.ReadUInt32BigEndian(bytes);
        var flags = (FrameFlags)bytes[4];
        var stream = BinaryPrimitives.ReadUInt32BigEndian(bytes[5..]) & 0x7fffffff;
        return new FrameHeader((int)(first >> 8), (FrameType)(byte)first, flags, (int)stream);
    }

    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt32BigEndian(bytes, ((uint)Length << 8) | (byte)Type);
        bytes[4] = (byte)Flags;
        BinaryPrimitives.WriteInt32BigEndian(bytes[5..], StreamId);
    }
}
