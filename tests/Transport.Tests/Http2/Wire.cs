using System.Buffers.Binary;
using System.Text;

namespace FastSidecar.Transport.Tests.Http2;

/// <summary>A frame as a test sees it.</summary>
internal sealed record WireFrame(byte Type, byte Flags, int StreamId, byte[] Payload)
{
    public bool Has(byte flag) => (Flags & flag) != 0;

    public uint Word(int offset = 0) => BinaryPrimitives.ReadUInt32BigEndian(Payload.AsSpan(offset));

    public override string ToString() => $"type {Type} flags {Flags:x} stream {StreamId} [{Convert.ToHexString(Payload.AsSpan(0, Math.Min(64, Payload.Length)))}]";
}

/// <summary>Frames written byte by byte, independent of the product's writer, so that they can also be wrong.</summary>
internal static class Wire
{
    public const byte Data = 0;
    public const byte Head = 1;
    public const byte Priority = 2;
    public const byte RstStream = 3;
    public const byte Settings = 4;
    public const byte PushPromise = 5;
    public const byte Ping = 6;
    public const byte GoingAway = 7;
    public const byte WindowUpdate = 8;
    public const byte Continuation = 9;

    public const byte EndStream = 1;
    public const byte Ack = 1;
    public const byte EndHeaders = 4;
    public const byte Padded = 8;
    public const byte HasPriority = 32;

    public static byte[] Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray();

    public static byte[] Frame(byte type, byte flags, int streamId, params byte[] payload)
    {
        var frame = new byte[9 + payload.Length];
        frame[0] = (byte)(payload.Length >> 16);
        frame[1] = (byte)(payload.Length >> 8);
        frame[2] = (byte)payload.Length;
        frame[3] = type;
        frame[4] = flags;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), streamId);
        payload.CopyTo(frame, 9);
        return frame;
    }

    public static byte[] Word(uint value)
    {
        var word = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(word, value);
        return word;
    }

    public static byte[] SettingsFrame(params (ushort Id, uint Value)[] settings)
    {
        var payload = new byte[settings.Length * 6];
        for (var i = 0; i < settings.Length; i++)
        {
            BinaryPrimitives.WriteUInt16BigEndian(payload.AsSpan(i * 6), settings[i].Id);
            BinaryPrimitives.WriteUInt32BigEndian(payload.AsSpan((i * 6) + 2), settings[i].Value);
        }

        return Frame(Settings, 0, 0, payload);
    }

    public static byte[] SettingsAck => Frame(Settings, Ack, 0);

    public static byte[] PingFrame(ulong opaque, bool ack = false)
    {
        var payload = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(payload, opaque);
        return Frame(Ping, ack ? Ack : (byte)0, 0, payload);
    }

    public static byte[] Reset(int streamId, uint code) => Frame(RstStream, 0, streamId, Word(code));

    public static byte[] WindowUpdateFrame(int streamId, uint increment) => Frame(WindowUpdate, 0, streamId, Word(increment));

    public static byte[] GoAwayFrame(int lastStreamId, uint code, string text = "") =>
        Frame(GoingAway, 0, 0, [.. Word((uint)lastStreamId), .. Word(code), .. Encoding.ASCII.GetBytes(text)]);

    public static byte[] DataFrame(int streamId, byte[] bytes, bool end = false) => Frame(Data, end ? EndStream : (byte)0, streamId, bytes);

    public static byte[] HeadersFrame(int streamId, byte[] block, bool end) => Frame(Head, (byte)(EndHeaders | (end ? EndStream : 0)), streamId, block);

    public static byte[] Request(int streamId, bool end, params (string Name, string Value)[] more) => HeadersFrame(
        streamId, Block([(":method", "POST"), (":scheme", "http"), (":path", "/echo"), (":authority", "test"), .. more]), end);

    public static byte[] Response(int streamId, bool end, params (string Name, string Value)[] more) =>
        HeadersFrame(streamId, Block([(":status", "200"), .. more]), end);

    /// <summary>Literals without indexing and without Huffman code (RFC 7541 §6.2.2): the simplest block there is.</summary>
    public static byte[] Block(params (string Name, string Value)[] fields)
    {
        using var block = new MemoryStream();
        foreach (var (name, value) in fields)
        {
            block.WriteByte(0);
            WriteString(block, name);
            WriteString(block, value);
        }

        return block.ToArray();
    }

    public static byte[] Join(params byte[][] pieces) => pieces.SelectMany(p => p).ToArray();

    private static void WriteString(MemoryStream block, string text)
    {
        var bytes = Encoding.Latin1.GetBytes(text);
        if (bytes.Length < 127)
        {
            block.WriteByte((byte)bytes.Length);
        }
        else
        {
            block.WriteByte(127);
            var rest = bytes.Length - 127;
            for (; rest >= 128; rest >>= 7)
            {
                block.WriteByte((byte)((rest & 127) | 128));
            }

            block.WriteByte((byte)rest);
        }

        block.Write(bytes);
    }
}
