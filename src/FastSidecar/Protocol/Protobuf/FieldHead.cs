using System.Buffers;
using System.Numerics;

namespace FastSidecar.Protocol.Protobuf;

/// <summary>
/// What stands before a field's contents: the tag and, read together with it so that a reader never stops between them, the number that
/// follows.
/// </summary>
/// <remarks>
/// <code>
/// tag varint = field number &lt;&lt; 3 | wire type      then: Varint  the value
///                                                        Bytes   the length of what follows
///                                                        Fixed*  nothing; 8 or 4 bytes follow
/// </code>
/// </remarks>
internal readonly record struct FieldHead(int Number, WireType Type, ulong Value, int SizeBytes)
{
    /// <summary>Two varints of ten bytes.</summary>
    public const int MaxSizeBytes = 20;

    private const int MaxVarintBytes = 10;
    private const ulong MaxFieldNumber = (1 << 29) - 1;

    /// <summary>Bytes that follow as the field's contents; a varint has none, its value is in <see cref="Value"/>.</summary>
    public ulong ContentBytes => Type switch
    {
        WireType.Bytes => Value,
        WireType.Fixed64 => 8,
        WireType.Fixed32 => 4,
        _ => 0,
    };

    public bool Is(int number, WireType type) => Number == number && Type == type;

    /// <summary>
    /// Reads one head from the start of <paramref name="bytes"/>, which is all there is so far of a message that has <paramref
    /// name="containerLeft"/>
    /// bytes left. False: more is needed. Throws <see cref="ProtobufException"/> for what can become no field that fits its message.
    /// </summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, long containerLeft, out FieldHead head)
    {
        head = default;
        if (bytes.Length > containerLeft)
        {
            bytes = bytes[..(int)containerLeft];
        }

        if (TryReadShort(bytes, out head))
        {
            return head.ContentBytes <= (ulong)(containerLeft - head.SizeBytes) ? true : throw ProtobufException.Malformed();
        }

        var tagBytes = ReadVarint(bytes, out var tag);
        if (tagBytes == 0)
        {
            return bytes.Length < containerLeft ? false : throw ProtobufException.Malformed();
        }

        var type = (WireType)(tag & 7);
        var number = tag >> 3;
        if (number is 0 or > MaxFieldNumber || type is not (WireType.Varint or WireType.Fixed64 or WireType.Bytes or WireType.Fixed32))
        {
            throw ProtobufException.Malformed();
        }

        var size = tagBytes;
        ulong value = 0;
        if (type is WireType.Varint or WireType.Bytes)
        {
            var valueBytes = ReadVarint(bytes[tagBytes..], out value);
            if (valueBytes == 0)
            {
                return bytes.Length < containerLeft ? false : throw ProtobufException.Malformed();
            }

            size += valueBytes;
        }

        head = new FieldHead((int)number, type, value, size);
        return head.ContentBytes <= (ulong)(containerLeft - size) ? true : throw ProtobufException.Malformed();
    }

    /// <summary>As the other overload, from a sequence; the reader stands behind the head then, or where it was.</summary>
    public static bool TryRead(ref SequenceReader<byte> reader, long containerLeft, out FieldHead head)
    {
        var bytes = reader.UnreadSpan;
        if (bytes.Length >= MaxSizeBytes || bytes.Length == reader.Remaining)
        {
            if (!TryRead(bytes, containerLeft, out head))
            {
                return false;
            }
        }
        else
        {
            Span<byte> joined = stackalloc byte[(int)Math.Min(MaxSizeBytes, reader.Remaining)];
            reader.TryCopyTo(joined);
            if (!TryRead(joined, containerLeft, out head))
            {
                return false;
            }
        }

        reader.Advance(head.SizeBytes);
        return true;
    }

    /// <summary>How many bytes a varint of that value takes.</summary>
    public static int VarintBytes(ulong value) => ((BitOperations.Log2(value | 1) * 9) + 73) / 64;

    /// <summary>
    /// Nearly every head: a number below 16 and a value below 16,384, in two or three bytes, of a varint or length-delimited field. False
    /// for all others and for one that is cut off. Whether the contents fit their message is the caller's to find out.
    /// </summary>
    public static bool TryReadShort(ReadOnlySpan<byte> bytes, out FieldHead head)
    {
        head = default;
        if (bytes.Length < 2)
        {
            return false;
        }

        uint tag = bytes[0];
        uint value = bytes[1];
        var size = 2;
        if (value >= 0x80)
        {
            if (bytes.Length < 3 || bytes[2] >= 0x80)
            {
                return false;
            }

            value = (value & 0x7f) | ((uint)bytes[2] << 7);
            size = 3;
        }

        if (tag is < 8 or >= 0x80 || (WireType)(tag & 7) is not (WireType.Bytes or WireType.Varint))
        {
            return false;
        }

        head = new FieldHead((int)(tag >> 3), (WireType)(tag & 7), value, size);
        return true;
    }

    /// <summary>The size of the varint at the start, or 0 when it is cut off. Throws when it has more than 64 bits, as Go does.</summary>
    private static int ReadVarint(ReadOnlySpan<byte> bytes, out ulong value)
    {
        value = 0;
        for (var i = 0; i < bytes.Length; i++)
        {
            var current = bytes[i];
            if (i == MaxVarintBytes - 1 && current > 1)
            {
                throw ProtobufException.Malformed();
            }

            value |= (ulong)(current & 0x7f) << (7 * i);
            if (current < 0x80)
            {
                return i + 1;
            }
        }

        return 0;
    }
}
