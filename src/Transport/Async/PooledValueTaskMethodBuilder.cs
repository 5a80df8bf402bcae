using System.Runtime.CompilerServices;

namespace FastSidecar.Transport.Async;

/// <summary>
/// Builds an <c>async ValueTask</c> method whose suspended calls live in objects of a pool. The runtime's own pooling builder keeps one object
/// per method and thread, so that with sixteen requests under way fifteen allocate; this one keeps
/// <see cref="MethodBox{TResult}.MaxKept"/>.
/// </summary>
/// <remarks>
/// The execution context does not flow: after an await a method goes on in the context of whoever completed it, and so does whoever awaits
/// it, whatever synchronization context or scheduler it has. Nothing on the request path uses an <see cref="AsyncLocal{T}"/>. Await the
/// result once, directly.
/// </remarks>
public struct PooledValueTaskMethodBuilder
{
    private PooledValueTaskMethodBuilder<Nothing> _builder;

    public readonly ValueTask Task => _builder.UntypedTask;

    public static PooledValueTaskMethodBuilder Create() => default;

    public readonly void Start<TStateMachine>(ref TStateMachine stateMachine)
        where TStateMachine : IAsyncStateMachine => stateMachine.MoveNext();

    public readonly void SetStateMachine(IAsyncStateMachine stateMachine)
    {
        // For builders that box the state machine before its first suspension.
    }

    public void SetResult() => _builder.SetResult(default);

    public void SetException(Exception exception) => _builder.SetException(exception);

    public void AwaitOnCompleted<TAwaiter, TStateMachine>(ref TAwaiter awaiter, ref TStateMachine stateMachine)
        where TAwaiter : INotifyCompletion
        where TStateMachine : IAsyncStateMachine => _builder.AwaitOnCompleted(ref awaiter, ref stateMachine);

    public void AwaitUnsafeOnCompleted<TAwaiter, TStateMachine>(ref TAwaiter awaiter, ref TStateMachine stateMachine)
        where TAwaiter : ICriticalNotifyCompletion
        where TStateMachine : IAsyncStateMachine => _builder.AwaitUnsafeOnCompleted(ref awaiter, ref stateMachine);

    /// <summary>What a method without a result returns.</summary>
    internal readonly struct Nothing;
}

/// <summary>As <see cref="PooledValueTaskMethodBuilder"/>, for methods with a result.</summary>
public struct PooledValueTaskMethodBuilder<TResult>
{
    private MethodBox<TResult>? _box;
    private TResult _result;
    private Exception? _failure;

    public readonly ValueTask<TResult> Task => _box is not null ? new ValueTask<TResult>(_box, _box.Version)
        : _failure is null ? new ValueTask<TResult>(_result)
        : ValueTask.FromException<TResult>(_failure);

    internal readonly ValueTask UntypedTask => _box is not null ? new ValueTask(_box, _box.Version)
        : _failure is null ? default
        : ValueTask.FromException(_failure);

    public static PooledValueTaskMethodBuilder<TResult> Create() => default;

    public readonly void Start<TStateMachine>(ref TStateMachine stateMachine)
        where TStateMachine : IAsyncStateMachine => stateMachine.MoveNext();

    public readonly void SetStateMachine(IAsyncStateMachine stateMachine)
    {
        // For builders that box the state machine before its first suspension.
    }

    public void SetResult(TResult result)
    {
        if (_box is null)
        {
            _result = result;
        }
        else
        {
            _box.SetResult(result);
        }
    }

    public void SetException(Exception exception)
    {
        if (_box is null)
        {
            _failure = exception;
        }
        else
        {
            _box.SetException(exception);
        }
    }

    public void AwaitOnCompleted<TAwaiter, TStateMachine>(ref TAwaiter awaiter, ref TStateMachine stateMachine)
        where TAwaiter : INotifyCompletion
        where TStateMachine : IAsyncStateMachine => awaiter.OnCompleted(Suspend(ref stateMachine));

    public void AwaitUnsafeOnCompleted<TAwaiter, TStateMachine>(ref TAwaiter awaiter, ref TStateMachine stateMachine)
        where TAwaiter : ICriticalNotifyCompletion
        where TStateMachine : IAsyncStateMachine => awaiter.UnsafeOnCompleted(Suspend(ref stateMachine));

    /// <summary>Moves the call off the stack at its first suspension.</summary>
    private Action Suspend<TStateMachine>(ref TStateMachine stateMachine)
        where TStateMachine : IAsyncStateMachine
    {
        if (_box is null)
        {
            // This builder is a field of the state machine: it has to know the box before it is copied there.
            var box = MethodBox<TStateMachine, TResult>.Rent();
            _box = box;
            box.StateMachine = stateMachine;
        }

        return _box.MoveNext;
    }
}
