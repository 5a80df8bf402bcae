namespace FastSidecar.Transport.Http2.FlowControl;

/// <summary>
/// How many bytes one side may still send (RFC 9113 §6.9). It can be negative: the peer sent an initial window of 65,535, we sent 60,000 of
/// it, then its SETTINGS lowered the initial window to 16,384, so the window is 16,384 − 60,000 = −43,616 and nothing goes until updates
/// have made up for it.
/// </summary>
internal struct Window
{
    /// <summary>Every window's size before anything was said about it.</summary>
    public const int InitialBytes = 65_535;

    public const int MaxBytes = int.MaxValue;

    public Window(int bytes)
    {
        Available = bytes;
    }

    public int Available { get; private set; }

    /// <summary>
    /// Moves the window by an update or a change of the initial size; false, without effect, when it would pass 2^31 − 1.
    /// </summary>
    public bool TryShift(int bytes)
    {
        var sum = (long)Available + bytes;
        if (sum is > MaxBytes or < int.MinValue)
        {
            return false;
        }

        Available = (int)sum;
        return true;
    }

    /// <summary>Uses up what is sent; false, without effect, when there is not so much.</summary>
    public bool TryTake(int bytes)
    {
        if (bytes > Available)
        {
            return false;
        }

        Available -= bytes;
        return true;
    }
}
