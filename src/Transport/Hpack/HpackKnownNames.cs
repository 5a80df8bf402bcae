namespace FastSidecar.Transport.Hpack;

/// <summary>How the encoder represents the values of a name.</summary>
internal enum HpackIndexing : byte
{
    /// <summary>Likely to repeat: into the dynamic table.</summary>
    Repeats,

    /// <summary>
    /// Nearly always new: stays out of the table, where it would only push out what repeats. One entry may lend its name to later ones.
    /// </summary>
    Varies,

    /// <summary>A secret: never indexed, so that no later hop puts it into a table either (RFC 7541 §7.1.3).</summary>
    Secret,
}

/// <summary>Finds a name in the static table and the encoder's policy for it with one look-up.</summary>
internal static class HpackKnownNames
{
    /// <summary>A power of two, four times the names there are, so a probe nearly always hits or misses at once.</summary>
    private const int Slots = 256;

    private static readonly Known[] Table = Build();

    /// <summary>Values that mean "nothing": they do repeat. What daprd sends without tracing, recorded as such.</summary>
    private static ReadOnlySpan<byte> EmptyTraceParent => "00-00000000000000000000000000000000-0000000000000000-00"u8;

    private static ReadOnlySpan<byte> EmptyTraceBin => "AAAAAAAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAgA"u8;

    private readonly record struct Known(byte[] Name, int StaticIndex, HpackIndexing Indexing, byte[] RepeatingValue);

    /// <param name="name">The field's name, lower-case.</param>
    /// <param name="hash"><see cref="HpackHash"/> of the name.</param>
    /// <param name="value">The field's value: a name whose values vary may have one that repeats.</param>
    /// <param name="staticIndex">The first static entry of that name, or 0.</param>
    public static HpackIndexing Find(ReadOnlySpan<byte> name, uint hash, ReadOnlySpan<byte> value, out int staticIndex)
    {
        var table = Table;
        for (var slot = hash % Slots; ; slot = (slot + 1) % Slots)
        {
            ref readonly var known = ref table[slot];
            if (known.Name is null)
            {
                staticIndex = 0;
                return HpackIndexing.Repeats;
            }

            if (name.SequenceEqual(known.Name))
            {
                staticIndex = known.StaticIndex;
                var repeats = known.Indexing == HpackIndexing.Varies && IsRepeating(value, known.RepeatingValue);
                return repeats ? HpackIndexing.Repeats : known.Indexing;
            }
        }
    }

    /// <summary>The empty value also means "nothing": grpc-go ends every successful call with an empty grpc-message.</summary>
    private static bool IsRepeating(ReadOnlySpan<byte> value, byte[] repeating) => value.IsEmpty || value.SequenceEqual(repeating);

    private static Known[] Build()
    {
        var table = new Known[Slots];
        for (var i = HpackStaticTable.Count; i > 0; i--)
        {
            // From the back, so that the first entry of a name is the one that stays.
            Put(table, HpackStaticTable.Name(i), i, HpackIndexing.Repeats);
        }

        Put(table, "authorization"u8, 23, HpackIndexing.Secret);
        Put(table, "cookie"u8, 32, HpackIndexing.Secret);
        Put(table, "set-cookie"u8, 55, HpackIndexing.Secret);
        Put(table, "proxy-authorization"u8, 49, HpackIndexing.Secret);
        Put(table, "dapr-api-token"u8, 0, HpackIndexing.Secret);

        Put(table, "age"u8, 21, HpackIndexing.Varies);
        Put(table, "content-length"u8, 28, HpackIndexing.Varies);
        Put(table, "content-range"u8, 30, HpackIndexing.Varies);
        Put(table, "date"u8, 33, HpackIndexing.Varies);
        Put(table, "etag"u8, 34, HpackIndexing.Varies);
        Put(table, "if-none-match"u8, 41, HpackIndexing.Varies);
        Put(table, "last-modified"u8, 44, HpackIndexing.Varies);
        Put(table, "location"u8, 46, HpackIndexing.Varies);
        Put(table, "grpc-timeout"u8, 0, HpackIndexing.Varies);
        Put(table, "grpc-message"u8, 0, HpackIndexing.Varies);
        Put(table, "grpc-status-details-bin"u8, 0, HpackIndexing.Varies);
        Put(table, "traceparent"u8, 0, HpackIndexing.Varies, EmptyTraceParent);
        Put(table, "tracestate"u8, 0, HpackIndexing.Varies);
        Put(table, "grpc-trace-bin"u8, 0, HpackIndexing.Varies, EmptyTraceBin);
        Put(table, "grpc-tags-bin"u8, 0, HpackIndexing.Varies);
        return table;
    }

    private static void Put(Known[] table, ReadOnlySpan<byte> name, int staticIndex, HpackIndexing indexing, ReadOnlySpan<byte> repeatingValue = default)
    {
        var slot = HpackHash.Of(name) % Slots;
        while (table[slot].Name is { } taken && !name.SequenceEqual(taken))
        {
            slot = (slot + 1) % Slots;
        }

        table[slot] = new Known(name.ToArray(), staticIndex, indexing, repeatingValue.ToArray());
    }
}
