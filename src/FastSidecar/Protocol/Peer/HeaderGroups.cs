using FastSidecar.Protocol.Protobuf;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Protocol.Peer;

/// <summary>
/// Which fields of a <see cref="HeaderList"/> belong to one entry of a map because their names are equal, and how large the entries are.
/// Kept in scratch memory of the caller.
/// </summary>
internal static class HeaderGroups
{
    /// <summary>Ints of scratch memory for each field.</summary>
    public const int ScratchPerField = 4;

    /// <summary>The field belongs to an entry that an earlier field opened.</summary>
    private const int Joined = -1;

    private const int NoNext = 0;

    /// <summary>Groups the fields and says how much all entries take with their tags and lengths.</summary>
    /// <param name="headers">The fields; must not change before the last <see cref="Write"/>.</param>
    /// <param name="scratch">
    /// At least <see cref="ScratchPerField"/> ints per field. <see cref="Write"/> reads of each field that opens an entry the bytes of its
    /// values, and of each field the next one of the same entry.
    /// </param>
    public static long Measure(HeaderList headers, Span<int> scratch)
    {
        var count = headers.Count;
        var listBytes = scratch[..count];
        var next = scratch.Slice(count, count);
        var hashes = scratch.Slice(2 * count, count);
        var tails = scratch.Slice(3 * count, count);
        ulong seen = 0;
        for (var i = 0; i < count; i++)
        {
            var name = headers.Name(i);
            var hash = Hash(name);
            var bit = 1UL << (hash & 63);
            hashes[i] = hash;
            next[i] = NoNext;

            // A bit that is not set yet says that the name is new, without looking.
            var first = (seen & bit) == 0 ? i : FirstOf(headers, i, hashes, listBytes);
            seen |= bit;
            var bytes = checked((int)WireWriter.FieldSize(headers.Value(i).Length));
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
                total += WireWriter.FieldSize(WireWriter.MapEntryContentSize(headers.Name(i).Length, listBytes[i]));
            }
        }

        return total;
    }

    /// <summary>Writes the entries as map field <paramref name="number"/>, from the scratch that <see cref="Measure"/> filled.</summary>
    public static void Write(HeaderList headers, ReadOnlySpan<int> scratch, ref WireWriter writer, int number)
    {
        var listBytes = scratch[..headers.Count];
        var next = scratch.Slice(headers.Count, headers.Count);
        for (var i = 0; i < listBytes.Length; i++)
        {
            if (listBytes[i] == Joined)
            {
                continue;
            }

            writer.MapEntryStart(number, headers.Name(i), listBytes[i]);
            var field = i;
            do
            {
                var value = headers.Value(field);
                writer.FieldStart(1, value.Length);
                writer.Text(value);
                field = next[field];
            }
            while (field != NoNext);
        }
    }

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

    /// <summary>Cheap, and enough to keep different header names apart: length, first, middle and last byte.</summary>
    private static int Hash(ReadOnlySpan<byte> name) => name.IsEmpty
        ? 0
        : (name[0] << 16) ^ (name[name.Length / 2] << 8) ^ (name[name.Length / 2] * 11) ^ (name[^1] * 5) ^ name.Length;
}
