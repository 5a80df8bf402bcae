namespace FastSidecar.Transport.Sockets.Loop;

/// <summary>
/// What is known of one direction of a socket: the loop raises it, the one flow of that direction lowers it before it tries, and waits when
/// there is nothing to try for. Edge-triggered epoll tells a change once, so a raise between a try and the wait must not be lost.
/// </summary>
internal struct Readiness
{
    private const int Exhausted = 0;
    private const int Ready = 1;
    private const int Waiting = 2;

    private int _state;

    /// <summary>A new socket may be tried at once.</summary>
    public Readiness() => _state = Ready;

    public readonly bool IsReady => Volatile.Read(in _state) == Ready;

    /// <summary>The flow is about to try, and will know the outcome: raised again only by what happens from now on.</summary>
    public bool TryLower() => IsReady && Interlocked.Exchange(ref _state, Exhausted) == Ready;

    /// <summary>The flow saw that more may be had.</summary>
    public void Keep() => Volatile.Write(ref _state, Ready);

    /// <summary>The flow waits: the loop's next raise calls it. False when it was raised meanwhile. After true the flow touches nothing.</summary>
    public bool TryWait() => Interlocked.CompareExchange(ref _state, Waiting, Exhausted) == Exhausted;

    /// <summary>True when the flow waits and is to be called.</summary>
    public bool Raise() => Interlocked.Exchange(ref _state, Ready) == Waiting;
}
