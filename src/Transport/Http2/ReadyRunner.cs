using FastSidecar.Transport.Http2.Streams;

namespace FastSidecar.Transport.Http2;

/// <summary>
/// What became ready under the connection's lock and runs without it: streams' continuations, new streams for the handler, the observer's
/// notice.
/// </summary>
internal sealed class ReadyRunner
{
    private readonly Lock _gate;
    private readonly IHttp2ConnectionObserver? _observer;
    private readonly ReadyQueue _queue = new();
    private bool _noticeDue;

    public ReadyRunner(Lock gate, IHttp2ConnectionObserver? observer)
    {
        _gate = gate;
        _observer = observer;
    }

    /// <summary>Something is there to run. Read without the lock, see <see cref="ConnectionOutput.IsDue"/>.</summary>
    public bool IsDue => !_queue.IsEmpty || _noticeDue;

    /// <summary>Under the lock.</summary>
    public void Add(Http2Stream stream, StreamWork work) => _queue.Add(stream, work);

    /// <summary>Under the lock: the observer shall look again.</summary>
    public void NoticeChange() => _noticeDue = _observer is not null;

    /// <summary>Under the lock: a stream has ended, which matters to those who wait for one.</summary>
    public void NoticeFreeSlot() => _noticeDue |= _observer is { WantsSlots: true };

    /// <summary>Runs everything, what comes up meanwhile included.</summary>
    public void Run()
    {
        while (TryTake(out var stream, out var work, out var aborted, out var notice))
        {
            if (notice)
            {
                _observer!.OnConnectionChanged();
            }

            if (aborted is not null)
            {
                Cancel(aborted);
            }

            if (work != StreamWork.None)
            {
                stream.Run(work);
            }
        }
    }

    private bool TryTake(out Http2Stream stream, out StreamWork work, out CancellationTokenSource? aborted, out bool notice)
    {
        lock (_gate)
        {
            notice = _noticeDue;
            _noticeDue = false;
            aborted = null;
            if (!_queue.TryTake(out stream, out work))
            {
                return notice;
            }

            if ((work & StreamWork.Abort) != 0)
            {
                // Taken now: once the lock is free the stream may be another request's.
                aborted = stream.AbortedSourceUnsynchronized;
            }

            return true;
        }
    }

    private static void Cancel(CancellationTokenSource source)
    {
        try
        {
            source.Cancel();
        }
        catch (AggregateException)
        {
            // What a caller's callback throws must not end the connection for everyone.
        }
    }
}
