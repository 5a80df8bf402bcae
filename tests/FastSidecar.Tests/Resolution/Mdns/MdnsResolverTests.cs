using FastSidecar.Resolution;
using FastSidecar.Resolution.Mdns;
using FastSidecar.Tests.Shared;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace FastSidecar.Tests.Resolution.Mdns;

public sealed class MdnsResolverTests
{
    private static readonly ResolveRequest Callee = new("callee", "default", 50002);
    private readonly FakeTimeProvider _time = new();
    private readonly MemoryNetwork _network = new();
    private readonly LinesLogger _log = new();

    [Fact]
    public async Task PeerOnTheLink_IsFound()
    {
        await using var callee = Started("callee", "192.0.2.7", 5000);
        await using var caller = Started("caller", "192.0.2.8", 6000);
        var result = await caller.ResolveAsync(Callee, default).AsTask().Within("the answer");
        Assert.Equal(["192.0.2.7:5000"], result.Addresses);
        Assert.Null(result.Error);
        Assert.False(result.IsComplete);
    }

    [Fact]
    public async Task Oneself_IsFound()
    {
        await using var caller = Started("caller", "192.0.2.8", 6000);
        var result = await caller.ResolveAsync(new ResolveRequest("caller", "default", 1), default).AsTask().Within("the answer");
        Assert.Equal(["192.0.2.8:6000"], result.Addresses);
    }

    [Fact]
    public async Task UnknownId_FailsAfterOneSecond_EveryTime()
    {
        await using var caller = Started("caller", "192.0.2.8", 6000);
        await SettleAsync(resolvers: 1);
        for (var i = 0; i < 3; i++)
        {
            var running = _time.TimerCount;
            var lookup = caller.ResolveAsync(Callee, default).AsTask();
            await AdvanceThroughWaitsAsync(running, TimeSpan.FromMilliseconds(250), TimeSpan.FromMilliseconds(749));
            Assert.False(lookup.IsCompleted);
            _time.Advance(TimeSpan.FromMilliseconds(1));
            Assert.Equal("couldn't find service: callee", (await lookup.Within("the failure")).Error);
        }
    }

    [Fact]
    public async Task AnswerAfter900Milliseconds_IsInTime()
    {
        await using var caller = Started("caller", "192.0.2.8", 6000);
        await SettleAsync(resolvers: 1);
        var running = _time.TimerCount;
        var lookup = caller.ResolveAsync(Callee, default).AsTask();
        await AdvanceThroughWaitsAsync(running, TimeSpan.FromMilliseconds(250), TimeSpan.FromMilliseconds(650));
        _network.Send(MdnsResponderTests.Records("callee", "host", 1, 5000, "192.0.2.7").BrowseAnswer);
        Assert.Equal(["192.0.2.7:5000"], (await lookup.Within("the answer")).Addresses);
    }

