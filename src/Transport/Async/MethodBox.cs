using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Threading.Tasks.Sources;

namespace FastSidecar.Transport.Async;

/// <summary>A suspended call of an async method, and the promise of its result. Its one consumer gives it back by taking the result.</summary>
/// <remarks>
/// The promise is what <see cref="ManualResetValueTaskSourceCore{TResult}"/> would be without the contexts to go on in, which nothing on the
/// request path has: asking for them took a third of a suspended call's time.
/// </remarks>
internal abstract class MethodBox<TResult> : IValueTaskSource<TResult>, IValueTaskSource
{
    /// <summary>
    /// Per method and thread: a thousand requests under way allocate no more than ten, and a burst leaves a few hundred KiB of each method behind.
    /// </summary>
    public const int MaxKept = 1024;

    /// <summary>The consumer's; <see cref="MethodEnd.Reached"/> when the call ended before anybody waited. Set once, by whoever is first.</summary>
    private Action<object?>? _continuation;
    private object? _state;
    private ExceptionDispatchInfo? _failure;
    private TResult? _result;
    private volatile bool _hasEnded;
    private short _version;

    protected MethodBox() => MoveNext = Resume;

    public Action MoveNext { get; }

    public short Version => _version;

    public void SetResult(TResult result)
    {
        _result = result;
        End();
    }

    public void SetException(Exception exception)
    {
        _failure = ExceptionDispatchInfo.Capture(exception);
        End();
    }

    public ValueTaskSourceStatus GetStatus(short token)
    {
        Check(token);

        // While there is no continuation the end may still be on its way to leave its mark there: whoever only asks must not take the result
        // from under it and give the box to the next call. Once the mark is set, the end touches the box no more.
        return !_hasEnded || Volatile.Read(ref _continuation) is null ? ValueTaskSourceStatus.Pending
            : _failure is null ? ValueTaskSourceStatus.Succeeded
            : _failure.SourceException is OperationCanceledException ? ValueTaskSourceStatus.Canceled
            : ValueTaskSourceStatus.Faulted;
    }

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        Check(token);
        var earlier = Volatile.Read(ref _continuation);
        if (earlier is null)
        {
            // Before the continuation, with which the other side takes it.
            _state = state;
            earlier = Interlocked.CompareExchange(ref _continuation, continuation, null);
            if (earlier is null)
            {
                return;
            }
        }

        if (!ReferenceEquals(earlier, MethodEnd.Reached))
        {
            throw new InvalidOperationException("a pooled call is awaited twice");
        }

        // The call ended in between. Not on top of this stack, which may be that of a loop.
        ThreadPool.UnsafeQueueUserWorkItem(continuation, state, preferLocal: true);
    }

    public TResult GetResult(short token)
    {
        Check(token);
        if (!_hasEnded)
        {
            throw new InvalidOperationException("the result of a pooled call was taken before there was one");
        }

        var (result, failure) = (_result, _failure);
        _version++;
        _hasEnded = false;
        _continuation = null;
        _state = null;
        _failure = null;
        _result = default;
        Return();
        failure?.Throw();
        return result!;
    }

    void IValueTaskSource.GetResult(short token) => GetResult(token);

    protected abstract void Resume();

    protected abstract void Return();

    private void End()
    {
        _hasEnded = true;
        var continuation = Volatile.Read(ref _continuation) ?? Interlocked.CompareExchange(ref _continuation, MethodEnd.Reached, null);
        continuation?.Invoke(_state);
    }

    private void Check(short token)
    {
        if (token != _version)
        {
            throw new InvalidOperationException("the result of a pooled call was taken twice");
        }
    }
}

/// <summary>Stands where a continuation would, when there is nothing left to wait for.</summary>
internal static class MethodEnd
{
    public static readonly Action<object?> Reached = static _ => throw new InvalidOperationException("a mark was called");
}

/// <summary>The box of one method.</summary>
internal sealed class MethodBox<TStateMachine, TResult> : MethodBox<TResult>
    where TStateMachine : IAsyncStateMachine
{
    [ThreadStatic]
    private static Kept? t_kept;

    public TStateMachine StateMachine = default!;

    /// <summary>Behind this one among the kept.</summary>
    private MethodBox<TStateMachine, TResult>? _next;

    /// <summary>A box without a call.</summary>
    public static MethodBox<TStateMachine, TResult> Rent()
    {
        if (t_kept is not { First: { } box } kept)
        {
            return new MethodBox<TStateMachine, TResult>();
        }

        kept.First = box._next;
        kept.Count--;
        box._next = null;
        return box;
    }

    protected override void Resume() => StateMachine.MoveNext();

    protected override void Return()
    {
        // The call has ended: what follows its last statement does not touch it.
        StateMachine = default!;
        var kept = t_kept ??= new Kept();
        if (kept.Count < MaxKept)
        {
            _next = kept.First;
            kept.First = this;
            kept.Count++;
        }
    }

    /// <summary>A thread's boxes of the method, the last returned first: a list of the boxes themselves touches no memory but theirs.</summary>
    private sealed class Kept
    {
        public MethodBox<TStateMachine, TResult>? First;
        public int Count;
    }
}
