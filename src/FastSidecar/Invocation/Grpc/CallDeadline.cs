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

    private readonly CancellationTokenSource _timer;
    private readonly CancellationTokenSource _either;
    private readonly TimeProvider _time;
    private readonly TimeSpan _timeout;
    private readonly long _started;

    public CallDeadline(TimeSpan timeout, Http2Stream stream, TimeProvider time)
    {
        _time = time;
        _timeout = timeout;
        _started = time.GetTimestamp();
        _timer = new CancellationTokenSource(timeout < Longest ? timeout : Longest, time);
        _either = CancellationTokenSource.CreateLinkedTokenSource(_timer.Token, stream.Aborted);
    }

    /// <summary>By the clock, or by the timer, which may be a moment later.</summary>
    public bool HasPassed => _timer.IsCancellationRequested || Left <= TimeSpan.Zero;

    /// <summary>How long the caller still waits: what a call that is made for it is given.</summary>
    public TimeSpan Left => _timeout - _time.GetElapsedTime(_started);

    public CancellationToken Token => _either.Token;

    public void Dispose()
    {
        _either.Dispose();
        _timer.Dispose();
    }
}
