namespace FastSidecar.Transport.Http2.Streams;

/// <summary>What is still known of a stream id that is not open.</summary>
internal enum ClosedStreamFact
{
    /// <summary>Closed so long ago that it was forgotten: late frames are tolerated.</summary>
    Forgotten,

    /// <summary>The id was passed over: a frame for it is an error of the connection.</summary>
    NeverOpened,

    /// <summary>We sent RST_STREAM: the peer may have sent anything before it saw that (RFC 9113 §5.1, closed).</summary>
    ResetHere,

    /// <summary>Ended on both sides, or reset by the peer: it has no business to send more.</summary>
    Ended,
}

/// <summary>
/// The last streams that were closed. Fixed size: the fate of the newest <see cref="Remembered"/> ids is enough to judge late frames.
/// </summary>
internal sealed class ClosedStreams
{
    /// <summary>A power of two; ids are all odd, so id / 2 indexes without gaps.</summary>
    private const int Remembered = 256;

    private readonly int[] _ids = new int[Remembered];
    private readonly bool[] _resetHere = new bool[Remembered];

    public void Add(int id, bool resetHere)
    {
        var slot = (id >> 1) & (Remembered - 1);
        if (id > _ids[slot])
        {
            _ids[slot] = id;
            _resetHere[slot] = resetHere;
        }
    }

    /// <summary>Of an id that is neither open nor higher than the highest opened.</summary>
    public ClosedStreamFact Find(int id)
    {
        var slot = (id >> 1) & (Remembered - 1);
        if (id == _ids[slot])
        {
            return _resetHere[slot] ? ClosedStreamFact.ResetHere : ClosedStreamFact.Ended;
        }

        return id < _ids[slot] ? ClosedStreamFact.Forgotten : ClosedStreamFact.NeverOpened;
    }
}
