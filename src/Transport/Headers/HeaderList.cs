using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace FastSidecar.Transport.Headers;

/// <summary>
/// An ordered list of header fields kept as bytes in one growing buffer, so that a request can cross the program without a string.
/// Reused by its owner: <see cref="Clear()"/> keeps the memory. Spans it returns are valid until the next change. Not thread-safe, and not
/// memory-safe when two threads use it at once.
/// </summary>
/// <remarks>
/// Names keep the case they came in; look-ups ignore ASCII case (RFC 9110 §5.1). Values are raw bytes: what they may hold is checked by
/// whoever writes them to a wire.
/// </remarks>
public sealed class HeaderList
{
    private const int InitialBytes = 1024;
    private const int InitialFields = 16;
    private const int CaseBit = 0x20;

    private byte[] _bytes;
    private Field[] _fields;
    private int _bytesUsed;
    private int _count;

    /// <summary>A bit for each length that a name had since <see cref="Clear()"/>: most names that are asked for are not there.</summary>
    private ulong _nameLengths;

    private readonly record struct Field(int NameStart, int NameLength, int ValueLength)
    {
        public int End => NameStart + NameLength + ValueLength;
    }

    public HeaderList()
        : this(InitialBytes, InitialFields)
    {
    }

    /// <summary>A list with room for so much; like any other it grows when more is added.</summary>
    internal HeaderList(int bytes, int fields)
    {
        _bytes = new byte[bytes];
        _fields = new Field[fields];
    }

