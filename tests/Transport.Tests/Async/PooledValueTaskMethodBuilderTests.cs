using System.Runtime.CompilerServices;
using System.Threading.Tasks.Sources;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Async;
using FastSidecar.Transport.Tests.Sockets;
using Xunit;

namespace FastSidecar.Transport.Tests.Async;

[Collection(AllocationMeasurements.Name)]
public sealed class PooledValueTaskMethodBuilderTests
{
    /// <summary>As many as HTTP/2 peers have under way at once on a busy sidecar.</summary>
    private const int Together = 64;

    [Fact]
    public async Task NothingToWaitFor_ResultIsThereAtOnce()
    {
        var call = AddAsync(Task.FromResult(1), 2);
        Assert.True(call.IsCompletedSuccessfully);
        Assert.Equal(3, await call);
    }

    [Fact]
    public async Task Suspended_ResultAndFailureComeLater()
    {
        var source = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        var good = AddAsync(source.Task, 2);
        var failing = FailAsync(source.Task);
        Assert.False(good.IsCompleted);
        Assert.False(failing.IsCompleted);
        source.SetResult(5);
        Assert.Equal(7, await good.AsTask().Within("the result"));
        Assert.Equal("5", (await Assert.ThrowsAsync<IOException>(() => failing.AsTask().Within("the failure"))).Message);
    }

    [Fact]
    public async Task FailureBeforeTheFirstWait_IsInTheResult()
    {
        var call = FailAsync(Task.FromResult(4));
        Assert.True(call.IsFaulted);
        await Assert.ThrowsAsync<IOException>(() => call.AsTask());
    }

    /// <summary>
    /// The end says that there is a result, and then looks for a continuation. A thread that asks in between must be told to wait: it would give
    /// the box to its next call, and the end would find that one's continuation.
    /// </summary>
    [Fact]
    public async Task EndIsHalfDone_CallIsPending()
    {
        var box = new BoxOfNothing();
        HasEnded(box) = true;
        Assert.Equal(ValueTaskSourceStatus.Pending, box.GetStatus(box.Version));

        HasEnded(box) = false;
        box.SetResult(3);
        Assert.Equal(ValueTaskSourceStatus.Succeeded, box.GetStatus(box.Version));
        Assert.Equal(3, await new ValueTask<int>(box, box.Version));
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_hasEnded")]
    private static extern ref bool HasEnded(MethodBox<int> box);

    private sealed class BoxOfNothing : MethodBox<int>
    {
        protected override void Resume()
        {
        }

        protected override void Return()
        {
        }
    }

    [Fact]
    public void ResultTakenTwice_Throws()
    {
        var signal = new Signal();
        var call = WaitAsync(signal);
        signal.Set();
        Take(call);
        Assert.Throws<InvalidOperationException>(() => Take(call));
    }

    [Fact]
    public async Task EndedBeforeAnybodyWaits_ContinuationRunsAllTheSame()
    {
        var signal = new Signal();
        var call = WaitAsync(signal);
        signal.Set();
        var ran = new TaskCompletionSource();
        call.GetAwaiter().UnsafeOnCompleted(ran.SetResult);
        await ran.Task.Within("the continuation");
        Take(call);
    }

    [Fact]
    public async Task AwaitedTwice_SecondThrowsAndFirstGoesOn()
    {
        var signal = new Signal();
        var call = WaitAsync(signal);
        var ran = new TaskCompletionSource();
        call.GetAwaiter().UnsafeOnCompleted(ran.SetResult);
        Assert.Throws<InvalidOperationException>(() => call.GetAwaiter().UnsafeOnCompleted(ran.SetResult));
        signal.Set();
        await ran.Task.Within("the first continuation");
        Take(call);
    }

    [Fact]
    public void ResultTakenBeforeItIsThere_Throws()
    {
        var signal = new Signal();
        var call = WaitAsync(signal);
        Assert.Throws<InvalidOperationException>(() => Take(call));
        signal.Set();
        Take(call);
    }

    /// <summary>End and wait meet at any moment: none of them is lost.</summary>
    [Fact]
    public async Task EndsOnAnotherThreadWhileAwaited_EveryResultArrives()
    {
        for (var i = 0; i < 2_000; i++)
        {
            var source = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
            var call = AddAsync(source.Task, i);
            ThreadPool.UnsafeQueueUserWorkItem(static source => source.SetResult(1), source, preferLocal: false);
            Assert.Equal(i + 1, await call.AsTask().Within("the result"));
        }
    }

    /// <summary>What the runtime's own pooling builder does not do: it keeps one call per method and thread.</summary>
    [Fact]
    public async Task ManyCallsSuspendedTogether_AllocateNothing()
    {
        var signals = Enumerable.Range(0, Together).Select(static _ => new Signal()).ToArray();
        var calls = new ValueTask[Together];
        await AllocationMeasurements.BestOfAsync(1, () => RoundsAsync(20)); // fills the pools
        var best = await AllocationMeasurements.BestOfAsync(100 * Together, () => RoundsAsync(100));
        Assert.True(best < AllocationMeasurements.Nothing(perAsyncCall: 1), $"{best:F1} bytes per call");

        Task RoundsAsync(int rounds)
        {
            for (var round = 0; round < rounds; round++)
            {
                for (var i = 0; i < Together; i++)
                {
                    calls[i] = WaitAsync(signals[i]);
                }

                for (var i = 0; i < Together; i++)
                {
                    signals[i].Set();
                    Take(calls[i]);
                }
            }

            return Task.CompletedTask;
        }
    }

    /// <summary>Of a call that has ended.</summary>
    private static void Take(ValueTask call) => call.GetAwaiter().GetResult();

    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder<>))]
    private static async ValueTask<int> AddAsync(Task<int> first, int second) => await first.ConfigureAwait(false) + second;

    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder))]
    private static async ValueTask FailAsync(Task<int> first) => throw new IOException($"{await first.ConfigureAwait(false)}");

    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder))]
    private static async ValueTask WaitAsync(Signal signal) => await signal.WaitAsync().ConfigureAwait(false);

    /// <summary>A wait that allocates nothing.</summary>
    private sealed class Signal : IValueTaskSource
    {
        private ManualResetValueTaskSourceCore<bool> _core;

        public ValueTask WaitAsync() => new(this, _core.Version);

        public void Set() => _core.SetResult(true);

        public void GetResult(short token)
        {
            _core.GetResult(token);
            _core.Reset();
        }

        public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

        public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
            _core.OnCompleted(continuation, state, token, flags);
    }
}
