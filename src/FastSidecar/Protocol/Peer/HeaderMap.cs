using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Text;
using FastSidecar.Protocol.Protobuf;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Protocol.Peer;

/// <summary>
/// The decoded entries of a <c>map&lt;string, ListStringValue&gt;</c>, one field per value. A key that came before loses its old values, as
/// in a Go map; a list without values leaves no field.
/// </summary>
/// <param name="fields">Where the entries go; nobody else adds to it.</param>
internal sealed class HeaderMap(HeaderList fields)
{
    /// <summary>
    /// Keys are compared with earlier ones only up to this many fields. Go never encodes a key twice; the look-up costs the square of the
    /// number, and a message of 4 MiB holds half a million entries.
    /// </summary>
    private const int FieldsCheckedForRepeats = 1024;

    /// <summary>What a one-value entry with one-byte lengths holds besides key and value: three tags, three lengths.</summary>
    private const int CanonicalFrameBytes = 6;

    private readonly HeaderList _fields = fields;

    /// <summary>A bit for each key that came: a key whose bit is not set is new.</summary>
    private ulong _seenKeys;

    public HeaderMap()
        : this(new HeaderList())
    {
    }

    /// <summary>Valid until <see cref="Clear"/>; the order of names means nothing.</summary>
    public HeaderList Fields => _fields;

    /// <summary>Empties the map; memory that a single message made large is given up.</summary>
    public void Clear()
    {
        _fields.Clear(keptFields: FieldsCheckedForRepeats);
        _seenKeys = 0;
    }

    /// <summary>Adds one entry: 1 key, 2 value, in which 1 values.</summary>
    /// <param name="entry">Without its tag and length.</param>
    /// <param name="isAscii">Known to be ASCII, which needs no check for UTF-8.</param>
    /// <exception cref="ProtobufException">Go would refuse these bytes.</exception>
    public void Merge(ReadOnlySpan<byte> entry, bool isAscii)
    {
        isAscii = isAscii || Ascii.IsValid(entry);
        if (isAscii && TryReadCanonical(entry, out var key, out var value))
        {
            EnterKey(key);
            var name = _fields.Append(key.Length, value.Length, out var target);
            TextCopy.Copy(key, name);
            TextCopy.Copy(value, target);
        }
        else
        {
            MergeAny(entry, isAscii);
        }
    }

    /// <summary>
    /// Cheap, and enough to tell most header names apart: length, last byte, and the one behind the middle, by which the names differ that every
    /// call has, Dapr-Caller-App-Id and Dapr-Callee-App-Id.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong KeyBit(ReadOnlySpan<byte> key) =>
        key.IsEmpty ? 1 : 1UL << ((key.Length + (key[^1] * 21) + (key[(int)((uint)key.Length * 9UL / 16)] * 3)) & 63);

    /// <summary>
    /// What an encoder writes for a header field of up to 121 bytes: key, list, and one value in it, all lengths in one byte. False for
    /// everything else.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryReadCanonical(ReadOnlySpan<byte> entry, out ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value)
    {
        key = default;
        value = default;
        if (entry.Length is < CanonicalFrameBytes or > 0x7f || entry[0] != 0x0a || entry[1] > entry.Length - CanonicalFrameBytes)
        {
            return false;
        }

        var keyBytes = entry[1];
        var rest = entry[(2 + keyBytes)..];
        var valueBytes = entry.Length - CanonicalFrameBytes - keyBytes;
        if (BinaryPrimitives.ReadUInt32LittleEndian(rest) != (0x12 | (uint)(2 + valueBytes) << 8 | 0x0a << 16 | (uint)valueBytes << 24))
        {
            return false;
        }

        key = entry.Slice(2, keyBytes);
        value = rest[4..];
        return true;
    }

    private void MergeAny(ReadOnlySpan<byte> entry, bool isAscii)
    {
        ReadOnlySpan<byte> key = default;
        ReadOnlySpan<byte> list = default;
        var lists = 0;
        var reader = new WireReader(entry);
        while (reader.TryReadField(out var field, out var content))
        {
            if (field.Is(1, WireType.Bytes))
            {
                key = isAscii ? content : WireReader.Text(content);
            }
            else if (field.Is(2, WireType.Bytes))
            {
                list = content;
                lists++;
            }
        }

        EnterKey(key);
        if (lists <= 1)
        {
            AddValues(list, key, isAscii);
            return;
        }

        // The value came in parts, which merge: never written by an encoder.
        reader = new WireReader(entry);
        while (reader.TryReadField(out var field, out var content))
        {
            if (field.Is(2, WireType.Bytes))
            {
                AddValues(content, key, isAscii);
            }
        }
    }

    private void AddValues(ReadOnlySpan<byte> list, ReadOnlySpan<byte> key, bool isAscii)
    {
        var reader = new WireReader(list);
        while (reader.TryReadField(out var field, out var content))
        {
            if (field.Is(1, WireType.Bytes))
            {
                _fields.Add(key, isAscii ? content : WireReader.Text(content));
            }
        }
    }

    private void EnterKey(ReadOnlySpan<byte> key)
    {
        var bit = KeyBit(key);
        if ((_seenKeys & bit) != 0 && _fields.Count <= FieldsCheckedForRepeats)
        {
            RemoveExactly(key);
        }

        _seenKeys |= bit;
    }

    /// <summary>By case, and not with the list's own look-up, which finds only ASCII names.</summary>
    private void RemoveExactly(ReadOnlySpan<byte> key)
    {
        for (var i = _fields.Count - 1; i >= 0; i--)
        {
            var name = _fields.Name(i);
            if (name.Length == key.Length && name.SequenceEqual(key))
            {
                _fields.RemoveAt(i);
            }
        }
    }
}
