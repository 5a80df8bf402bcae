namespace FastSidecar.Transport.Http2.FlowControl;

/// <summary>
/// How large the windows of a connection's streams are. Each starts small, because what a stream may hold while nobody reads counts once
/// for each of many streams; it grows while its reader is fast, because a window is also what can be on its way during one round trip.
/// </summary>
internal sealed class StreamWindowSizing
{
    /// <summary>
    /// A reader is fast when half of a window comes and is taken in less. Over a long way that is half of a round trip at the least, and
    /// there growth counts most: this lets windows grow at round trips of up to 200 ms.
    /// </summary>
    private static readonly TimeSpan Fast = TimeSpan.FromMilliseconds(100);

    private readonly int _leastBytes;
    private readonly int _mostBytes;
    private readonly ReceiveBudget? _budget;
    private readonly TimeProvider _time;

    public StreamWindowSizing(Http2Options options, TimeProvider time)
    {
        _leastBytes = Math.Min(options.StreamWindowBytes, Window.InitialBytes);
        _mostBytes = Math.Max(options.StreamWindowBytes, options.MaxStreamWindowBytes);
        _budget = options.ReceiveBudget;
        _time = time;
    }

    /// <summary>The reader took so much. Returns the increment of the WINDOW_UPDATE to send now, or 0.</summary>
    public int GiveBack(ref ReceiveWindow window, int bytes)
    {
        if (!window.IsUpdateDue(bytes))
        {
            return window.GiveBack(bytes);
        }

        var now = _time.GetTimestamp();
        var last = window.UpdatedAt;
        window.UpdatedAt = now;
        if (_budget is { IsTight: true })
        {
            return window.GiveBackShrinking(bytes, _leastBytes);
        }

        if (last != 0 && _time.GetElapsedTime(last, now) < Fast)
        {
            window.Grow(_mostBytes);
        }

        return window.GiveBack(bytes);
    }
}