    [Fact]
    public async Task Refresh_CollectsEveryInstanceUntilItsWindowEnds()
    {
        await using var one = Started("callee", "192.0.2.7", 5000);
        await using var two = Started("callee", "192.0.2.7", 5001);
        await using var caller = Started("caller", "192.0.2.8", 6000);
        await SettleAsync(resolvers: 3);
        var running = _time.TimerCount;
        var refresh = caller.ResolveAsync(Callee with { IsRefresh = true }, default).AsTask();
        await AdvanceThroughWaitsAsync(running, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
        Assert.False(refresh.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(["192.0.2.7:5000", "192.0.2.7:5001"], (await refresh.Within("the refresh")).Addresses.Order());
    }

    [Fact]
    public async Task CallersTogether_AskOnce_AndOneGivingUpDoesNotEndIt()
    {
        await using var caller = Started("caller", "192.0.2.8", 6000);
        using var cancellation = new CancellationTokenSource();
        var first = caller.ResolveAsync(Callee, cancellation.Token).AsTask();
        var second = caller.ResolveAsync(Callee, default).AsTask();
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first.Within("the cancelled caller"));
        await WaitForQueryAsync();
        _network.Send(MdnsResponderTests.Records("callee", "host", 1, 5000, "192.0.2.7").BrowseAnswer);
        Assert.Equal(["192.0.2.7:5000"], (await second.Within("the answer")).Addresses);
        Assert.Single(_network.Sent, static packet => packet[2] == 0 && PacketText.Of(packet).Contains("questions callee.local.", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    public async Task IdThatIsNoLabel_FailsAtOnce(string id)
    {
        await using var caller = Started("caller", "192.0.2.8", 6000);
        Assert.Equal("dns: bad rdata", (await caller.ResolveAsync(Callee with { Id = id }, default)).Error);
    }

    [Theory]
    [InlineData("localhost")]
    [InlineData("[::1]")]
    [InlineData("not an ip")]
    [InlineData("127.1")]
    [InlineData("010.0.0.1")]
    [InlineData("fe80::1%1")]
    public async Task AddressThatIsNoIp_StartFailsAsRecorded_BrowsingWorks(string address)
    {
        await using var callee = Started("callee", "192.0.2.7", 5000);
        await using var caller = Resolver("caller", address, 6000, _network.Attach());
        Assert.Equal($"Failed to parse given IP: {address}", caller.Start());
        Assert.Contains($"Error error from zeroconf register: Failed to parse given IP: {address}", _log.Lines);
        Assert.Equal(["192.0.2.7:5000"], (await caller.ResolveAsync(Callee, default).AsTask().Within("the answer")).Addresses);
        Assert.DoesNotContain(_network.Sent, static packet => PacketText.Of(packet).Contains("caller.local.", StringComparison.Ordinal));
    }

    [Fact]
    public async Task NoInterface_StartAndLookupsFailAtOnce_UntilOneAppears()
    {
        var link = _network.Attach(isOpen: false);
        await using var caller = Resolver("caller", "192.0.2.8", 6000, link);
        Assert.Equal("No supported interface", caller.Start());
        Assert.Contains("Error error from zeroconf register: No supported interface", _log.Lines);
        Assert.Equal(
            "failed to initialize resolver after attempting IPv4+IPv6, IPv4-only, and IPv6-only", (await caller.ResolveAsync(Callee, default)).Error);

        link.HasInterface = true;
        await _time.WaitForTimersAsync(1);
        _time.Advance(TimeSpan.FromSeconds(2));
        var result = await caller.ResolveAsync(Callee with { Id = "caller" }, default).AsTask().Within("the answer");
        Assert.Equal(["192.0.2.8:6000"], result.Addresses);
        Assert.Contains("Information local service entry announced: caller -> 192.0.2.8:6000", _log.Lines);
    }

    [Theory]
    [InlineData("", "192.0.2.8", 1, "name is missing")]
    [InlineData("a", "", 1, "address is missing")]
    [InlineData("a", "192.0.2.8", 0, "port is missing or invalid")]
    public async Task MissingOption_IsNamed(string appId, string address, int port, string error)
    {
        await using var resolver = Resolver(appId, address, port, _network.Attach());
        Assert.Equal(error, resolver.Start());
    }

    [Fact]
    public async Task Start_ProbesTwice_ThenAnnouncesTwice_ThenSaysGoodbye()
    {
        var resolver = Started("callee", "192.0.2.7", 5000);
        await SettleAsync(resolvers: 1);
        await resolver.DisposeAsync();
        var records = MdnsResponderTests.Records("callee", "host", 1, 5000, "192.0.2.7");
        Assert.Equal(
            new[] { records.Probe, records.Probe, records.Announcement, records.Announcement, records.Goodbye }.Select(Convert.ToHexString),
            _network.Sent.Select(Convert.ToHexString));
        Assert.Equal(
            ["Information local service entry announced: callee -> 192.0.2.7:5000", "Information stopping mDNS server for app id: callee"], _log.Lines);
    }

    [Fact]
    public async Task Dispose_EndsLookups_AndClosesTheLink()
    {
        var link = _network.Attach();
        var caller = Resolver("caller", "192.0.2.8", 6000, link);
        caller.Start();
        var lookup = caller.ResolveAsync(Callee, default).AsTask();
        await caller.DisposeAsync().AsTask().Within("disposal");
        Assert.Equal("couldn't find service: callee", (await lookup.Within("the look-up")).Error);
        Assert.True(link.IsDisposed);
        await caller.DisposeAsync().AsTask().Within("the second disposal");
    }

    [Fact]
    public async Task QuestionAfterTheGoodbye_IsNotAnswered()
    {
        var callee = Started("callee", "192.0.2.7", 5000);
        Assert.True(MdnsRecords.TryWriteQuery("callee", out var query));
        _network.Closing = () => _network.Send(query);
        await callee.DisposeAsync();
        Assert.Equal(Convert.ToHexString(query), Convert.ToHexString(_network.Sent[^1]));
        Assert.Equal(
            Convert.ToHexString(MdnsResponderTests.Records("callee", "host", 1, 5000, "192.0.2.7").Goodbye), Convert.ToHexString(_network.Sent[^2]));
    }

    [Fact]
    public async Task CacheInFront_FollowsAnnouncementAndGoodbye()
    {
        await using var caller = Started("caller", "192.0.2.8", 6000);
        await using var cache = new CachingResolver(caller, new CachingOptions(), _time, NullLogger.Instance);
        await using var first = Started("callee", "192.0.2.7", 5000);
        Assert.Equal("192.0.2.7:5000", (await cache.ResolveAsync(Callee, default, default).AsTask().Within("the first answer")).Address);

        // A second instance announces itself: no look-up is needed to use it.
        var second = Started("callee", "192.0.2.7", 5001);
        _network.Send(MdnsResponderTests.Records("callee", "host", 1, 5001, "192.0.2.7").Announcement);
        Assert.Equal(["192.0.2.7:5000", "192.0.2.7:5001"], (await TakeAsync(cache, 2)).Order());

        await second.DisposeAsync();
        Assert.Equal(["192.0.2.7:5000", "192.0.2.7:5000", "192.0.2.7:5000"], await TakeAsync(cache, 3));
    }

    private static async Task<List<string?>> TakeAsync(CachingResolver cache, int count)
    {
        var taken = new List<string?>();
        for (var i = 0; i < count; i++)
        {
            taken.Add((await cache.ResolveAsync(Callee, default, default).AsTask().Within("an address")).Address);
        }

        return taken;
    }

    private MdnsResolver Started(string appId, string address, int port)
    {
        var resolver = Resolver(appId, address, port, _network.Attach());
        Assert.Null(resolver.Start());
        return resolver;
    }

    private MdnsResolver Resolver(string appId, string address, int port, IMdnsLink link) => new(
        new MdnsOptions { AppId = appId, Address = address, Port = port, HostName = "host", ProcessId = 1 }, link, _time, new Random(1), _log);

    private Task WaitForQueryAsync() =>
        WaitUntilAsync(() => _network.Sent.Any(static packet => packet[2] == 0 && PacketText.Of(packet).Contains("questions callee.local.", StringComparison.Ordinal)));

    /// <summary>Lets every announcement be made, so that only the look for new interfaces waits on the clock.</summary>
    private Task SettleAsync(int resolvers) => WaitUntilAsync(() =>
    {
        _time.Advance(TimeSpan.FromMilliseconds(10));
        return _network.Sent.Count == 4 * resolvers && _time.TimerCount == resolvers;
    });

    /// <summary>Lets a look-up begin its first wait and its second before the clock passes them.</summary>
    private async Task AdvanceThroughWaitsAsync(int running, TimeSpan first, TimeSpan second)
    {
        await _time.WaitForTimersAsync(running + 1);
        _time.Advance(first);
        await WaitUntilAsync(() => _network.Sent.Count(static packet => packet[2] == 0 && PacketText.Of(packet).Contains("questions callee.local.", StringComparison.Ordinal)) % 2 == 0);
        await _time.WaitForTimersAsync(running + 1);
        _time.Advance(second);
    }

    private static async Task WaitUntilAsync(Func<bool> condition)
    {
        var deadline = Task.Delay(TestTimeouts.Default);
        while (!condition())
        {
            Assert.False(deadline.IsCompleted, "the condition did not come true");
            await Task.Delay(1);
        }
    }
}
