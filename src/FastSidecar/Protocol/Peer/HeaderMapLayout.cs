using FastSidecar.Protocol.Protobuf;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Protocol.Peer;

/// <summary>
/// A <see cref="HeaderList"/> as a protobuf <c>map&lt;string, ListStringValue&gt;</c>: one entry per name with all its values in their
/// order. The size is computed here once, before <see cref="Write"/>.
/// </summary>
/// <remarks>
/// Entries stand in the order of each name's first field. Names that differ in case are different keys: that is what the map is for Go, and
/// a key sent twice would lose the first one's values. Lists in which no name comes twice, which are nearly all, are written as they stand;
/// others through <see cref="HeaderGroups"/>.
/// </remarks>
internal readonly ref struct HeaderMapLayout
{
    /// <summary>Longer lists are grouped at once: comparing every name with all before it costs the square of the number.</summary>
    private const int MaxComparedFields = 64;

    private readonly HeaderList? _headers;
    private readonly bool _isGrouped;
    private readonly ReadOnlySpan<int> _groups;

    /// <param name="headers">The fields; must not change before the last <see cref="Write"/>. Null is an empty map.</param>
    /// <param name="scratch">At least <see cref="ScratchFor"/> ints.</param>
    public HeaderMapLayout(HeaderList? headers, Span<int> scratch)
    {
        _headers = headers;
        if (headers is null)
        {
            return;
        }

        if (TryMeasureDistinct(headers, out var total))
        {
            TotalBytes = total;
            return;
        }

        _isGrouped = true;
        _groups = scratch;
        TotalBytes = HeaderGroups.Measure(headers, scratch);
    }

    /// <summary>All entries with their tags and lengths.</summary>
    public long TotalBytes { get; }

    /// <summary>How much scratch a list needs.</summary>
    public static int ScratchFor(HeaderList? headers) => headers is null ? 0 : headers.Count * HeaderGroups.ScratchPerField;

    /// <summary>Writes the entries as map field <paramref name="number"/>.</summary>
    public void Write(ref WireWriter writer, int number)
    {
        if (_headers is not { } headers)
        {
            return;
        }

        if (_isGrouped)
        {
            HeaderGroups.Write(headers, _groups, ref writer, number);
            return;
        }

        for (var i = 0; i < headers.Count; i++)
        {
            writer.MapEntry(number, headers.Name(i), headers.Value(i));
        }
    }

    /// <exception cref="ProtobufException">A name or value is not UTF-8, which a proto3 string must be.</exception>
    public static void CheckTexts(HeaderList? headers)
    {
        for (var i = 0; i < headers?.Count; i++)
        {
            WireReader.Text(headers.Name(i));
            WireReader.Text(headers.Value(i));
        }
    }

    /// <summary>False when a name comes twice, or when that is not worth finding out.</summary>
    private static bool TryMeasureDistinct(HeaderList headers, out long total)
    {
        total = 0;
        var count = headers.Count;
        if (count > MaxComparedFields)
        {
            return false;
        }

        ulong seen = 0;
        for (var i = 0; i < count; i++)
        {
            // A bit that is not set yet says that the name is new, without looking.
            var name = headers.Name(i);
            var bit = HeaderMap.KeyBit(name);
            if ((seen & bit) != 0 && IsRepeated(headers, i, name))
            {
                return false;
            }

            seen |= bit;
            total += WireWriter.MapEntrySize(name.Length, headers.Value(i).Length);
        }

        return true;
    }

    private static bool IsRepeated(HeaderList headers, int index, ReadOnlySpan<byte> name)
    {
        for (var i = 0; i < index; i++)
        {
            var earlier = headers.Name(i);
            if (earlier.Length == name.Length && (name.IsEmpty || (earlier[^1] == name[^1] && earlier.SequenceEqual(name))))
            {
                return true;
            }
        }

        return false;
    }
}
