using System.Threading.Channels;
using FastSidecar.Targets.Apps;
using FastSidecar.Tests.Shared;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace FastSidecar.Tests.Targets;

public sealed class AppHealthTests
{
    private static readonly AppHealthOptions Options = new() { Interval = TimeSpan.FromSeconds(1), Timeout = TimeSpan.FromMilliseconds(500), Threshold = 3 };

    /// <summary>Probes (o = good, x = bad) and, behind each, whether calls may pass (+ or -).</summary>
    [Theory]
    [InlineData("o+")]
    [InlineData("x-x-o+")]
    [InlineData("o+x+x+x-")]
    [InlineData("o+x+o+x+o+x-")]
    [InlineData("o+x+x+x-x-o+x+x+x-")]
    public async Task Probes_DecideWhetherTheAppIsHealthy(string script)
    {
        var time = new FakeTimeProvider();
        var asked = new SemaphoreSlim(0);
        var answers = Channel.CreateUnbounded<string?>();
        await using var health = new AppHealth(Options, ProbeAsync, _ => Task.CompletedTask, time, NullLogger.Instance);
        Assert.True(health.IsHealthy);
        health.Start();
        Assert.False(health.IsHealthy);
        Assert.True(await asked.WaitAsync(TestTimeouts.Default), "no first probe");
        for (var i = 0; i < script.Length; i += 2)
        {
            answers.Writer.TryWrite(script[i] == 'o' ? null : "bad");

            // What came of a probe is there when the next one begins.
            time.Advance(Options.Interval);
            Assert.True(await asked.WaitAsync(TestTimeouts.Default), $"no probe {(i / 2) + 2}");
            Assert.True(script[i + 1] == '+' == health.IsHealthy, $"after {script[..(i + 1)]}");
        }

        answers.Writer.TryWrite("the end");

        async Task<string?> ProbeAsync(CancellationToken cancellationToken)
        {
            asked.Release();

            // Its own time limit, which passes with every step of the clock, is not this test's matter.
            return await answers.Reader.ReadAsync(CancellationToken.None);
        }
    }

    [Fact]
    public async Task ProbeWithoutAnswer_IsCutAtItsTimeout()
    {
        var time = new FakeTimeProvider();
        var cut = new TaskCompletionSource();
        await using var health = new AppHealth(Options, ProbeAsync, _ => Task.CompletedTask, time, NullLogger.Instance);
        health.Start();
        time.Advance(Options.Timeout);
        await cut.Task.Within("the end of the probe");
        Assert.False(health.IsHealthy);

        async Task<string?> ProbeAsync(CancellationToken cancellationToken)
        {
            var never = new TaskCompletionSource<string?>();
            using var use = cancellationToken.Register(() => never.TrySetResult("late"));
            var reason = await never.Task;
            cut.TrySetResult();
            return reason;
        }
    }

    [Fact]
    public async Task FirstGoodProbe_IsToldOnce()
    {
        var time = new FakeTimeProvider();
        var told = 0;
        var probes = 0;
        var third = new TaskCompletionSource();
        string?[] answers = [null, "bad", null];
        await using var health = new AppHealth(Options with { Threshold = 1 }, ProbeAsync, _ => Task.FromResult(++told), time, NullLogger.Instance);
        health.Start();
        while (!third.Task.IsCompleted)
        {
            await time.WaitForTimersAsync(1);
            time.Advance(Options.Interval);
            await Task.Yield();
        }

        Assert.Equal(1, told);

        Task<string?> ProbeAsync(CancellationToken cancellationToken)
        {
            if (probes == answers.Length)
            {
                third.TrySetResult();
                return Task.FromResult<string?>(null);
            }

            return Task.FromResult(answers[probes++]);
        }
    }
}
