namespace FastSidecar.Load;

/// <summary>When the requests of an open loop are to leave.</summary>
internal sealed class Arrivals
{
    private readonly double _interval;
    private readonly Random? _random;
    private double _next;

    /// <param name="start">The first one, in nanoseconds of <see cref="Clock"/>.</param>
    /// <param name="random">For a Poisson process; null spaces them evenly.</param>
    public Arrivals(long start, double perSecond, Random? random)
    {
        _interval = Clock.Second / perSecond;
        _random = random;
        Start = start;
    }

    public long Next => Start + (long)_next;

    private long Start { get; }

    public void MoveOn() => _next += _random is null ? _interval : -Math.Log(1 - _random.NextDouble()) * _interval;
}
