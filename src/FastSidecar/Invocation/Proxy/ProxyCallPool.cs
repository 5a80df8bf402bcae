namespace FastSidecar.Invocation.Proxy;

/// <summary>Finished calls for reuse, of all targets together.</summary>
internal sealed class ProxyCallPool(int maxMessageBytes)
{
    /// <summary>Calls kept; more may be under way at once.</summary>
    private const int MostPooled = 1024;

    private readonly Lock _lock = new();
    private readonly Stack<ProxyCall> _calls = new();

    public ProxyCall Rent()
    {
        lock (_lock)
        {
            if (_calls.TryPop(out var call))
            {
                return call;
            }
        }

        return new ProxyCall(this, maxMessageBytes);
    }

    /// <summary>The call is over and holds on to nothing.</summary>
    public void Return(ProxyCall call)
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
