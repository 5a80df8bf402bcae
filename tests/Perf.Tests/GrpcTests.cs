using FastSidecar.Load;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Perf.Tests;

public sealed class GrpcTests
{
    private static readonly LoadOptions Unary =
        new() { Grpc = true, BodyBytes = 1024, ExpectBody = 1024, Seconds = 0.5, WarmUpSeconds = 0.1 };

    [ToolFact("nginx")]
    public async Task ManyStreams_EveryCallIsAnsweredAndChecked()
    {
        using var app = await TestApp.StartAsync();
        var result = await app.LoadAsync(Unary with { Connections = 2, Streams = 32 }).Within("the run");
        Assert.True(result.Answers > 100, $"{result.Answers} answers");
    }

    [ToolFact("nginx")]
    public async Task OpenLoop_SendsOnSchedule()
    {
        using var app = await TestApp.StartAsync();
        var result = await app.LoadAsync(Unary with { Streams = 16, Rate = 400 }).Within("the run");
        Assert.Equal(200, result.Latency.Count);
    }

    /// <summary>Together longer than the windows that both ends begin with.</summary>
    [ToolFact("nginx")]
    public async Task LongMessages_PassTheWindows()
    {
        using var app = await TestApp.StartAsync();
        var result = await app.LoadAsync(Unary with { BodyBytes = 60_000, ExpectBody = 1024 * 1024 }, "/1m").Within("the run");
        Assert.True(result.Answers > 0);
    }

    [ToolFact("nginx")]
    public async Task WrongMessageOrStatus_VoidsTheRun()
    {
        using var app = await TestApp.StartAsync();
        await Assert.ThrowsAsync<LoadException>(() => app.LoadAsync(Unary with { ExpectBody = 1000 }).Within("the run"));
        await Assert.ThrowsAsync<LoadException>(() => app.LoadAsync(Unary with { ExpectStatus = 5 }).Within("the run"));
        await Assert.ThrowsAsync<LoadException>(() => app.LoadAsync(Unary, "/missing").Within("the run"));
    }

    [Fact]
    public void MessageInAnyPieces_IsReadAlike()
    {
        var message = GrpcConnection.Message(Body.Make(50));
        for (var cut = 0; cut <= message.Length; cut++)
        {
            var call = new GrpcCall();
            call.Begin(1, default, 100);
            call.Receive(message.AsSpan(0, cut));
            call.Receive(message.AsSpan(cut));
            call.Status = 0;
            Assert.Equal(new Answer(0, 50, Body.Hash(Body.Make(50))), call.Answer);
        }
    }

    [Fact]
    public void CutMessage_SecondMessageOrNoStatus_VoidsTheRun()
    {
        var message = GrpcConnection.Message(Body.Make(50));
        var call = new GrpcCall();
        call.Begin(1, default, 100);
        call.Receive(message.AsSpan(0, 40));
        call.Status = 0;
        Assert.Throws<LoadException>(() => call.Answer);
        call.Receive(message.AsSpan(40));
        Assert.Equal(50, call.Answer.Length);
        Assert.Throws<LoadException>(() => call.Receive(message));
        call.Begin(3, default, 100);
        Assert.Throws<LoadException>(() => call.Answer);
    }
}
