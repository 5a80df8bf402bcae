using System.IO.Pipelines;
using FastSidecar.Tests.Invocation;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Tests.Api;

/// <summary>Answers that have no body: the client has them at once, and the call behind them is read to its end all the same.</summary>
public sealed class BodilessAnswerTests : IAsyncLifetime
{
    private const string Path = "/v1.0/invoke/a/method/m";

    private readonly FakeTimeProvider _time = new();
    private HttpEdge _edge = null!;

    public static TheoryData<int, int> Answers { get; } = new() { { 1, 204 }, { 1, 205 }, { 1, 304 }, { 2, 204 }, { 2, 205 }, { 2, 304 } };

    public async Task InitializeAsync() => _edge = await HttpEdge.StartAsync(time: _time);

    public async Task DisposeAsync() => await _edge.DisposeAsync();

    [Theory]
    [MemberData(nameof(Answers))]
    public async Task EndComesLater_ReadToItAndNotBefore(int version, int status)
    {
        var body = new Pipe();
        var response = new ScriptedResponse(status, body.Reader);
        _edge.App.Answers(response);

        using var answer = await _edge.GetHeadAsync(Path, version);
        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal(0, response.Disposals);
        await body.Writer.WriteAsync("dropped"u8.ToArray()).AsTask().Within("the body to be read");
        await body.Writer.CompleteAsync();

        await response.Disposed.Within("the end of the call");
        Assert.Equal("", await answer.Content.ReadAsStringAsync().Within("the end of the answer"));
        Assert.True((await body.Reader.ReadAsync()).IsCompleted);
        Assert.Empty(_edge.Log.Lines);
    }

    [Theory]
    [MemberData(nameof(Answers))]
    public async Task NoEndComes_GivenUpAfterASecond(int version, int status)
    {
        var response = new ScriptedResponse(status, new Pipe().Reader);
        _edge.App.Answers(response);

        using var answer = await _edge.GetHeadAsync(Path, version);
        await _time.WaitForTimersAsync(1);
        Assert.Equal(0, response.Disposals);
        _time.Advance(TimeSpan.FromSeconds(1));

        await response.Disposed.Within("the end of the call");
        Assert.Equal("", await answer.Content.ReadAsStringAsync().Within("the end of the answer"));
        Assert.Empty(_edge.Log.Lines);
    }

    [Theory]
    [MemberData(nameof(Answers))]
    public async Task BodyWithoutEnd_GivenUpAfterSome(int version, int status)
    {
        var body = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
        var response = new ScriptedResponse(status, body.Reader);
        _edge.App.Answers(response);
        await body.Writer.WriteAsync(new byte[100_000]);

        using var answer = await _edge.GetHeadAsync(Path, version);

        await response.Disposed.Within("the end of the call");
        Assert.Equal("", await answer.Content.ReadAsStringAsync().Within("the end of the answer"));
    }

    [Theory]
    [MemberData(nameof(Answers))]
    public async Task CallBreaksBehindTheAnswer_AnswerStaysWhole(int version, int status)
    {
        var body = new Pipe();
        var response = new ScriptedResponse(status, body.Reader);
        _edge.App.Answers(response);

        using var answer = await _edge.GetHeadAsync(Path, version);
        await body.Writer.CompleteAsync(new IOException("gone"));

        Assert.Equal("", await answer.Content.ReadAsStringAsync().Within("the end of the answer"));
        await response.Disposed.Within("the end of the call");
        Assert.Equal(["" + status], _edge.Observer.Ended);
        Assert.Empty(_edge.Log.Lines);
    }
}
