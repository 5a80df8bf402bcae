using FastSidecar.Protocol.Protobuf;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Protocol.Peer;

/// <summary>
/// A <see cref="HeaderList"/> as a protobuf <c>map&lt;string, ListStringValue&gt;</c>: one entry per name with all its values in their order. The sizes are
/// computed here once, in scratch memory of the caller, and used by <see cref="Write"/>.
/// </summary>
/// <remarks>
/// Entries stand in the order of each name's first field. Names that differ in case are different keys: that is what the map is for Go, and a key sent
/// twice would lose the first one's values.
/// </remarks>
internal readonly ref struct HeaderMapLayout
{
    /// <summary>Ints of scratch memory for each field.</summary>
    public const int ScratchPerField = 2;

    /// <summary>Set in every stored hash, so that a link, which is an index, is never taken for one.</summary>
    private const int HashMark = 1 << 30;

    /// <summary>The field belongs to an entry that an earlier field opened.</summary>
    private const int Joined = -1;

    private const int NoNext = 0;

    private readonly HeaderList? _headers;
    private readonly ReadOnlySpan<int> _listBytes;
    private readonly ReadOnlySpan<int> _next;

    /// <param name="headers">The fields; must not change before the last <see cref="Write"/>. Null is an empty map.</param>
    /// <param name="scratch">At least <see cref="ScratchPerField"/> ints per field.</param>
    /// <exception cref="ProtobufException">A name or value is not UTF-8, which a proto3 string must be.</exception>
    public HeaderMapLayout(HeaderList? headers, Span<int> scratch)
    {
        _headers = headers;
        if (headers is null)
        {
            return;
        }

        var count = headers.Count;
        var listBytes = scratch[..count];
        var next = scratch.Slice(count, count);
        listBytes.Clear();
        for (var i = 0; i < count; i++)
        {
            next[i] = Hash(headers.Name(i));
        }

        long total = 0;
        for (var i = 0; i < count; i++)
        {
            if (listBytes[i] != Joined)
            {
                total += MeasureEntry(headers, i, listBytes, next);
            }
        }

        _listBytes = listBytes;
        _next = next;
        TotalBytes = total;
    }

    /// <summary>All entries with their tags and lengths.</summary>
    public long TotalBytes { get; }

    /// <summary>How much scratch a list needs.</summary>
    public static int ScratchFor(HeaderList? headers) => headers is null ? 0 : headers.Count * ScratchPerField;

    /// <summary>Writes the entries as map field <paramref name="number"/>.</summary>
    public void Write(ref WireWriter writer, int number)
    {
        for (var i = 0; i < _listBytes.Length; i++)
        {
            if (_listBytes[i] == Joined)
            {
                continue;
            }

            // Map entry: key = 1, value = 2, both always written, also when empty. ListStringValue: values = 1.
            var name = _headers!.Name(i);
            writer.FieldStart(number, WireWriter.FieldSize(name.Length) + WireWriter.FieldSize(_listBytes[i]));
            writer.FieldStart(1, name.Length);
            writer.Raw(name);
            writer.FieldStart(2, _listBytes[i]);
            var field = i;
            do
            {
                var value = _headers.Value(field);
                writer.FieldStart(1, value.Length);
                writer.Raw(value);
                field = _next[field];
            }
            while (field != NoNext);
        }
    }

    /// <summary>Joins the later fields of the same name to the one at <paramref name="first"/> and returns the entry's size.</summary>
    private static long MeasureEntry(HeaderList headers, int first, Span<int> listBytes, Span<int> next)
    {
        var name = headers.Name(first);
        Check(name);
        var hash = next[first];
        var last = first;
        var value = headers.Value(first);
        Check(value);
        var bytes = WireWriter.FieldSize(value.Length);
        for (var i = first + 1; ; i++)
        {
            var step = next[i..].IndexOf(hash);
            if (step < 0)
            {
                break;
            }

            i += step;
            if (headers.Name(i).SequenceEqual(name))
            {
                value = headers.Value(i);
                Check(value);
                bytes += WireWriter.FieldSize(value.Length);
                listBytes[i] = Joined;
                next[last] = i;
                last = i;
            }
        }

        next[last] = NoNext;
        listBytes[first] = checked((int)bytes);
        return WireWriter.FieldSize(WireWriter.FieldSize(name.Length) + WireWriter.FieldSize(bytes));
    }

    private static void Check(ReadOnlySpan<byte> text)
    {
        if (!System.Text.Unicode.Utf8.IsValid(text))
        {
            throw ProtobufException.InvalidUtf8();
        }
    }

    /// <summary>Cheap, and enough to keep different header names apart: length, first, middle and last byte.</summary>
    private static int Hash(ReadOnlySpan<byte> name) =>
        name.IsEmpty ? HashMark : HashMark | ((name.Length & 0x3f) << 24) | (name[0] << 16) | (name[name.Length / 2] << 8) | name[^1];
}
