namespace FastSidecar.Targets.Peers;

/// <summary>Finished calls for reuse, of all peers together: a mesh has thousands of them, and few are called at the same time.</summary>
internal sealed class PeerCallPool(int maxMessageBytes)
{
    /// <summary>Calls kept; more may be under way at once.</summary>
    internal const int MostPooled = 1024;

    private readonly Lock _lock = new();
    private readonly Stack<PeerCall> _calls = new();

    /// <summary>How many are kept now.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _calls.Count;
            }
        }
    }

    public PeerCall Rent()
    {
        lock (_lock)
        {
            if (_calls.TryPop(out var call))
            {
                return call;
            }
        }

        return new PeerCall(this, maxMessageBytes);
    }

    /// <summary>The call is over and holds on to nothing.</summary>
    public void Return(PeerCall call)
    {
        lock (_lock)
        {
            if (_calls.Count < MostPooled)
            {
                _calls.Push(call);
            }
        }
    }
}
