using System.Diagnostics;

namespace FastSidecar.Transport.Headers;

/// <summary>
/// An ordered list of header fields kept as bytes in one growing buffer, so that a request can cross the program without a string.
/// Reused by its owner: <see cref="Clear"/> keeps the memory. Not thread-safe. Spans it returns are valid until the next change.
/// </summary>
/// <remarks>
/// Names keep the case they came in; look-ups ignore ASCII case (RFC 9110 §5.1). Values are raw bytes: what they may hold is checked by whoever
/// writes them to a wire.
/// </remarks>
public sealed class HeaderList
{
    private const int InitialBytes = 1024;
    private const int InitialFields = 16;

    private byte[] _bytes = new byte[InitialBytes];
    private Field[] _fields = new Field[InitialFields];
    private int _bytesUsed;
    private int _count;

    private readonly record struct Field(int NameStart, int NameLength, int ValueLength);

    /// <summary>How many fields there are; a name that came twice counts twice.</summary>
    public int Count => _count;

    public ReadOnlySpan<byte> Name(int index)
    {
        var field = FieldAt(index);
        return _bytes.AsSpan(field.NameStart, field.NameLength);
    }

    public ReadOnlySpan<byte> Value(int index)
    {
        var field = FieldAt(index);
        return _bytes.AsSpan(field.NameStart + field.NameLength, field.ValueLength);
    }

    public void Add(scoped ReadOnlySpan<byte> name, scoped ReadOnlySpan<byte> value)
    {
        name.CopyTo(Append(name.Length, value.Length, out var valueSpan));
        value.CopyTo(valueSpan);
    }

    /// <summary>Adds a field and returns where its name goes; <paramref name="value"/> is where its value goes. Both must be filled before the next call.</summary>
    public Span<byte> Append(int nameLength, int valueLength, out Span<byte> value)
    {
        var needed = checked(nameLength + valueLength);
        if (_bytes.Length - _bytesUsed < needed)
        {
            Array.Resize(ref _bytes, Math.Max(checked(_bytesUsed + needed), _bytes.Length * 2));
        }

        if (_count == _fields.Length)
        {
            Array.Resize(ref _fields, _count * 2);
        }

        _fields[_count++] = new Field(_bytesUsed, nameLength, valueLength);
        var name = _bytes.AsSpan(_bytesUsed, nameLength);
        value = _bytes.AsSpan(_bytesUsed + nameLength, valueLength);
        _bytesUsed += needed;
        return name;
    }

    /// <summary>The index of the first field of that name at or after <paramref name="start"/>, or −1.</summary>
    public int IndexOf(scoped ReadOnlySpan<byte> name, int start = 0)
    {
        for (var i = start; i < _count; i++)
        {
            ref readonly var field = ref _fields[i];
            if (field.NameLength == name.Length && System.Text.Ascii.EqualsIgnoreCase(_bytes.AsSpan(field.NameStart, field.NameLength), name))
            {
                return i;
            }
        }

        return -1;
    }

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
    }

    public void CopyTo(HeaderList other)
    {
        for (var i = 0; i < _count; i++)
        {
            other.Add(Name(i), Value(i));
        }
    }

    private Field FieldAt(int index)
    {
        Debug.Assert((uint)index < (uint)_count, "a field is asked for that the list does not have");
        return _fields[index];
    }
}
