using FastSidecar.Transport.Http2;

namespace FastSidecar.Invocation.Grpc;

/// <summary>
/// The end that a caller set to its call (grpc-timeout): a token that is cancelled then, and when the stream is aborted before. Only calls
/// with that header have one.
/// </summary>
internal sealed class CallDeadline : IDisposable
{
    /// <summary>What a timer can hold, 49 days.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(uint.MaxValue - 1);

    /// <summary>
    /// Timers are no better than that: whoever got the rest of the time may have given up before ours is over, and what fails then fails
    /// because of the deadline.
    /// </summary>
    private static readonly TimeSpan TimerSlack = TimeSpan.FromMilliseconds(5);

    private readonly TimeProvider _time;
    private readonly TimeSpan _timeout;
    private readonly long _started;
    private readonly CancellationTokenSource _timer;
    private readonly CancellationTokenSource _either;

    public CallDeadline(TimeSpan timeout, Http2Stream stream, TimeProvider time)
    {
        _time = time;
        _timeout = timeout;
        _started = time.GetTimestamp();
        _timer = new CancellationTokenSource(timeout < Longest ? timeout : Longest, time);
        _either = CancellationTokenSource.CreateLinkedTokenSource(_timer.Token, stream.Aborted);
    }

    public bool HasPassed => _timer.IsCancellationRequested || Remaining <= TimerSlack;

    /// <summary>What is left of the time, for the next one who gets the call; nothing when it has passed.</summary>
    public TimeSpan Remaining
    {
        get
        {
            var left = _timeout - _time.GetElapsedTime(_started);
            return left > TimeSpan.Zero ? left : TimeSpan.Zero;
        }
    }

    public CancellationToken Token => _either.Token;

    public void Dispose()
    {
        _either.Dispose();
        _timer.Dispose();
    }
}
