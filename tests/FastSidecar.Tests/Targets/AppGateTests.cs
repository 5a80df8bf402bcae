using FastSidecar.Invocation;
using FastSidecar.Targets.Apps;
using FastSidecar.Tests.Invocation;
using FastSidecar.Tests.Shared;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace FastSidecar.Tests.Targets;

public sealed class AppGateTests
{
    [Fact]
    public async Task UnhealthyApp_IsNotCalled()
    {
        var app = new SlowApp();
        await using var health = new AppHealth(
            new AppHealthOptions(), _ => Task.FromResult<string?>("bad"), _ => Task.CompletedTask, TimeProvider.System, NullLogger.Instance);
        health.Start();
        var gate = new AppGate(app, health, maxConcurrency: 0);

        var result = await gate.InvokeAsync(new InvokeRequest(), CancellationToken.None);

        Assert.Equal("rpc error: code = Internal desc = app is not in a healthy state", result.Error!.Reason);
        Assert.Equal(0, app.Calls);
    }

    [Fact]
    public async Task LimitReached_TheNextWaitsForTheEndOfABody()
    {
        var app = new SlowApp();
        var gate = new AppGate(app, health: null, maxConcurrency: 1);
        var first = gate.InvokeAsync(new InvokeRequest(), CancellationToken.None).AsTask();
        var second = gate.InvokeAsync(new InvokeRequest(), CancellationToken.None).AsTask();
        Assert.Equal(1, app.Calls);

        app.Answer(new ScriptedResponse(200));
        var answer = await first.Within("the first answer");
        Assert.Equal(1, app.Calls);

        await answer.Response!.DisposeAsync();
        await answer.Response!.DisposeAsync(); // frees nobody else's slot
        app.Answer(new ScriptedResponse(200));
        await using var last = (await second.Within("the second answer")).Response!;
        Assert.Equal(2, app.Calls);
        Assert.Equal(last.Status, answer.Response!.Status);

        var third = gate.InvokeAsync(new InvokeRequest(), CancellationToken.None).AsTask();
        Assert.Equal(2, app.Calls);
        await last.DisposeAsync();
        app.Answer(ErrorTable.ClientGone);
        Assert.True((await third.Within("the third answer")).Failed);
    }

    [Fact]
    public async Task CallerThatGoesAway_LeavesTheQueue_AndAFailureFreesItsSlot()
    {
        var app = new SlowApp();
        var gate = new AppGate(app, health: null, maxConcurrency: 1);
        using var gone = new CancellationTokenSource();
        var first = gate.InvokeAsync(new InvokeRequest(), CancellationToken.None).AsTask();
        var second = gate.InvokeAsync(new InvokeRequest(), gone.Token).AsTask();
        var third = gate.InvokeAsync(new InvokeRequest(), CancellationToken.None).AsTask();

        await gone.CancelAsync();
        Assert.Same(ErrorTable.ClientGone, (await second.Within("the cancelled call")).Error);

        app.Answer(ErrorTable.Unexpected);
        Assert.True((await first.Within("the failed call")).Failed);
        app.Answer(ErrorTable.Unexpected);
        Assert.True((await third.Within("the call behind it")).Failed);
        Assert.Equal(2, app.Calls);
    }

    [Fact]
    public async Task AppThatRunsOn_KeepsItsSlot()
    {
        var app = new SlowApp();
        var gate = new AppGate(app, health: null, maxConcurrency: 1);
        var running = new TaskCompletionSource();
        var first = gate.InvokeAsync(new InvokeRequest(), CancellationToken.None).AsTask();
        app.Answer(ErrorTable.ClientGone.While(running.Task));
        Assert.True((await first.Within("the call whose caller has gone")).Failed);

        var second = gate.InvokeAsync(new InvokeRequest(), CancellationToken.None).AsTask();
        Assert.Equal(1, app.Calls);

        running.SetResult();
        app.Answer(ErrorTable.Unexpected);
        await second.Within("the next call");
        Assert.Equal(2, app.Calls);
    }

    /// <summary>Answers when it is told to.</summary>
    private sealed class SlowApp : ITarget
    {
        private readonly System.Threading.Channels.Channel<InvokeResult> _answers = System.Threading.Channels.Channel.CreateUnbounded<InvokeResult>();

        public int Calls { get; private set; }

        public void Answer(InvokeResult answer) => _answers.Writer.TryWrite(answer);

        public ValueTask<InvokeResult> InvokeAsync(InvokeRequest request, CancellationToken cancellationToken)
        {
            Calls++;
            return _answers.Reader.ReadAsync(cancellationToken);
        }
    }
}