    /// <summary>How many fields there are; a name that came twice counts twice.</summary>
    public int Count => _count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ReadOnlySpan<byte> Name(int index)
    {
        ref readonly var field = ref FieldAt(index);
        return Bytes(field.NameStart, field.NameLength);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ReadOnlySpan<byte> Value(int index)
    {
        ref readonly var field = ref FieldAt(index);
        return Bytes(field.NameStart + field.NameLength, field.ValueLength);
    }

    /// <summary>Name and value in one piece, the name first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ReadOnlySpan<byte> NameAndValue(int index, out int nameLength)
    {
        ref readonly var field = ref FieldAt(index);
        nameLength = field.NameLength;
        return Bytes(field.NameStart, field.NameLength + field.ValueLength);
    }

    public void Add(scoped ReadOnlySpan<byte> name, scoped ReadOnlySpan<byte> value)
    {
        var start = Reserve(name.Length, value.Length);
        name.CopyTo(Bytes(start, name.Length));
        value.CopyTo(Bytes(start + name.Length, value.Length));
    }

    /// <summary>Adds a field whose name and value lie in one piece, the name first.</summary>
    internal void Add(scoped ReadOnlySpan<byte> nameAndValue, int nameLength)
    {
        var start = Reserve(nameLength, nameAndValue.Length - nameLength);
        nameAndValue.CopyTo(Bytes(start, nameAndValue.Length));
    }

    /// <summary>
    /// Adds a field and returns where its name goes; <paramref name="value"/> is where its value goes. Both must be filled before the next
    /// call.
    /// </summary>
    public Span<byte> Append(int nameLength, int valueLength, out Span<byte> value)
    {
        Debug.Assert((nameLength | valueLength) >= 0, "a length is negative");
        var start = Reserve(nameLength, valueLength);
        value = Bytes(start + nameLength, valueLength);
        return Bytes(start, nameLength);
    }

    /// <summary>The index of the first field of that name at or after <paramref name="start"/>, or −1.</summary>
    public int IndexOf(scoped ReadOnlySpan<byte> name, int start = 0)
    {
        if ((_nameLengths & (1UL << name.Length)) == 0)
        {
            return -1;
        }

        // Nearly every other name differs in its length or its last letter, which costs less to see than a call.
        var last = name.IsEmpty ? 0 : name[^1] | CaseBit;
        for (var i = start; i < _count; i++)
        {
            ref readonly var field = ref _fields[i];
            if (field.NameLength == name.Length)
            {
                var candidate = Bytes(field.NameStart, field.NameLength);
                if (candidate.IsEmpty || ((candidate[^1] | CaseBit) == last && IsSameName(candidate, name)))
                {
                    return i;
                }
            }
        }

        return -1;
    }

    /// <summary>Most names are asked for in the spelling they have, and equal bytes are found out faster.</summary>
    private static bool IsSameName(ReadOnlySpan<byte> candidate, ReadOnlySpan<byte> name) =>
        candidate.SequenceEqual(name) || System.Text.Ascii.EqualsIgnoreCase(candidate, name);

    public bool Contains(scoped ReadOnlySpan<byte> name) => IndexOf(name) >= 0;

    /// <summary>The value of the first field of that name.</summary>
    public bool TryGet(scoped ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        var index = IndexOf(name);
        value = index < 0 ? default : Value(index);
        return index >= 0;
    }

    public void RemoveAt(int index)
    {
        _ = FieldAt(index);
        Array.Copy(_fields, index + 1, _fields, index, _count - index - 1);
        _count--;
    }

    /// <summary>Removes every field of that name and says whether there was one.</summary>
    public bool Remove(scoped ReadOnlySpan<byte> name)
    {
        var removed = false;
        for (var i = IndexOf(name); i >= 0; i = IndexOf(name, i))
        {
            RemoveAt(i);
            removed = true;
        }

        return removed;
    }

    /// <summary>Replaces every field of that name by one at the end.</summary>
    public void Set(scoped ReadOnlySpan<byte> name, scoped ReadOnlySpan<byte> value)
    {
        Remove(name);
        Add(name, value);
    }

    public void Clear()
    {
        _count = 0;
        _bytesUsed = 0;
        _nameLengths = 0;
    }

    /// <summary>Clears, and gives the memory up when there was once room for more fields than these.</summary>
    public void Clear(int keptFields)
    {
        if (_fields.Length > keptFields)
        {
            _bytes = new byte[InitialBytes];
            _fields = new Field[InitialFields];
        }

        Clear();
    }

    /// <summary>Adds all fields to another list.</summary>
    public void CopyTo(HeaderList other) => CopyTo(other, _count);

    /// <summary>Adds the first <paramref name="count"/> fields to another list.</summary>
    internal void CopyTo(HeaderList other, int count)
    {
        if (ReferenceEquals(this, other))
        {
            throw new ArgumentException("a list cannot be copied to itself", nameof(other));
        }

        var bytes = BytesOfFirst(count);
        var start = other._bytesUsed;
        var fields = _fields.AsSpan(0, count);
        other.EnsureRoom(checked(start + bytes), other._count + count);
        _bytes.AsSpan(0, bytes).CopyTo(other._bytes.AsSpan(start));
        fields.CopyTo(other._fields.AsSpan(other._count));
        if (start > 0)
        {
            foreach (ref var field in other._fields.AsSpan(other._count, count))
            {
                field = field with { NameStart = start + field.NameStart };
            }
        }

        other._count += count;
        other._bytesUsed = start + bytes;
        other._nameLengths |= count == _count ? _nameLengths : NameLengths(fields);
    }

    private static ulong NameLengths(ReadOnlySpan<Field> fields)
    {
        ulong lengths = 0;
        foreach (ref readonly var field in fields)
        {
            lengths |= 1UL << field.NameLength;
        }

        return lengths;
    }

    /// <summary>How much of a list's buffer its first <paramref name="count"/> fields take.</summary>
    internal int BytesOfFirst(int count) => count == 0 ? 0 : _fields[count - 1].End;

    /// <summary>
    /// Whether the first fields are those of the other list, byte for byte. Compares the buffers as they lie: after removals the answer may
    /// be no though the fields are equal, never the other way round.
    /// </summary>
    internal bool StartsWith(HeaderList other)
    {
        var count = other._count;
        var bytes = other._bytesUsed;
        return count <= _count && bytes <= _bytesUsed && (other._nameLengths & ~_nameLengths) == 0 &&
            MemoryMarshal.AsBytes(_fields.AsSpan(0, count)).SequenceEqual(MemoryMarshal.AsBytes(other._fields.AsSpan(0, count))) &&
            _bytes.AsSpan(0, bytes).SequenceEqual(other._bytes.AsSpan(0, bytes));
    }

    /// <summary>Makes the last field and says where in the buffer its name begins; its value follows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int Reserve(int nameLength, int valueLength)
    {
        var start = _bytesUsed;
        var count = _count;
        var fields = _fields;
        var end = (long)start + nameLength + valueLength;
        if (end > _bytes.Length || (uint)count >= (uint)fields.Length)
        {
            fields = Grow(end);
        }

        fields[count] = new Field(start, nameLength, valueLength);
        _nameLengths |= 1UL << nameLength;
        _count = count + 1;
        _bytesUsed = (int)end;
        return start;
    }

    /// <summary>Room for one field more, and for so many bytes. Apart, so that whoever need not call it saves no registers.</summary>
    private Field[] Grow(long bytes)
    {
        EnsureRoom(checked((int)bytes), _count + 1);
        return _fields;
    }

    private void EnsureRoom(int bytes, int fields)
    {
        if (bytes > _bytes.Length)
        {
            Array.Resize(ref _bytes, Math.Max(bytes, _bytes.Length * 2));
        }

        if (fields > _fields.Length)
        {
            Array.Resize(ref _fields, Math.Max(fields, _fields.Length * 2));
        }
    }

    /// <summary>A part of the buffer that a field owns, so that its bounds need no second look.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Span<byte> Bytes(int start, int length)
    {
        Debug.Assert((uint)start <= (uint)_bytesUsed && (uint)length <= (uint)(_bytesUsed - start), "a field lies outside the buffer");
        return MemoryMarshal.CreateSpan(ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_bytes), start), length);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref readonly Field FieldAt(int index)
    {
        Debug.Assert((uint)index < (uint)_count, "a field is asked for that the list does not have");
        return ref _fields[index];
    }
}
