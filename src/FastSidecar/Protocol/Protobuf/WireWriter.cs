using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace FastSidecar.Protocol.Protobuf;

/// <summary>
/// Writes protobuf fields into memory whose exact size was computed before. Field numbers stay below 16, so every tag is one byte.
/// The <c>…Size</c> methods say what the matching writer takes; they follow proto3: an empty scalar is not written.
/// </summary>
/// <remarks>
/// Texts are not checked before they are written: whether there is anything to check is seen while they are copied. So whoever writes texts
/// looks at <see cref="IsAscii"/> before what was written is sent.
/// </remarks>
internal ref struct WireWriter(Span<byte> destination)
{
    /// <summary>Name and value of a map entry up to this size leave every length in it below 128: one byte each.</summary>
    private const int MaxShortEntryBytes = 0x7f - 6;

    /// <summary>Tags and lengths of a short map entry, its own two bytes included.</summary>
    private const int ShortEntryFrameBytes = 8;

    private readonly Span<byte> _destination = destination;
    private int _written;

    /// <summary>All bytes of all texts joined by OR.</summary>
    private ulong _textBits;

    public readonly int Written => _written;

    /// <summary>All texts written so far are ASCII, and so need no check for UTF-8.</summary>
    public readonly bool IsAscii => TextCopy.IsAscii(_textBits);

    public static byte Tag(int number, WireType type) => (byte)((number << 3) | (int)type);

    /// <summary>Tag, length and contents.</summary>
    public static long FieldSize(long contentBytes) => contentBytes switch
    {
        < 0x80 => 2 + contentBytes,
        < 0x4000 => 3 + contentBytes,
        _ => 1 + FieldHead.VarintBytes((ulong)contentBytes) + contentBytes,
    };

    /// <summary>As <see cref="FieldSize"/>, 0 when empty.</summary>
    public static long TextSize(ReadOnlySpan<byte> text) => text.IsEmpty ? 0 : FieldSize(text.Length);

    /// <summary>What <see cref="MapEntry"/> takes, with tag and length.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long MapEntrySize(int keyBytes, int valueBytes) => keyBytes + valueBytes <= MaxShortEntryBytes
        ? ShortEntryFrameBytes + keyBytes + valueBytes
        : LongMapEntrySize(keyBytes, valueBytes);

    /// <summary>An entry of a <c>map&lt;string, ListStringValue&gt;</c> without its own tag and length.</summary>
    public static long MapEntryContentSize(int keyBytes, long listBytes) => FieldSize(keyBytes) + FieldSize(listBytes);

    /// <summary>A varint field, 0 for the default value.</summary>
    public static int VarintSize(ulong value) => value == 0 ? 0 : 1 + FieldHead.VarintBytes(value);

    private static long LongMapEntrySize(int keyBytes, int valueBytes) => FieldSize(MapEntryContentSize(keyBytes, FieldSize(valueBytes)));

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

        if (contentBytes < 0x4000)
        {
            var start = _destination.Slice(_written, 3);
            start[2] = (byte)(contentBytes >> 7);
            start[1] = (byte)(contentBytes | 0x80);
            start[0] = Tag(number, WireType.Bytes);
            _written += 3;
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

    public void Text(scoped ReadOnlySpan<byte> text)
    {
        _textBits |= TextCopy.Copy(text, _destination.Slice(_written, text.Length));
        _written += text.Length;
    }

    public void TextField(int number, scoped ReadOnlySpan<byte> text)
    {
        if (!text.IsEmpty)
        {
            FieldStart(number, text.Length);
            Text(text);
        }
    }

    /// <summary>
    /// An entry of a <c>map&lt;string, ListStringValue&gt;</c> with one value in its list. Key and list are always written, also when
    /// empty.
    /// </summary>
    /// <remarks>
    /// <code>
    /// tag len              entry
    ///   0a len key…        1 key
    ///   12 len             2 value, a ListStringValue
    ///     0a len value…    1 values
    /// </code>
    /// </remarks>
    public void MapEntry(int number, scoped ReadOnlySpan<byte> key, scoped ReadOnlySpan<byte> value)
    {
        var textBytes = key.Length + value.Length;
        if (textBytes > MaxShortEntryBytes)
        {
            var listBytes = FieldSize(value.Length);
            MapEntryStart(number, key, listBytes);
            FieldStart(1, value.Length);
            Text(value);
            return;
        }

        // Nearly every header field. One look at the room for all of it, then the eight bytes around its texts as two words.
        var entry = _destination.Slice(_written, ShortEntryFrameBytes + textBytes);
        ref var start = ref MemoryMarshal.GetReference(entry);
        WriteWord(ref start, Tag(number, WireType.Bytes) | (uint)(6 + textBytes) << 8 | 0x0a << 16 | (uint)key.Length << 24);
        start = ref Unsafe.Add(ref start, sizeof(uint));
        var bits = TextCopy.Copy(ref MemoryMarshal.GetReference(key), ref start, (uint)key.Length);
        start = ref Unsafe.Add(ref start, (uint)key.Length);
        WriteWord(ref start, 0x12 | (uint)(2 + value.Length) << 8 | 0x0a << 16 | (uint)value.Length << 24);
        start = ref Unsafe.Add(ref start, sizeof(uint));
        _textBits |= bits | TextCopy.Copy(ref MemoryMarshal.GetReference(value), ref start, (uint)value.Length);
        _written += entry.Length;
    }

    /// <summary>An entry up to its list, of which <paramref name="listBytes"/> bytes follow.</summary>
    public void MapEntryStart(int number, scoped ReadOnlySpan<byte> key, long listBytes)
    {
        FieldStart(number, MapEntryContentSize(key.Length, listBytes));
        FieldStart(1, key.Length);
        Text(key);
        FieldStart(2, listBytes);
    }

    /// <summary>The five bytes before a gRPC message: flag 0 (not compressed) and the length (grpc/grpc doc/PROTOCOL-HTTP2.md).</summary>
    public void MessagePrefix(long messageBytes)
    {
        Byte(0);
        BinaryPrimitives.WriteUInt32BigEndian(_destination[_written..], (uint)messageBytes);
        _written += sizeof(uint);
    }

    /// <summary>Four bytes, the lowest first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WriteWord(ref byte target, uint word) =>
        Unsafe.WriteUnaligned(ref target, BitConverter.IsLittleEndian ? word : BinaryPrimitives.ReverseEndianness(word));

    [Conditional("DEBUG")]
    public readonly void AssertFull() => Debug.Assert(_written == _destination.Length, "the computed size is not what was written");
}
