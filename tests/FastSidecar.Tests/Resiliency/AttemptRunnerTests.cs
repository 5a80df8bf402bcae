using FastSidecar.Invocation;
using FastSidecar.Resiliency;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Grpc;
using Xunit;

namespace FastSidecar.Tests.Resiliency;

/// <summary>The built-in retry, rule by rule.</summary>
public sealed class AttemptRunnerTests
{
    private static readonly InvokeError Unavailable = ErrorTable.PeerStatus(GrpcStatusCode.Unavailable, "gone");
    private static readonly InvokeError Internal = ErrorTable.PeerStatus(GrpcStatusCode.Internal, "broken");

    private readonly FakeTimeProvider _time = new();
    private readonly AttemptRunner _runner;

    public AttemptRunnerTests() => _runner = new AttemptRunner(new BuiltInRetry(), _time);

    /// <summary>Code, whether the body can be sent again, and the attempts that follow.</summary>
    [Theory]
    [InlineData(GrpcStatusCode.Unavailable, true, 4)]
    [InlineData(GrpcStatusCode.Unauthenticated, true, 4)]
    [InlineData(GrpcStatusCode.Unavailable, false, 1)]
    [InlineData(GrpcStatusCode.Internal, true, 1)]
    [InlineData(GrpcStatusCode.Canceled, true, 1)]
    [InlineData(GrpcStatusCode.DeadlineExceeded, true, 1)]
    [InlineData(GrpcStatusCode.PermissionDenied, true, 1)]
    [InlineData(GrpcStatusCode.ResourceExhausted, true, 1)]
    [InlineData(GrpcStatusCode.Unimplemented, true, 1)]
    public async Task AlwaysFails_AttemptsByCodeAndBody(GrpcStatusCode code, bool canRepeat, int attempts)
    {
        var attempt = new ScriptedAttempt(_ => ErrorTable.PeerStatus(code, "x")) { IsRepeatable = canRepeat };
        var result = await RunAsync(attempt, waits: attempts - 1);

        Assert.Equal(attempts, attempt.Numbers.Count);
        Assert.Equal(Enumerable.Range(0, attempts), attempt.Numbers);
        Assert.True(result.Failed);
    }

    [Fact]
    public async Task RetriesUsedUp_ErrorSaysSoInDaprsWords()
    {
        var result = await RunAsync(new ScriptedAttempt(_ => Unavailable), waits: 3);
        Assert.Equal("failed to invoke target b after 3 retries. Error: rpc error: code = Unavailable desc = gone", result.Error!.Reason);
        Assert.False(result.Error.MaySendAgain);
    }

    [Fact]
    public async Task SecondAttemptFailsForGood_ItsErrorIsTheResult()
    {
        var attempt = new ScriptedAttempt(number => number == 0 ? Unavailable : Internal);
        var result = await RunAsync(attempt, waits: 1);

        Assert.Same(Internal, result.Error);
        Assert.Equal([0, 1], attempt.Numbers);
    }

    [Fact]
    public async Task BodyIsForwardedTooFarByTheSecondAttempt_ItsErrorIsTheResult()
    {
        ScriptedAttempt? attempt = null;
        attempt = new ScriptedAttempt(number =>
        {
            attempt!.IsRepeatable = number == 0;
            return Unavailable;
        });
        var result = await RunAsync(attempt, waits: 1);

        Assert.Same(Unavailable, result.Error);
        Assert.Equal([0, 1], attempt.Numbers);
    }

    [Fact]
    public async Task ClientGoesDuringTheDelay_NoFurtherAttempt()
    {
        using var gone = new CancellationTokenSource();
        var attempt = new ScriptedAttempt(_ => Unavailable);
        var running = StartAsync(attempt, gone.Token);
        await _time.WaitForTimersAsync(1);
        await gone.CancelAsync();

        Assert.Same(ErrorTable.ClientGone, (await running.Within("the cancelled run")).Error);
        Assert.Equal([0], attempt.Numbers);
        Assert.Equal(0, _time.TimerCount);
    }

    private async Task<InvokeResult> RunAsync(ScriptedAttempt attempt, int waits)
    {
        var running = StartAsync(attempt, CancellationToken.None);
        for (var i = 0; i < waits; i++)
        {
            await _time.WaitForTimersAsync(1);
            _time.Advance(TimeSpan.FromMilliseconds(999));
            Assert.Equal(i + 1, attempt.Numbers.Count);
            _time.Advance(TimeSpan.FromMilliseconds(1));
        }

        return await running.Within("the attempts");
    }

    /// <summary>The first attempt is the caller's; the runner gets its failure.</summary>
    private async Task<InvokeResult> StartAsync(ScriptedAttempt attempt, CancellationToken cancellationToken)
    {
        var first = await attempt.RunAsync(0, cancellationToken);
        return await _runner.RepeatAsync(attempt, "b", first.Error!, cancellationToken);
    }

    private sealed class ScriptedAttempt(Func<int, InvokeResult> answer) : IAttempt
    {
        public List<int> Numbers { get; } = [];

        public bool IsRepeatable { get; set; } = true;

        public bool CanRepeat(InvokeError failure) => IsRepeatable;

        public ValueTask<InvokeResult> RunAsync(int attempt, CancellationToken cancellationToken)
        {
            Numbers.Add(attempt);
            return ValueTask.FromResult(answer(attempt));
        }
    }
}
