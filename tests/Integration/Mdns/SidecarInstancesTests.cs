using FastSidecar.Integration.Shared;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Integration.Mdns;

/// <summary>The published program finds, forgets and fails to find others by mDNS on the loopback interface.</summary>
public sealed class SidecarInstancesTests
{
    private const int SigKill = 9;

    /// <summary>Less than the second before a second try, and far more than a call takes.</summary>
    private static readonly TimeSpan Prompt = TimeSpan.FromMilliseconds(900);

    /// <summary>One call finds out that an instance is gone; the others are those of a busy machine.</summary>
    private const int MostSlow = 3;

    [Fact]
    public async Task UnknownId_FailsAfterASecond_EveryTime()
    {
        await using var caller = await SidecarProcess.StartAsync(new SidecarSettings { AppId = SidecarSettings.UniqueId("caller") });
        for (var i = 0; i < 3; i++)
        {
            var clock = new FairClock();
            var answer = await CallAsync(caller, "no-such-app");
            Assert.Equal(500, answer.Status);
            Assert.Contains(
                "\"failed to invoke, id: no-such-app, err: couldn't find service: no-such-app\"", answer.Text, StringComparison.Ordinal);
            Assert.True(clock.Elapsed > TimeSpan.FromSeconds(0.9) && clock.Fair < TimeSpan.FromSeconds(3), $"{clock}");
        }
    }

    [Fact]
    public async Task TwoAppsWithOneId_OnDifferentPorts_TakeTurns()
    {
        await using var pair = await TwoInstances.StartAsync();
        Assert.Equal(["a", "a", "b", "b"], (await pair.AnswersAsync(4)).Order());
    }

    [Fact]
    public async Task KilledInstance_IsLeftOutFromItsFirstRefusalOn()
    {
        await using var pair = await TwoInstances.StartAsync();
        pair.First.Signal(SigKill);
        await pair.First.EndsAsync();
        var slow = 0;
        for (var i = 0; i < 20; i++)
        {
            var clock = new FairClock();
            Assert.Equal("b", await pair.AnswerAsync());
            slow += clock.Fair > Prompt ? 1 : 0;
        }

        // In turn it would be every second one.
        Assert.InRange(slow, 0, MostSlow);
    }

    [Fact]
    public async Task StoppedInstance_IsLeftOutFromItsGoodbyeOn()
    {
        await using var pair = await TwoInstances.StartAsync();
        pair.First.Signal(SidecarProcess.SigTerm);
        Assert.Equal(0, await pair.First.EndsAsync());
        for (var i = 0; i < 20; i++)
        {
            Assert.Equal("b", await pair.AnswerAsync());
        }
    }

    private static async Task<RawAnswer> CallAsync(SidecarProcess caller, string id)
    {
        using var client = await RawConnection.ConnectAsync(caller.HttpPort);
        await client.SendAsync($"GET /v1.0/invoke/{id}/method/x HTTP/1.1\r\nHost: x\r\n\r\n");
        return (await client.AnswerAsync())!;
    }

    /// <summary>A caller that knows both sidecars of one app id; their apps answer <c>a</c> and <c>b</c>.</summary>
    private sealed class TwoInstances : IAsyncDisposable
    {
        private readonly List<IAsyncDisposable> _parts = [];
        private readonly string _id = SidecarSettings.UniqueId("twice");

        public SidecarProcess First { get; private set; } = null!;

        private SidecarProcess Caller { get; set; } = null!;

        public static async Task<TwoInstances> StartAsync()
        {
            var pair = new TwoInstances();
            pair.First = await pair.AddAsync("a");
            await pair.AddAsync("b");
            pair.Caller = await SidecarProcess.StartAsync(new SidecarSettings { AppId = SidecarSettings.UniqueId("caller") });
            pair._parts.Add(pair.Caller);

            // The first look-up takes whoever answers first; the other is heard of a moment later.
            await Polling.UntilAsync(async () => string.Concat(await pair.AnswersAsync(4)), static text => text is "abab" or "baba");
            return pair;
        }

        public async Task<string> AnswerAsync()
        {
            var answer = await CallAsync(Caller, _id);
            Assert.True(answer.Status == 200, answer.ToString());
            return answer.Text;
        }

        public async Task<List<string>> AnswersAsync(int count)
        {
            var answers = new List<string>();
            for (var i = 0; i < count; i++)
            {
                answers.Add(await AnswerAsync());
            }

            return answers;
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var part in Enumerable.Reverse(_parts))
            {
                await part.DisposeAsync();
            }
        }

        private async Task<SidecarProcess> AddAsync(string answer)
        {
            var app = new ScriptedServer(ScriptedServer.Answering($"HTTP/1.1 200 OK\r\nContent-Length: {answer.Length}\r\n\r\n{answer}"));
            _parts.Add(app);
            var sidecar = await SidecarProcess.StartAsync(new SidecarSettings { AppId = _id, AppPort = app.Port });
            _parts.Add(sidecar);
            return sidecar;
        }
    }
}
