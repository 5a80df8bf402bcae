namespace FastSidecar.Transport.Http2.FlowControl;

/// <summary>
/// What we let the peer send, on a stream or the connection. Credit is saved up and given in one WINDOW_UPDATE when half of the window is
/// owed: often enough that the peer never waits while we keep up, seldom enough to cost nothing for small bodies.
/// </summary>
internal struct ReceiveWindow
{
    private Window _window;
    private int _sizeBytes;
    private int _owedBytes;

    public ReceiveWindow(int sizeBytes)
    {
        _window = new Window(sizeBytes);
        _sizeBytes = sizeBytes;
    }

    /// <summary>When the last WINDOW_UPDATE left, by the clock of <see cref="StreamWindowSizing"/>; 0 before the first.</summary>
    public long UpdatedAt { get; set; }

    /// <summary>The peer sent so much; false when that is more than it may.</summary>
    public bool TryTake(int bytes) => _window.TryTake(bytes);

    /// <summary>Giving back so much would send an update.</summary>
    public readonly bool IsUpdateDue(int bytes)
    {
        var owed = _owedBytes + bytes;
        return owed > 0 && owed >= _sizeBytes / 2;
    }

    /// <summary>So much may come again. Returns the increment of the WINDOW_UPDATE to send now, or 0.</summary>
    public int GiveBack(int bytes)
    {
        _owedBytes += bytes;
        if (!IsUpdateDue(0))
        {
            return 0;
        }

        var update = _owedBytes;
        _owedBytes = 0;
        _window.TryShift(update);
        return update;
    }

    /// <summary>
    /// The same, keeping back what the window is larger than <paramref name="leastBytes"/>: a window can only be made smaller by credit
    /// that is not given.
    /// </summary>
    public int GiveBackShrinking(int bytes, int leastBytes)
    {
        _owedBytes += bytes;
        var kept = Math.Clamp(_sizeBytes - leastBytes, 0, _owedBytes);
        _sizeBytes -= kept;
        _owedBytes -= kept;
        return GiveBack(0);
    }

    /// <summary>Doubles the window, up to <paramref name="mostBytes"/>; the next update carries the difference.</summary>
    public void Grow(int mostBytes)
    {
        var growth = Math.Clamp(mostBytes - _sizeBytes, 0, _sizeBytes);
        _sizeBytes += growth;
        _owedBytes += growth;
    }

    /// <summary>The peer has acknowledged an initial size that differs by so much.</summary>
    public void Shift(int bytes)
    {
        _window.TryShift(bytes);
        _sizeBytes += bytes;
    }
}
