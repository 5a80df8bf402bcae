using System.Numerics;

namespace FastSidecar.Transport.Hpack;

/// <summary>
/// The encoder's dynamic table: what the peer's decoder holds, and two hash chains per entry to find it by field or by name. A chain links
/// insertion numbers from new to old, so it ends at the first number that has been evicted, and eviction has nothing to unlink.
/// </summary>
internal sealed class HpackEncoderTable
{
    private const int Buckets = 128;

    private readonly HpackDynamicTable _table;
    private readonly long[] _fieldBuckets = new long[Buckets];
    private readonly long[] _nameBuckets = new long[Buckets];
    private Link[] _links; // a ring: entry n is at n & (length - 1)

    private record struct Link(uint FieldHash, uint NameHash, long OlderField, long OlderName);

    public HpackEncoderTable(int maxBytes)
    {
        _table = new HpackDynamicTable(maxBytes);
        _links = new Link[LinksFor(maxBytes)];
    }

    public int MaxBytes => _table.MaxBytes;

    public long Version => _table.Version;

    /// <summary>
    /// Whether that place, in this or the static table, holds exactly this field. It may have been evicted since it was found.
    /// </summary>
    public bool Holds(HpackPlace place, ReadOnlySpan<byte> nameAndValue, int nameLength)
    {
        int heldLength;
        if (place.IsStatic)
        {
            return HpackStaticTable.NameAndValue(place.StaticIndex, out heldLength).SequenceEqual(nameAndValue) && heldLength == nameLength;
        }

        var number = place.Number;
        return _table.IsLive(number) && _table.NameAndValue(number, out heldLength).SequenceEqual(nameAndValue) && heldLength == nameLength;
    }

    /// <summary>The index on the wire of a place that exists.</summary>
    public int IndexOf(HpackPlace place) =>
        place.IsStatic ? place.StaticIndex : HpackStaticTable.Count + 1 + (int)(_table.Newest - place.Number);

    /// <summary>Where the table holds the field, if it does.</summary>
    public HpackPlace FindField(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, uint fieldHash)
    {
        var number = _fieldBuckets[fieldHash % Buckets];
        while (_table.IsLive(number))
        {
            ref readonly var link = ref LinkAt(number);
            if (link.FieldHash == fieldHash && _table.Value(number).SequenceEqual(value) && _table.Name(number).SequenceEqual(name))
            {
                return HpackPlace.Dynamic(number);
            }

            number = link.OlderField;
        }

        return default;
    }

    /// <summary>
    /// The newest entry of that name, if there is one; <paramref name="count"/> is how many there are, counted up to <paramref
    /// name="countUpTo"/>.
    /// </summary>
    public HpackPlace FindName(ReadOnlySpan<byte> name, uint nameHash, int countUpTo, out int count)
    {
        count = 0;
        HpackPlace found = default;
        var number = _nameBuckets[nameHash % Buckets];
        while (count < countUpTo && _table.IsLive(number))
        {
            ref readonly var link = ref LinkAt(number);
            if (link.NameHash == nameHash && _table.Name(number).SequenceEqual(name))
            {
                found = found.Exists ? found : HpackPlace.Dynamic(number);
                count++;
            }

            number = link.OlderName;
        }

        return found;
    }

    public HpackPlace Insert(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, uint nameHash, uint fieldHash)
    {
        if (!_table.Insert(name, value))
        {
            return default;
        }

        var number = _table.Newest;
        ref var fieldBucket = ref _fieldBuckets[fieldHash % Buckets];
        ref var nameBucket = ref _nameBuckets[nameHash % Buckets];
        LinkAt(number) = new Link(fieldHash, nameHash, fieldBucket, nameBucket);
        fieldBucket = number;
        nameBucket = number;
        return HpackPlace.Dynamic(number);
    }

    public void Resize(int maxBytes)
    {
        _table.Resize(maxBytes);
        var needed = LinksFor(maxBytes);
        if (needed <= _links.Length)
        {
            return;
        }

        var grown = new Link[needed];
        for (var number = _table.Newest; _table.IsLive(number); number--)
        {
            grown[number & (needed - 1)] = LinkAt(number);
        }

        _links = grown;
    }

    private ref Link LinkAt(long number) => ref _links[number & (_links.Length - 1)];

    /// <summary>No table of that size holds more entries.</summary>
    private static int LinksFor(int maxBytes) =>
        (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(1, maxBytes / HpackDynamicTable.EntryOverheadBytes));
}
