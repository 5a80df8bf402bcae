using FastSidecar.Protocol.Protobuf;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Protocol.Peer;

/// <summary>
/// A <see cref="HeaderList"/> as a protobuf <c>map&lt;string, ListStringValue&gt;</c>: one entry per name with all its values in their
/// order. The sizes are computed here once, in scratch memory of the caller, and used by
/// <see cref="Write"/>.
/// </summary>
/// <remarks>
/// Entries stand in the order of each name's first field. Names that differ in case are different keys: that is what the map is for Go, and
/// a key sent twice would lose the first one's values.
/// </remarks>
internal readonly ref struct HeaderMapLayout
{
    /// <summary>Ints of scratch memory for each field.</summary>
    public const int ScratchPerField = 4;

    /// <summary>The field belongs to an entry that an earlier field opened.</summary>
    private const int Joined = -1;

    private const int NoNext = 0;

    private readonly HeaderList? _headers;

    /// <summary>Of the field that opens an entry: the bytes of its values.</summary>
    private readonly ReadOnlySpan<int> _listBytes;

    /// <summary>The next field of the same entry.</summary>
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
        var hashes = scratch.Slice(2 * count, count);
        var tails = scratch.Slice(3 * count, count);
        ulong seen = 0;
        for (var i = 0; i < count; i++)
        {
            var name = headers.Name(i);
            var value = headers.Value(i);
            Check(name);
            Check(value);
            var hash = Hash(name);
            var bit = 1UL << (hash & 63);
            hashes[i] = hash;
            next[i] = NoNext;

            // A bit that is not set yet says that the name is new, without looking.
            var first = (seen & bit) == 0 ? i : FirstOf(headers, i, hashes, listBytes);
            seen |= bit;
            var bytes = checked((int)WireWriter.FieldSize(value.Length));
            if (first == i)
            {
                listBytes[i] = bytes;
            }
            else
            {
                listBytes[first] = checked(listBytes[first] + bytes);
                listBytes[i] = Joined;
                next[tails[first]] = i;
            }

            tails[first] = i;
        }

        long total = 0;
        for (var i = 0; i < count; i++)
        {
            if (listBytes[i] != Joined)
            {
                total += WireWriter.FieldSize(EntryBytes(headers.Name(i).Length, listBytes[i]));
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
            writer.FieldStart(number, EntryBytes(name.Length, _listBytes[i]));
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

    private static long EntryBytes(int nameBytes, int listBytes) => WireWriter.FieldSize(nameBytes) + WireWriter.FieldSize(listBytes);

    /// <summary>The field that opened the entry of this one's name; itself when it is the first.</summary>
    private static int FirstOf(HeaderList headers, int index, ReadOnlySpan<int> hashes, ReadOnlySpan<int> listBytes)
    {
        for (var i = 0; i < index; i++)
        {
            var step = hashes[i..index].IndexOf(hashes[index]);
            if (step < 0)
            {
                break;
            }

            i += step;
            if (listBytes[i] != Joined && headers.Name(i).SequenceEqual(headers.Name(index)))
            {
                return i;
            }
        }

        return index;
    }

    private static void Check(ReadOnlySpan<byte> text)
    {
        if (!System.Text.Unicode.Utf8.IsValid(text))
        {
            throw ProtobufException.InvalidUtf8();
        }
    }

    /// <summary>Cheap, and enough to keep different header names apart: length, first, middle and last byte.</summary>
    private static int Hash(ReadOnlySpan<byte> name) => name.IsEmpty
        ? 0
        : (name[0] << 16) ^ (name[name.Length / 2] << 8) ^ (name[name.Length / 2] * 11) ^ (name[^1] * 5) ^ name.Length;
}
