using FastSidecar.Commands;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Tests.Commands;

/// <summary><c>--wait</c> when nobody answers; the end of a wait that succeeds is tested end to end.</summary>
public sealed class OutboundWaitTests
{
    [Fact]
    public async Task NeverReady_GivesUpAfterAMinuteWithoutAnError()
    {
        var time = new FakeTimeProvider();
        var output = new StringWriter();
        var waiting = new OutboundWait("no-port", time, output).RunAsync();
        var waited = TimeSpan.Zero;
        while (!waiting.IsCompleted)
        {
            await Task.WhenAny(waiting, time.WaitForTimersAsync(1)).Within("the next try");
            time.Advance(TimeSpan.FromMilliseconds(100));
            waited += TimeSpan.FromMilliseconds(100);
        }

        await waiting;
        Assert.InRange(waited, TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(60.5));
        var said = output.ToString();
        Assert.StartsWith("Waiting for Dapr to be outbound ready (timeout: 60 seconds): url=http://localhost:no-port/v1.0/healthz/outbound\n", said, StringComparison.Ordinal);
        Assert.Contains("\nDapr outbound NOT ready yet: ", said, StringComparison.Ordinal);
        Assert.Contains("\ntimeout waiting for Dapr to become outbound ready. Last error: ", said, StringComparison.Ordinal);
    }
}
