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

    public CallDeadline(TimeSpan timeout, Http2Stream stream, TimeProvider time)
    {
        _timer = new CancellationTokenSource(timeout < Longest ? timeout : Longest, time);
        _either = CancellationTokenSource.CreateLinkedTokenSource(_timer.Token, stream.Aborted);
    }

    public bool HasPassed => _timer.IsCancellationRequested;

    public CancellationToken Token => _either.Token;

    public void Dispose()
    {
        _either.Dispose();
        _timer.Dispose();
    }
}
