using FastSidecar.Resolution;
using FastSidecar.Tests.Shared;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace FastSidecar.Tests.Resolution;

public sealed class CachingResolverTests : IAsyncDisposable
{
    private const string One = "192.0.2.1:5000";
    private const string Two = "192.0.2.2:5000";
    private const string Three = "192.0.2.3:5000";
    private static readonly ResolveRequest Callee = new("callee", "default", 50002);
    private static readonly CachingOptions Options = new();
    private readonly FakeTimeProvider _time = new();
    private readonly ScriptedResolver _inner = new();
    private CachingResolver _cache;

    public CachingResolverTests()
    {
        _cache = new CachingResolver(_inner, Options, _time, NullLogger.Instance);
    }

    public ValueTask DisposeAsync() => _cache.DisposeAsync();

    [Fact]
    public async Task Known_GoesRoundInTurn()
    {
        _inner.Set("callee", One, Two, Three);
        var taken = new List<string?>();
        for (var i = 0; i < 7; i++)
        {
            taken.Add(await ResolveAsync());
        }

        Assert.Equal([One, Two, Three, One, Two, Three, One], taken);
        Assert.Equal(1, _inner.Lookups);
    }

    [Fact]
    public async Task Known_IsServedSynchronouslyWithoutAllocation()
    {
        _inner.Set("callee", One, Two);
        await ResolveAsync();
        var tried = default(TriedAddresses);
        tried.Add(One);
        Take(1000);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Take(10_000);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Take(int count)
        {
            for (var i = 0; i < count; i++)
            {
                var resolving = _cache.ResolveAsync(Callee, tried, default);
                if (!resolving.IsCompletedSuccessfully || resolving.Result.Address != Two)
                {
                    Assert.Fail("not the other address at once");
                }
            }
        }
    }

    [Fact]
    public async Task Tried_AreLeftOutWhileOthersRemain_ThenStartOver()
    {
        _inner.Set("callee", One, Two, Three);
        var tried = default(TriedAddresses);
        var taken = new List<string?>();
        for (var i = 0; i < 3; i++)
        {
            var address = await ResolveAsync(tried);
            taken.Add(address);
            tried.Add(address!);
        }

        Assert.Equal([One, Three, Two], taken.Order().Select(address => address == Two ? Three : address == Three ? Two : address));
        Assert.NotNull(await ResolveAsync(tried));
    }

    [Fact]
    public void Tried_RememberTheLastFour()
    {
        var tried = default(TriedAddresses);
        Assert.True(tried.IsEmpty);
        foreach (var address in new[] { "a", "b", "b", "c", "d" })
        {
            tried.Add(address);
        }

        Assert.True(tried.Contains("a") && tried.Contains("b") && tried.Contains("c") && tried.Contains("d"));
        tried.Add("e");
        Assert.True(tried.Contains("e") && !tried.Contains("a"));
    }

    [Fact]
    public async Task Unknown_FailsWithTheResolversText_AndIsAskedAgain()
    {
        _inner.Fail("callee", "couldn't find service: callee");
        for (var i = 1; i <= 3; i++)
        {
            var result = await _cache.ResolveAsync(Callee, default, default).AsTask().Within("the failure");
            Assert.Equal((null, "couldn't find service: callee"), (result.Address, result.Error));
            Assert.Equal(i, _inner.Lookups);
            Assert.Equal(0, _cache.Count);
        }
    }

    [Fact]
    public async Task CallersOfAnUnknownTarget_ShareOneLookup()
    {
        var answer = _inner.Hold("callee");
        var callers = Enumerable.Range(0, 50).Select(_ => _cache.ResolveAsync(Callee, default, default).AsTask()).ToList();
        Assert.Equal(1, _inner.Lookups);
        answer.SetResult(ResolveResult.Found([One, Two], isComplete: true));
        var addresses = await Task.WhenAll(callers).Within("all callers");
        Assert.Equal(25, addresses.Count(static result => result.Address == One));
        Assert.Equal(25, addresses.Count(static result => result.Address == Two));
        Assert.Equal(1, _inner.Lookups);
    }

