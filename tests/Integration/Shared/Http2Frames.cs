using System.Buffers.Binary;
using System.Text;

namespace FastSidecar.Integration.Shared;

/// <summary>Writes HTTP/2 frames that need not be right (RFC 9113 §4.1, §6). The length is the payload's.</summary>
internal static class Http2Frames
{
    public const byte Data = 0;
    public const byte HeadersType = 1;
    public const byte Priority = 2;
    public const byte RstStream = 3;
    public const byte SettingsType = 4;
    public const byte PushPromise = 5;
    public const byte Ping = 6;
    public const byte GoAway = 7;
    public const byte WindowUpdateType = 8;
    public const byte Continuation = 9;

    public const byte EndStream = 1;
    public const byte Ack = 1;
    public const byte EndHeaders = 4;
    public const byte Padded = 8;
    public const byte HasPriority = 0x20;

    public static byte[] Preface { get; } = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray();

    /// <summary>What a proper client begins with.</summary>
    public static byte[] ClientStart { get; } = [.. Preface, .. Frame(SettingsType, 0, 0, [])];

    /// <summary>What a proper server begins with.</summary>
    public static byte[] ServerStart { get; } = [.. Frame(SettingsType, 0, 0, []), .. Frame(SettingsType, Ack, 0, [])];

    public static byte[] Frame(byte type, byte flags, int stream, params ReadOnlySpan<byte> payload)
    {
        var frame = new byte[9 + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, payload.Length << 8);
        frame[3] = type;
        frame[4] = flags;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame.AsSpan(9));
        return frame;
    }

    public static byte[] Settings(ushort id, uint value)
    {
        var payload = new byte[6];
        BinaryPrimitives.WriteUInt16BigEndian(payload, id);
        BinaryPrimitives.WriteUInt32BigEndian(payload.AsSpan(2), value);
        return Frame(SettingsType, 0, 0, payload);
    }

    public static byte[] WindowUpdate(int stream, uint increment) => Frame(WindowUpdateType, 0, stream, Number(increment));

    public static byte[] Reset(int stream, uint code) => Frame(RstStream, 0, stream, Number(code));

    public static byte[] Headers(int stream, byte flags, params IEnumerable<(string Name, string Value)> fields) =>
        Frame(HeadersType, (byte)(flags | EndHeaders), stream, Block(fields));

    public static byte[] Number(uint value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return bytes;
    }

    /// <summary>A header block of literals that are not indexed (RFC 7541 §6.2.2), without Huffman coding.</summary>
    public static byte[] Block(params IEnumerable<(string Name, string Value)> fields)
    {
        var block = new List<byte>();
        foreach (var (name, value) in fields)
        {
            block.Add(0);
            AddText(block, name);
            AddText(block, value);
        }

        return [.. block];
    }

    /// <summary>A gRPC message with its prefix.</summary>
    public static byte[] Message(params ReadOnlySpan<byte> message) => [0, .. Number((uint)message.Length), .. message];

    /// <summary>Whole frames at the start of <paramref name="bytes"/>.</summary>
    public static List<(byte Type, byte Flags, int Stream, byte[] Payload)> Read(ReadOnlySpan<byte> bytes)
    {
        var frames = new List<(byte, byte, int, byte[])>();
        while (bytes.Length >= 9)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(bytes) >>> 8;
            if (bytes.Length < 9 + length)
            {
                break;
            }

            frames.Add((bytes[3], bytes[4], BinaryPrimitives.ReadInt32BigEndian(bytes[5..]), bytes.Slice(9, length).ToArray()));
            bytes = bytes[(9 + length)..];
        }

        return frames;
    }

    private static void AddText(List<byte> block, string text)
    {
        AddNumber(block, text.Length, prefix: 7);
        block.AddRange(Encoding.Latin1.GetBytes(text));
    }

    private static void AddNumber(List<byte> block, int value, int prefix)
    {
        var most = (1 << prefix) - 1;
        if (value < most)
        {
            block.Add((byte)value);
            return;
        }

        block.Add((byte)most);
        for (value -= most; value >= 128; value >>= 7)
        {
            block.Add((byte)(value | 128));
        }

        block.Add((byte)value);
    }
}
