using System.Diagnostics;
using System.Threading.Tasks.Sources;

namespace FastSidecar.Transport.Http2.Streams;

/// <summary>
/// The awaitable part of one kind of operation of a stream (read, flush, head), reused for every operation of that kind. What the
/// operation's result is gets decided when the awaiting flow fetches it, so completing only says "look again".
/// </summary>
/// <remarks>
/// <see cref="IsWaiting"/> and <see cref="IsOutstanding"/> belong to the connection's lock. An operation waits until something decides to
/// complete it, and stays outstanding until the flow has fetched the result; only then may the stream be reused.
/// </remarks>
internal struct PendingOperation
{
    private ManualResetValueTaskSourceCore<bool> _core;
    private CancellationTokenRegistration _registration;
    private CancellationToken _token;
    private bool _canceled;

    public bool IsWaiting { get; private set; }

    public bool IsOutstanding { get; private set; }

    public readonly short Version => _core.Version;

    /// <summary>
    /// Under the lock. <paramref name="onCanceled"/> is called with <paramref name="owner"/>, which calls <see cref="TryCancel"/>.
    /// </summary>
    public void Start(object owner, Action<object?> onCanceled, CancellationToken cancellationToken)
    {
        if (IsOutstanding)
        {
            throw new InvalidOperationException("an operation of this kind is pending on the stream already");
        }

        _core.Reset();
        _canceled = false;
        IsWaiting = true;
        IsOutstanding = true;
        if (cancellationToken.CanBeCanceled)
        {
            _token = cancellationToken;
            _registration = cancellationToken.UnsafeRegister(onCanceled, owner);
        }
    }

    /// <summary>
    /// Under the lock: true when the operation was waiting and is now to be completed by the caller's <see cref="Complete"/>.
    /// </summary>
    public bool TryFinishWaiting()
    {
        var waiting = IsWaiting;
        IsWaiting = false;
        return waiting;
    }

    /// <summary>Under the lock, from the token.</summary>
    public bool TryCancel()
    {
        if (!TryFinishWaiting())
        {
            return false;
        }

        _canceled = true;
        return true;
    }

    /// <summary>Outside of the lock: runs the awaiting flow.</summary>
    public void Complete() => _core.SetResult(true);

    public readonly ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    /// <summary>
    /// Outside of the lock, because it waits for a cancellation callback that may be running and wants the lock. Throws when the operation
    /// was canceled.
    /// <see cref="Release"/> must follow in any case.
    /// </summary>
    public void Fetch(short token)
    {
        _core.GetResult(token);
        _registration.Dispose();
    }

    /// <summary>Under the lock: the operation is over. Returns its token when that ended it.</summary>
    public bool Release(out CancellationToken canceledBy)
    {
        Debug.Assert(!IsWaiting, "an operation is released after it was completed");
        canceledBy = _token;
        _token = default;
        _registration = default;
        IsOutstanding = false;
        return _canceled;
    }
}
