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

    /// <summary>The peer sent so much; false when that is more than it may.</summary>
    public bool TryTake(int bytes) => _window.TryTake(bytes);

    /// <summary>So much may come again. Returns the increment of the WINDOW_UPDATE to send now, or 0.</summary>
    public int GiveBack(int bytes)
    {
        _owedBytes += bytes;
        if (_owedBytes == 0 || _owedBytes < _sizeBytes / 2)
        {
            return 0;
        }

        var update = _owedBytes;
        _owedBytes = 0;
        _window.TryShift(update);
        return update;
    }

    /// <summary>The peer has acknowledged another initial size.</summary>
    public void Resize(int sizeBytes)
    {
        _window.TryShift(sizeBytes - _sizeBytes);
        _sizeBytes = sizeBytes;
    }
}
