using FastSidecar.Configuration;
using FastSidecar.Hosting;
using FastSidecar.Invocation;
using FastSidecar.Observability.Logging;
using FastSidecar.Tests.Observability;
using FastSidecar.Tests.Shared;
using Microsoft.Extensions.Logging;
using Xunit;

namespace FastSidecar.Tests.Hosting;

public sealed class ShutdownSequenceTests : IDisposable
{
    private static readonly Task Never = new TaskCompletionSource().Task;

    private readonly FakeTimeProvider _time = new();
    private readonly LogRecorder _log = new(new LoggingOptions { Level = LogLevel.Debug, AppId = "a" });
    private readonly RunningParts _parts = new();
    private readonly Readiness _readiness = new();

    public void Dispose() => _log.Dispose();

    [Fact]
    public async Task NothingRunning_EndsWithItsLinesAndNotReady()
    {
        _parts.HttpEndPoints.Add(":3501");

        Assert.Null(await Sequence(new SidecarOptions()).RunAsync().Within("end"));

        Assert.Equal("grpc-api-server grpc-internal-server security-provider", _readiness.Waiting());
        Assert.Equal(["Graceful shutdown timeout: 5s", "Dapr is shutting down", "Closing HTTP server :3501…", "Dapr runtime stopped"], Messages());
    }

    [Fact]
    public async Task PartThatDoesNotEnd_FatalWhenGraceIsOver()
    {
        _parts.Resolution.Add(new EndlessPart());
        var running = Sequence(new SidecarOptions { GracefulShutdown = TimeSpan.FromSeconds(3) }).RunAsync();
        await _time.WaitForTimersAsync(1);

        _time.Advance(TimeSpan.FromSeconds(2.9));
        Assert.False(running.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(0.1));

        Assert.Equal("Graceful shutdown timeout exceeded, forcing shutdown", await running.Within("end"));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(100_000_000)]
    public async Task GraceBeyondAnyTimer_StillEnds(long seconds)
    {
        var grace = seconds < 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(seconds);

        Assert.Null(await Sequence(new SidecarOptions { GracefulShutdown = grace }).RunAsync().Within("end"));
    }

    [Fact]
    public async Task Resolution_EndsOutermostFirst()
    {
        var ended = new List<string>();
        _parts.Resolution.AddRange([new NamedPart("cache", ended), new NamedPart("mdns", ended)]);

        await Sequence(new SidecarOptions()).RunAsync().Within("end");

        Assert.Equal(["cache", "mdns"], ended);
    }

    [Fact]
    public async Task NoBlockPeriod_OnlyNotReadyAnyMore()
    {
        await Sequence(new SidecarOptions()).BlockAsync(Never, Never).Within("end");

        Assert.Equal("security-provider", _readiness.Waiting());
        Assert.Empty(Messages());
    }

    [Fact]
    public async Task BlockPeriod_Expires()
    {
        var blocking = Sequence(new SidecarOptions { BlockShutdown = TimeSpan.FromMinutes(2) }).BlockAsync(Never, Never);
        _time.Advance(TimeSpan.FromSeconds(119));
        Assert.False(blocking.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(1));

        await blocking.Within("end");
        Assert.Equal(["Blocking graceful shutdown for 2m0s or until app reports unhealthy...", "Block shutdown period expired, entering shutdown..."], Messages());
    }

    [Theory]
    [InlineData(true, "App reported unhealthy, entering shutdown...")]
    [InlineData(false, null)]
    public async Task BlockPeriod_EndsEarly(bool byApp, string? line)
    {
        var over = new TaskCompletionSource();
        var blocking = Sequence(new SidecarOptions { BlockShutdown = TimeSpan.FromHours(20_000) })
            .BlockAsync(byApp ? over.Task : Never, byApp ? Never : over.Task);
        Assert.False(blocking.IsCompleted);

        over.SetResult();

        await blocking.Within("end");
        Assert.Equal(line is null ? [] : [line], Messages()[1..]);
        Assert.Equal(0, _time.TimerCount);
    }

    private ShutdownSequence Sequence(SidecarOptions options) =>
        new(_parts, _readiness, options, _time, _log.Logging.CreateLogger("dapr.runtime"), _log.Logging.CreateLogger("dapr.runtime.http"));

    private List<string> Messages() => [.. _log.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Select(static line => System.Text.RegularExpressions.Regex.Replace(line, "^.* msg=\"?(.*?)\"? app_id=.*$", "$1"))];

    private sealed class EndlessPart : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => new(Never);
    }

    private sealed class NamedPart(string name, List<string> ended) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            ended.Add(name);
            return ValueTask.CompletedTask;
        }
    }
}
