namespace FastSidecar.Transport.Hpack;

/// <summary>
/// The encoder's dynamic table: what the peer's decoder holds, and two hash chains per entry to find it by field or by name. A chain links insertion
/// numbers from new to old, so it ends at the first number that has been evicted, and eviction has nothing to unlink.
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

    /// <summary>The index on the wire of a field that the table holds, or 0.</summary>
    public int FindField(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, uint fieldHash)
    {
        var number = _fieldBuckets[fieldHash % Buckets];
        while (_table.IsLive(number))
        {
            ref readonly var link = ref LinkAt(number);
            if (link.FieldHash == fieldHash && _table.Value(number).SequenceEqual(value) && _table.Name(number).SequenceEqual(name))
            {
                return IndexOf(number);
            }

            number = link.OlderField;
        }

        return 0;
    }

    /// <summary>The index of the newest entry of that name, or 0; <paramref name="count"/> is how many there are, counted up to <paramref name="countUpTo"/>.</summary>
    public int FindName(ReadOnlySpan<byte> name, uint nameHash, int countUpTo, out int count)
    {
        count = 0;
        var found = 0;
        var number = _nameBuckets[nameHash % Buckets];
        while (count < countUpTo && _table.IsLive(number))
        {
            ref readonly var link = ref LinkAt(number);
            if (link.NameHash == nameHash && _table.Name(number).SequenceEqual(name))
            {
                found = found == 0 ? IndexOf(number) : found;
                count++;
            }

            number = link.OlderName;
        }

        return found;
    }

    public void Insert(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, uint nameHash, uint fieldHash)
    {
        if (!_table.Insert(name, value))
        {
            return;
        }

        var number = _table.Newest;
        ref var fieldBucket = ref _fieldBuckets[fieldHash % Buckets];
        ref var nameBucket = ref _nameBuckets[nameHash % Buckets];
        LinkAt(number) = new Link(fieldHash, nameHash, fieldBucket, nameBucket);
        fieldBucket = number;
        nameBucket = number;
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

    private int IndexOf(long number) => HpackStaticTable.Count + 1 + (int)(_table.Newest - number);

    private ref Link LinkAt(long number) => ref _links[number & (_links.Length - 1)];

    /// <summary>No table of that size holds more entries.</summary>
    private static int LinksFor(int maxBytes) =>
        (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(1, maxBytes / HpackDynamicTable.EntryOverheadBytes));
}
