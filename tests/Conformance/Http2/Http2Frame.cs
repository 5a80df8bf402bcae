using System.Buffers.Binary;
using System.Text;

namespace FastSidecar.Conformance.Http2;

internal enum Http2FrameType : byte
{
    Data = 0,
    Headers = 1,
    Priority = 2,
    RstStream = 3,
    Settings = 4,
    PushPromise = 5,
    Ping = 6,
    GoAway = 7,
    WindowUpdate = 8,
    Continuation = 9,
}

/// <summary>One HTTP/2 frame (RFC 9113 §4.1): length (24), type (8), flags (8), stream (31), payload.</summary>
internal sealed record Http2Frame(Http2FrameType Type, byte Flags, int Stream, byte[] Payload)
{
    public const int HeadBytes = 9;
    public const byte EndStream = 0x1;
    public const byte Acknowledgement = 0x1;
    public const byte EndHeaders = 0x4;
    private const byte Padded = 0x8;
    private const byte HasPriority = 0x20;

    public static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    public bool Has(byte flag) => (Flags & flag) != 0;

    /// <summary>The first frame of <paramref name="bytes"/>; null when it has not come whole.</summary>
    public static Http2Frame? TryRead(ReadOnlySpan<byte> bytes, out int consumed)
    {
        consumed = 0;
        if (bytes.Length < HeadBytes)
        {
            return null;
        }

        var length = (bytes[0] << 16) | (bytes[1] << 8) | bytes[2];
        if (bytes.Length < HeadBytes + length)
        {
            return null;
        }

        consumed = HeadBytes + length;
        var stream = BinaryPrimitives.ReadInt32BigEndian(bytes[5..]) & int.MaxValue;
        return new Http2Frame((Http2FrameType)bytes[3], bytes[4], stream, bytes.Slice(HeadBytes, length).ToArray());
    }

    public byte[] ToBytes()
    {
        var bytes = new byte[HeadBytes + Payload.Length];
        bytes[0] = (byte)(Payload.Length >> 16);
        bytes[1] = (byte)(Payload.Length >> 8);
        bytes[2] = (byte)Payload.Length;
        bytes[3] = (byte)Type;
        bytes[4] = Flags;
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(5), Stream);
        Payload.CopyTo(bytes, HeadBytes);
        return bytes;
    }

    /// <summary>DATA or a header block without padding and priority.</summary>
    public ReadOnlySpan<byte> Content
    {
        get
        {
            var start = Has(Padded) && (Type is Http2FrameType.Data or Http2FrameType.Headers) ? 1 : 0;
            var end = Payload.Length - (start == 1 ? Payload[0] : 0);
            if (Type == Http2FrameType.Headers && Has(HasPriority))
            {
                start += 5;
            }

            return Payload.AsSpan(start, end - start);
        }
    }

    public int ErrorCode => BinaryPrimitives.ReadInt32BigEndian(Payload.AsSpan(Type == Http2FrameType.GoAway ? 4 : 0));

    public static Http2Frame Settings(params (ushort Id, uint Value)[] settings)
    {
        var payload = new byte[settings.Length * 6];
        for (var i = 0; i < settings.Length; i++)
        {
            BinaryPrimitives.WriteUInt16BigEndian(payload.AsSpan(i * 6), settings[i].Id);
            BinaryPrimitives.WriteUInt32BigEndian(payload.AsSpan((i * 6) + 2), settings[i].Value);
        }

        return new Http2Frame(Http2FrameType.Settings, 0, 0, payload);
    }

    public static Http2Frame WindowUpdate(int stream, int bytes)
    {
        var payload = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(payload, bytes);
        return new Http2Frame(Http2FrameType.WindowUpdate, 0, stream, payload);
    }

    /// <summary>A header block as literals without indexing and without Huffman (RFC 7541 §6.2.2), in frames of at most 16 KiB.</summary>
    public static IEnumerable<Http2Frame> Headers(int stream, IEnumerable<(string Name, string Value)> fields, bool endStream)
    {
        const int MostBytes = 16 * 1024;
        var block = new List<byte>();
        foreach (var (name, value) in fields)
        {
            block.Add(0);
            Add(block, name);
            Add(block, value);
        }

        for (var at = 0; at == 0 || at < block.Count; at += MostBytes)
        {
            var part = block.GetRange(at, Math.Min(MostBytes, block.Count - at)).ToArray();
            var last = at + part.Length >= block.Count ? EndHeaders : (byte)0;
            yield return at == 0
                ? new Http2Frame(Http2FrameType.Headers, (byte)(last | (endStream ? EndStream : 0)), stream, part)
                : new Http2Frame(Http2FrameType.Continuation, last, stream, part);
        }
    }

    public static IEnumerable<Http2Frame> Data(int stream, ReadOnlyMemory<byte> body, bool endStream)
    {
        const int MostBytes = 16 * 1024;
        for (var at = 0; at == 0 || at < body.Length; at += MostBytes)
        {
            var part = body.Slice(at, Math.Min(MostBytes, body.Length - at)).ToArray();
            yield return new Http2Frame(Http2FrameType.Data, endStream && at + part.Length >= body.Length ? EndStream : (byte)0, stream, part);
        }
    }

    private static void Add(List<byte> block, string text)
    {
        const int Most = 127;
        var bytes = Encoding.Latin1.GetBytes(text);
        if (bytes.Length < Most)
        {
            block.Add((byte)bytes.Length);
        }
        else
        {
            block.Add(Most);
            var left = bytes.Length - Most;
            for (; left >= 0x80; left >>= 7)
            {
                block.Add((byte)(left | 0x80));
            }

            block.Add((byte)left);
        }

        block.AddRange(bytes);
    }
}
