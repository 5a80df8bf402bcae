using System.Runtime.CompilerServices;
using System.Text.Unicode;

namespace FastSidecar.Protocol.Protobuf;

/// <summary>
/// Walks the fields of one message that lies in memory as a whole. Throws <see cref="ProtobufException"/> where Go's protobuf library would
/// refuse.
/// </summary>
internal ref struct WireReader(ReadOnlySpan<byte> message)
{
    private ReadOnlySpan<byte> _rest = message;

    /// <summary>
    /// Reads the next field. A field of an unknown number or an unexpected wire type is to be ignored, as Go does; nothing needs to be
    /// skipped.
    /// </summary>
    /// <param name="head">Number, wire type and, for a varint, the value.</param>
    /// <param name="content">The bytes of a length-delimited or fixed field.</param>
    public bool TryReadField(out FieldHead head, out ReadOnlySpan<byte> content)
    {
        var rest = _rest;
        if (rest.Length >= 2 && rest[0] < 0x80 && rest[1] < 0x80 && (rest[0] & 7) == (int)WireType.Bytes && rest[0] >= 8 && rest[1] <= rest.Length - 2)
        {
            // Nearly every field of a head: number below 16, contents shorter than 128 bytes.
            head = new FieldHead(rest[0] >> 3, WireType.Bytes, rest[1], 2);
            content = rest.Slice(2, rest[1]);
            _rest = rest[(2 + content.Length)..];
            return true;
        }

        if (rest.IsEmpty)
        {
            head = default;
            content = default;
            return false;
        }

        // The whole message is here, so anything cut off throws and false cannot come back.
        _ = FieldHead.TryRead(_rest, _rest.Length, out head);
        content = _rest.Slice(head.SizeBytes, (int)head.ContentBytes);
        _rest = _rest[(head.SizeBytes + content.Length)..];
        return true;
    }

    /// <summary>
    /// Reads the next field if it is this one and short, as the entries of a map are that follow each other. False says nothing of what
    /// comes.
    /// </summary>
    /// <param name="tag">Number and wire type of a length-delimited field, in one byte.</param>
    /// <param name="content">Its bytes, less than 128.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryReadShort(byte tag, out ReadOnlySpan<byte> content)
    {
        var rest = _rest;
        if (rest.Length < 2 || rest[0] != tag || rest[1] >= 0x80 || rest[1] > rest.Length - 2)
        {
            content = default;
            return false;
        }

        content = rest.Slice(2, rest[1]);
        _rest = rest[(2 + content.Length)..];
        return true;
    }

    /// <summary>Refuses what proto3 forbids in a <c>string</c> field.</summary>
    public static ReadOnlySpan<byte> Text(ReadOnlySpan<byte> content) => Utf8.IsValid(content) ? content : throw ProtobufException.InvalidUtf8();
}
