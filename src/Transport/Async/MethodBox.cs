using System.Runtime.CompilerServices;
using System.Threading.Tasks.Sources;

namespace FastSidecar.Transport.Async;

/// <summary>A suspended call of an async method, and the promise of its result. Its one consumer gives it back by taking the result.</summary>
internal abstract class MethodBox<TResult> : IValueTaskSource<TResult>, IValueTaskSource
{
    /// <summary>
    /// Per method and thread: a thousand requests under way allocate no more than ten, and a burst leaves a few hundred KiB of each method behind.
    /// </summary>
    public const int MaxKept = 1024;

    private ManualResetValueTaskSourceCore<TResult> _promise;

    protected MethodBox() => MoveNext = Resume;

    public Action MoveNext { get; }

    public short Version => _promise.Version;

    public void SetResult(TResult result) => _promise.SetResult(result);

    public void SetException(Exception exception) => _promise.SetException(exception);

    public ValueTaskSourceStatus GetStatus(short token) => _promise.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _promise.OnCompleted(continuation, state, token, flags);

    public TResult GetResult(short token)
    {
        if (token != _promise.Version)
        {
            throw new InvalidOperationException("the result of a pooled call was taken twice");
        }

        try
        {
            return _promise.GetResult(token);
        }
        finally
        {
            _promise.Reset();
            Return();
        }
    }

    void IValueTaskSource.GetResult(short token) => GetResult(token);

    protected abstract void Resume();

    protected abstract void Return();
}

/// <summary>The box of one method.</summary>
internal sealed class MethodBox<TStateMachine, TResult> : MethodBox<TResult>
    where TStateMachine : IAsyncStateMachine
{
    [ThreadStatic]
    private static Stack<MethodBox<TStateMachine, TResult>>? t_kept;

    public TStateMachine StateMachine = default!;

    /// <summary>A box without a call.</summary>
    public static MethodBox<TStateMachine, TResult> Rent() =>
        t_kept is { } kept && kept.TryPop(out var box) ? box : new MethodBox<TStateMachine, TResult>();

    protected override void Resume() => StateMachine.MoveNext();

    protected override void Return()
    {
        // The call has ended: what follows its last statement does not touch it.
        StateMachine = default!;
        var kept = t_kept ??= new Stack<MethodBox<TStateMachine, TResult>>();
        if (kept.Count < MaxKept)
        {
            kept.Push(this);
        }
    }
}