    [Fact]
    public async Task CallerGivingUp_DoesNotEndTheLookupOfOthers()
    {
        var answer = _inner.Hold("callee");
        using var cancellation = new CancellationTokenSource();
        var first = _cache.ResolveAsync(Callee, default, cancellation.Token).AsTask();
        var second = _cache.ResolveAsync(Callee, default, default).AsTask();
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first.Within("the caller that gave up"));
        answer.SetResult(ResolveResult.Found([One], isComplete: true));
        Assert.Equal(One, (await second.Within("the other caller")).Address);
    }

    [Fact]
    public async Task CallersGoOn_NotOnTheThreadThatAnswers()
    {
        var answer = _inner.Hold("callee");
        var blocked = new TaskCompletionSource();
        var caller = Caller();
        answer.SetResult(ResolveResult.Found([One], isComplete: true));

        // Would not be reached if the caller's blocking continuation ran inside SetResult.
        blocked.SetResult();
        await caller.Within("the caller");

        async Task Caller()
        {
            await _cache.ResolveAsync(Callee, default, default);
            Assert.True(blocked.Task.Wait(TestTimeouts.Default));
        }
    }

    [Fact]
    public async Task IncompleteFirstAnswer_IsFollowedByARefreshForTheOthers()
    {
        _inner.SetIncomplete("callee", One);
        _inner.SetIncompleteRefresh("callee", One, Two);
        await ResolveAsync();
        await UntilAsync(() => _inner.Refreshes == 1);
        await UntilAsync(() => Take(4).Distinct().Order().SequenceEqual([One, Two]));
    }

    [Fact]
    public async Task RefusedAddress_IsLeftOutAtOnce_AndComesBackWhenSeenAgain()
    {
        _inner.Set("callee", One, Two);
        await ResolveAsync();
        var held = _inner.Hold("callee");
        _time.Advance(TimeSpan.FromSeconds(2));
        _cache.Evict("callee", "default", One);
        Assert.Equal([Two, Two, Two], Take(3));
        Assert.Equal(1, _inner.Refreshes);

        // Answers that were on their way when it was refused do not count.
        held.SetResult(ResolveResult.Found([One, Two], isComplete: true));
        await UntilAsync(() => !_inner.IsHolding);
        Assert.Equal([Two, Two, Two], Take(3));

        _time.Advance(TimeSpan.FromSeconds(1));
        _inner.Raise(new AddressSighting("callee", One, IsGoodbye: false));
        Assert.Equal([One, Two], Take(2).Order());
    }

    [Fact]
    public async Task OnlyAddressRefused_IsStillServed_WhileItIsLookedUpAgain()
    {
        _inner.SetIncomplete("callee", One);
        await ResolveAsync();
        await UntilAsync(() => _inner.Refreshes == 1);
        _time.Advance(TimeSpan.FromSeconds(2));
        _inner.Fail("callee", "couldn't find service: callee");
        _cache.Evict("callee", "default", One);

        // As with daprd the caller sees the connection refused, and not that the app id is unknown.
        Assert.Equal([One], Take(1));
        await UntilAsync(() => _inner.Refreshes == 2);

        // Not more than once per second, however often it is asked for.
        Take(100);
        Assert.Equal(2, _inner.Refreshes);
        _time.Advance(TimeSpan.FromSeconds(1));
        Take(100);
        await UntilAsync(() => _inner.Refreshes == 3);

        // It comes back elsewhere: from then on only there.
        _inner.Raise(new AddressSighting("callee", Two, IsGoodbye: false));
        Assert.Equal([Two, Two], Take(2));
    }

    [Fact]
    public async Task Goodbye_LeavesTheAddressOut_UnlessItIsTheOnlyOne()
    {
        _inner.Set("callee", One, Two);
        await ResolveAsync();
        _inner.Raise(new AddressSighting("callee", One, IsGoodbye: true));
        Assert.Equal([Two, Two], Take(2));
        _inner.Raise(new AddressSighting("callee", Two, IsGoodbye: true));
        Assert.Equal([One, Two], Take(2).Order());
    }

    [Fact]
    public async Task SightingOfAnUncachedId_IsIgnored()
    {
        _inner.Raise(new AddressSighting("other", One, IsGoodbye: false));
        _inner.Raise(new AddressSighting("other", One, IsGoodbye: true));
        Assert.Equal(0, _cache.Count);
        _inner.Fail("other", "couldn't find service: other");
        Assert.Null((await _cache.ResolveAsync(Callee with { Id = "other" }, default, default).AsTask().Within("the failure")).Address);
    }

    [Fact]
    public async Task Refresh_HappensInTheBackgroundEvery30Seconds_WhileAddressesAreServed()
    {
        _cache.Start();
        _inner.Set("callee", One);
        await ResolveAsync();
        _inner.Set("callee", Two);
        await BeatAsync(5);
        Assert.Equal(0, _inner.Refreshes);
        Assert.Equal([One], Take(1));
        await BeatAsync(1);
        await UntilAsync(() => _inner.Refreshes == 1);
        await UntilAsync(() => Take(1)[0] == Two);
    }

    [Fact]
    public async Task Silent_IsForgottenAfterItsLifetime()
    {
        _cache.Start();
        _inner.SetIncomplete("callee", One);
        await ResolveAsync();
        await UntilAsync(() => _inner.Refreshes == 1);
        _inner.Fail("callee", "couldn't find service: callee");
        await BeatAsync(12);
        Assert.Equal([One], Take(1));
        await BeatAsync(1);
        await UntilAsync(() => _cache.Count == 0);
        Assert.Null(await ResolveAsync());
    }

    [Fact]
    public async Task EverythingForgottenDuringARefresh_TheNextCallerDoesNotWaitForTheRefresh()
    {
        _cache.Start();
        _inner.SetIncomplete("callee", One);
        await ResolveAsync();
        await UntilAsync(() => _inner.Refreshes == 1);
        var refresh = _inner.Hold("callee");
        await BeatAsync(13);
        await UntilAsync(() => _inner.Refreshes == 2);
        _inner.Release();
        _inner.Set("callee", Two);
        Assert.Equal(Two, await ResolveAsync());
        Assert.Equal(2, _inner.Lookups);
        refresh.SetResult(ResolveResult.Failed("couldn't find service: callee"));
        Assert.Equal([Two], Take(1));
    }

    [Fact]
    public async Task IncompleteAnswer_KeepsOthers_CompleteAnswerReplacesThem()
    {
        _cache.Start();
        _inner.Set("callee", One, Two);
        await ResolveAsync();
        _inner.SetIncompleteRefresh("callee", Three);
        await BeatAsync(6);
        await UntilAsync(() => _inner.Refreshes == 1);
        await UntilAsync(() => Take(3).Order().SequenceEqual([One, Two, Three]));
        _inner.Set("callee", Two);
        await BeatAsync(6);
        await UntilAsync(() => Take(2).SequenceEqual([Two, Two]));
    }

    [Fact]
    public async Task MoreTargetsThanTheBound_TheLeastRecentlyUsedGoes()
    {
        await _cache.DisposeAsync();
        _cache = new CachingResolver(_inner, Options with { MaxEntries = 3 }, _time, NullLogger.Instance);
        _cache.Start();
        for (var i = 0; i < 4; i++)
        {
            _inner.Set($"app{i}", $"192.0.2.{i}:1");
        }

        for (var i = 0; i < 3; i++)
        {
            await ResolveAsync(default, $"app{i}");
            await BeatAsync(1);
        }

        await ResolveAsync(default, "app0");
        await ResolveAsync(default, "app3");
        await UntilAsync(() => _cache.Count == 3);
        var lookups = _inner.Lookups;
        await ResolveAsync(default, "app0");
        await ResolveAsync(default, "app2");
        await ResolveAsync(default, "app3");
        Assert.Equal(lookups, _inner.Lookups);
        await ResolveAsync(default, "app1");
        Assert.Equal(lookups + 1, _inner.Lookups);
    }

    [Fact]
    public async Task MoreAddressesThanTheBound_AreIgnored()
    {
        _inner.Set("callee", One);
        await ResolveAsync();
        for (var i = 0; i < Options.MaxAddresses + 10; i++)
        {
            _inner.Raise(new AddressSighting("callee", $"198.51.100.1:{i + 1}", IsGoodbye: false));
        }

        Assert.Equal(Options.MaxAddresses, Take(1000).Distinct().Count());
    }

    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 2)]
    public async Task Namespace_CountsOnlyWhereTheResolverUsesIt(bool keyIncludesNamespace, int lookups)
    {
        await _cache.DisposeAsync();
        _cache = new CachingResolver(_inner, Options with { KeyIncludesNamespace = keyIncludesNamespace }, _time, NullLogger.Instance);
        _inner.Set("callee", One);
        await _cache.ResolveAsync(Callee, default, default).AsTask().Within("default");
        await _cache.ResolveAsync(Callee with { Namespace = "prod" }, default, default).AsTask().Within("prod");
        Assert.Equal(lookups, _inner.Lookups);
    }

    [Fact]
    public async Task ResolverThatThrows_IsAnError()
    {
        _inner.Hold("callee").SetException(new InvalidOperationException("a bug"));
        var log = new LinesLogger();
        await using var cache = new CachingResolver(_inner, Options, _time, log);
        var result = await cache.ResolveAsync(Callee, default, default).AsTask().Within("the failure");
        Assert.Equal("couldn't find service: callee", result.Error);
        Assert.Equal(["Error the name resolver failed while looking up app id callee"], log.Lines);
    }

    [Fact]
    public async Task Dispose_EndsLookupsUnderWay()
    {
        _inner.Hold("callee");
        var caller = _cache.ResolveAsync(Callee, default, default).AsTask();
        await _cache.DisposeAsync().AsTask().Within("disposal");
        Assert.Equal("couldn't find service: callee", (await caller.Within("the caller")).Error);
        Assert.NotNull((await _cache.ResolveAsync(Callee, default, default).AsTask().Within("a late caller")).Error);
    }

    [Fact]
    public async Task Hammered_WhileAddressesComeAndGo_NeverFails()
    {
        _inner.Set("callee", One);
        await ResolveAsync();
        var stop = false;
        var changing = Task.Run(() =>
        {
            for (var i = 0; i < 20_000; i++)
            {
                _inner.Raise(new AddressSighting("callee", Two, IsGoodbye: i % 2 == 0));
                _inner.Raise(new AddressSighting("callee", Three, IsGoodbye: i % 3 == 0));
            }

            Volatile.Write(ref stop, true);
        });
        var taking = Task.Run(() =>
        {
            while (!Volatile.Read(ref stop))
            {
                Assert.Contains(Take(1)[0], new[] { One, Two, Three });
            }
        });
        await Task.WhenAll(changing, taking).Within("both sides");
    }

    /// <summary>Takes addresses that must be there at once.</summary>
    private List<string> Take(int count)
    {
        var taken = new List<string>();
        for (var i = 0; i < count; i++)
        {
            var resolving = _cache.ResolveAsync(Callee, default, default);
            Assert.True(resolving.IsCompletedSuccessfully);
            taken.Add(resolving.Result.Address!);
        }

        return taken;
    }

    private async Task<string?> ResolveAsync(TriedAddresses tried = default, string id = "callee") =>
        (await _cache.ResolveAsync(Callee with { Id = id }, tried, default).AsTask().Within("an address")).Address;

    /// <summary>Advances heartbeat by heartbeat, each seen by the cache before the next.</summary>
    private async Task BeatAsync(int count)
    {
        for (var i = 0; i < count; i++)
        {
            var beats = _cache.Beats;
            _time.Advance(Options.Heartbeat);
            await UntilAsync(() => _cache.Beats > beats);
        }
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        var deadline = Task.Delay(TestTimeouts.Default);
        while (!condition())
        {
            Assert.False(deadline.IsCompleted, "the condition did not come true");
            await Task.Delay(1);
        }
    }

    /// <summary>Answers from a table, or when the test says so.</summary>
    private sealed class ScriptedResolver : INameResolver, IAddressFeed
    {
        private readonly Lock _lock = new();
        private readonly Dictionary<string, ResolveResult> _answers = [];
        private readonly Dictionary<string, ResolveResult> _refreshAnswers = [];
        private TaskCompletionSource<ResolveResult>? _held;
        private int _lookups;
        private int _refreshes;

        public event Action<AddressSighting>? Sighted;

        /// <summary>First look-ups so far.</summary>
        public int Lookups => Volatile.Read(ref _lookups);

        public int Refreshes => Volatile.Read(ref _refreshes);

        public bool IsHolding
        {
            get
            {
                lock (_lock)
                {
                    return _held is not null;
                }
            }
        }

        public void Set(string id, params string[] addresses) => SetBoth(id, ResolveResult.Found(addresses, isComplete: true));

        public void SetIncomplete(string id, params string[] addresses) => SetBoth(id, ResolveResult.Found(addresses, isComplete: false));

        public void Fail(string id, string error) => SetBoth(id, ResolveResult.Failed(error));

        public void SetIncompleteRefresh(string id, params string[] addresses)
        {
            lock (_lock)
            {
                _refreshAnswers[id] = ResolveResult.Found(addresses, isComplete: false);
            }
        }

        /// <summary>The next look-up waits for the test.</summary>
        public TaskCompletionSource<ResolveResult> Hold(string id)
        {
            lock (_lock)
            {
                return _held = new TaskCompletionSource<ResolveResult>();
            }
        }

        /// <summary>Look-ups from here on do not wait, unlike the one that does.</summary>
        public void Release()
        {
            lock (_lock)
            {
                _held = null;
            }
        }

        public void Raise(AddressSighting sighting) => Sighted?.Invoke(sighting);

        public void NoteCacheHit(string address)
        {
        }

        public async ValueTask<ResolveResult> ResolveAsync(ResolveRequest request, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref request.IsRefresh ? ref _refreshes : ref _lookups);
            TaskCompletionSource<ResolveResult>? held;
            lock (_lock)
            {
                held = _held;
            }

            if (held is null)
            {
                lock (_lock)
                {
                    return (request.IsRefresh ? _refreshAnswers : _answers)[request.Id];
                }
            }

            try
            {
                return await held.Task.WaitAsync(cancellationToken);
            }
            finally
            {
                lock (_lock)
                {
                    _held = null;
                }
            }
        }

        private void SetBoth(string id, ResolveResult result)
        {
            lock (_lock)
            {
                _answers[id] = result;
                _refreshAnswers[id] = result;
            }
        }
    }
}
