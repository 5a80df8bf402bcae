using System.Buffers;
using System.Buffers.Binary;

namespace FastSidecar.Transport.Http2.Frames;

/// <summary>Writes whole frames into a buffer (RFC 9113 §6). Each method returns how many bytes that were.</summary>
internal static class FrameWriter
{
    private const int SettingSize = 6;
    private const int MaxDebugTextBytes = 256;

    public static int WriteSettings(IBufferWriter<byte> output, ReadOnlySpan<(SettingId Id, uint Value)> settings)
    {
        var payload = Start(output, FrameType.Settings, FrameFlags.None, 0, settings.Length * SettingSize);
        foreach (var (id, value) in settings)
        {
            BinaryPrimitives.WriteUInt16BigEndian(payload, (ushort)id);
            BinaryPrimitives.WriteUInt32BigEndian(payload[2..], value);
            payload = payload[SettingSize..];
        }

        return Finish(output, settings.Length * SettingSize);
    }

    public static int WriteSettingsAck(IBufferWriter<byte> output)
    {
        Start(output, FrameType.Settings, FrameFlags.Ack, 0, 0);
        return Finish(output, 0);
    }

    public static int WritePing(IBufferWriter<byte> output, ulong opaque, bool ack)
    {
        var payload = Start(output, FrameType.Ping, ack ? FrameFlags.Ack : FrameFlags.None, 0, sizeof(ulong));
        BinaryPrimitives.WriteUInt64BigEndian(payload, opaque);
        return Finish(output, sizeof(ulong));
    }

    public static int WriteWindowUpdate(IBufferWriter<byte> output, int streamId, int increment)
    {
        var payload = Start(output, FrameType.WindowUpdate, FrameFlags.None, streamId, sizeof(int));
        BinaryPrimitives.WriteInt32BigEndian(payload, increment);
        return Finish(output, sizeof(int));
    }

    public static int WriteReset(IBufferWriter<byte> output, int streamId, Http2ErrorCode code)
    {
        var payload = Start(output, FrameType.RstStream, FrameFlags.None, streamId, sizeof(uint));
        BinaryPrimitives.WriteUInt32BigEndian(payload, (uint)code);
        return Finish(output, sizeof(uint));
    }

    public static int WriteGoAway(IBufferWriter<byte> output, int lastStreamId, Http2ErrorCode code, string debugText)
    {
        Span<byte> text = stackalloc byte[MaxDebugTextBytes];
        System.Text.Unicode.Utf8.FromUtf16(debugText, text, out _, out var textBytes);
        var length = (2 * sizeof(uint)) + textBytes;
        var payload = Start(output, FrameType.GoAway, FrameFlags.None, 0, length);
        BinaryPrimitives.WriteInt32BigEndian(payload, lastStreamId);
        BinaryPrimitives.WriteUInt32BigEndian(payload[4..], (uint)code);
        text[..textBytes].CopyTo(payload[8..]);
        return Finish(output, length);
    }

    /// <summary>A complete header block as HEADERS and as many CONTINUATIONs as it takes.</summary>
    public static int WriteHeaderBlock(
        IBufferWriter<byte> output, int streamId, ReadOnlySpan<byte> block, bool endStream, int maxFrameBytes)
    {
        var type = FrameType.Headers;
        var flags = endStream ? FrameFlags.EndStream : FrameFlags.None;
        var written = 0;
        do
        {
            var length = Math.Min(block.Length, maxFrameBytes);
            flags |= length == block.Length ? FrameFlags.EndHeaders : FrameFlags.None;
            block[..length].CopyTo(Start(output, type, flags, streamId, length));
            written += Finish(output, length);
            block = block[length..];
            type = FrameType.Continuation;
            flags = FrameFlags.None;
        }
        while (!block.IsEmpty);

        return written;
    }

    private static Span<byte> Start(IBufferWriter<byte> output, FrameType type, FrameFlags flags, int streamId, int length)
    {
        var span = output.GetSpan(FrameHeader.Size + length);
        new FrameHeader(length, type, flags, streamId).Write(span);
        return span[FrameHeader.Size..];
    }

    private static int Finish(IBufferWriter<byte> output, int length)
    {
        output.Advance(FrameHeader.Size + length);
        return FrameHeader.Size + length;
    }
}
