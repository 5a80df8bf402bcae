namespace FastSidecar.Transport.Hpack;

/// <summary>
/// An entry of either table, by a number that stays the same while the index on the wire grows with every insertion. Default: nowhere.
/// </summary>
internal readonly struct HpackPlace
{
    private readonly long _number; // positive: insertion number; negative: static index

    private HpackPlace(long number)
    {
        _number = number;
    }

    public bool Exists => _number != 0;

    public bool IsStatic => _number < 0;

    public int StaticIndex => (int)-_number;

    public long Number => _number;

    public static HpackPlace Static(int index) => new(-index);

    public static HpackPlace Dynamic(long number) => new(number);
}
