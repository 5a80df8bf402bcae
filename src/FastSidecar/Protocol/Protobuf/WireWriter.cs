using System.Diagnostics;
using System.Text.Unicode;

namespace FastSidecar.Protocol.Protobuf;

/// <summary>
/// Writes protobuf fields into memory whose exact size was computed before. Field numbers stay below 16, so every tag is one byte.
/// The <c>…Size</c> methods say what the matching writer takes; they follow proto3: an empty scalar is not written.
/// </summary>
internal ref struct WireWriter(Span<byte> destination)
{
    private readonly Span<byte> _destination = destination;
    private int _written;

    public readonly int Written => _written;

    public static byte Tag(int number, WireType type) => (byte)((number << 3) | (int)type);

    /// <summary>Tag, length and contents.</summary>
    public static long FieldSize(long contentBytes) => contentBytes < 0x80 ? 2 + contentBytes : 1 + FieldHead.VarintBytes((ulong)contentBytes) + contentBytes;

    /// <summary>
    /// As <see cref="FieldSize"/>, 0 when empty. Throws <see cref="ProtobufException"/> for what a proto3 string must not hold.
    /// </summary>
    public static long TextSize(ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty)
        {
            return 0;
        }

        return Utf8.IsValid(text) ? FieldSize(text.Length) : throw ProtobufException.InvalidUtf8();
    }

    /// <summary>A varint field, 0 for the default value.</summary>
    public static int VarintSize(ulong value) => value == 0 ? 0 : 1 + FieldHead.VarintBytes(value);

    public void Byte(byte value) => _destination[_written++] = value;

    public void Varint(ulong value)
    {
        while (value >= 0x80)
        {
            Byte((byte)(value | 0x80));
            value >>= 7;
        }

        Byte((byte)value);
    }

    public void Raw(scoped ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_destination[_written..]);
        _written += bytes.Length;
    }

    /// <summary>What opens a length-delimited field; its contents follow.</summary>
    public void FieldStart(int number, long contentBytes)
    {
        if (contentBytes < 0x80)
        {
            var start = _destination.Slice(_written, 2);
            start[1] = (byte)contentBytes;
            start[0] = Tag(number, WireType.Bytes);
            _written += 2;
            return;
        }

        Byte(Tag(number, WireType.Bytes));
        Varint((ulong)contentBytes);
    }

    public void VarintField(int number, ulong value)
    {
        if (value != 0)
        {
            Byte(Tag(number, WireType.Varint));
            Varint(value);
        }
    }

    public void TextField(int number, scoped ReadOnlySpan<byte> text)
    {
        if (!text.IsEmpty)
        {
            FieldStart(number, text.Length);
            Raw(text);
        }
    }

    /// <summary>The five bytes before a gRPC message: flag 0 (not compressed) and the length (grpc/grpc doc/PROTOCOL-HTTP2.md).</summary>
    public void MessagePrefix(long messageBytes)
    {
        Byte(0);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(_destination[_written..], (uint)messageBytes);
        _written += sizeof(uint);
    }

    [Conditional("DEBUG")]
    public readonly void AssertFull() => Debug.Assert(_written == _destination.Length, "the computed size is not what was written");
}
