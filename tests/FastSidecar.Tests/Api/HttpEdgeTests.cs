using System.Globalization;
using System.IO.Pipelines;
using System.Net;
using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Protocol;
using FastSidecar.Resolution;
using FastSidecar.Tests.Invocation;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Grpc;
using Xunit;

namespace FastSidecar.Tests.Api;

/// <summary>What a client gets for whatever comes back from a target, over both versions of HTTP.</summary>
public sealed class HttpEdgeTests : IAsyncLifetime
{
    private const string Path = "/v1.0/invoke/a/method/m";

    private HttpEdge _edge = null!;

    public async Task InitializeAsync() => _edge = await HttpEdge.StartAsync();

    public async Task DisposeAsync() => await _edge.DisposeAsync();

    public static TheoryData<int, InvokeErrorLine> ErrorLines()
    {
        var lines = new TheoryData<int, InvokeErrorLine>();
        foreach (var version in (int[])[1, 2])
        {
            lines.Add(version, new("BodyTooLarge", 500, "stream too large"));
            lines.Add(version, new("ResolverMissing", 500, "name resolver not initialized"));
            lines.Add(version, new("LocalAppChannelMissing", 500, "cannot invoke local endpoint: app channel not initialized"));
            lines.Add(version, new("InvalidVerb", 500, "rpc error: code = InvalidArgument desc = invalid HTTP verb"));
            lines.Add(version, new("PermissionDenied", 403, "rpc error: code = PermissionDenied desc = no"));
            lines.Add(version, new("Unavailable", 500, "rpc error: code = Unavailable desc = no"));
            lines.Add(version, new("AppCall", 500, "Get \\\"http://x/m\\\": EOF"));
        }

        return lines;
    }

    [Theory]
    [MemberData(nameof(ErrorLines))]
    public async Task TargetFails_DaprsJsonWithTheStatusOfItsKind(int version, InvokeErrorLine line)
    {
        _edge.App.Answers(Error(line.Name));
        using var answer = await _edge.GetAsync(Path, version);

        Assert.Equal(line.Status, (int)answer.StatusCode);
        Assert.Equal($$"""{"errorCode":"ERR_DIRECT_INVOKE","message":"failed to invoke, id: a, err: {{line.Reason}}"}""", await answer.Content.ReadAsStringAsync());
        Assert.Equal("application/json", answer.Content.Headers.ContentType!.ToString());
    }

    [Theory]
    [InlineData(1, "X-A", "a\u0001b")]
    [InlineData(2, "X-A", "a\nb")]
    [InlineData(1, "X A", "b")]
    [InlineData(2, "X A", "b")]
    public async Task HeaderThatHttpDoesNotAllow_CleanErrorAndTheResponseIsGivenBack(int version, string name, string value)
    {
        var response = new ScriptedResponse(200, "body");
        response.Headers.Add(Encoding.ASCII.GetBytes(name), Encoding.ASCII.GetBytes(value));
        _edge.App.Answers(response);
        using var answer = await _edge.GetAsync(Path, version);

        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.StartsWith("""{"errorCode":"ERR_DIRECT_INVOKE","message":"failed to invoke, id: a, err: response cannot be sent: """, await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        await response.Disposed.Within("the response to be given back");
        Assert.Equal(1, response.Disposals);
        Assert.Empty(_edge.Log.Lines);
    }

    [Theory]
    [InlineData("/nowhere", 404)]
    [InlineData("/v1.0/invoke/a/method/x%3Fy", 500)]
    public async Task BodyThatNobodyAskedForIsNotRead_ConnectionEndsWithTheAnswer(string path, int status)
    {
        using var answer = await _edge.PostExpectingAsync(path);

        Assert.Equal(status, (int)answer.StatusCode);
        Assert.True(answer.Headers.ConnectionClose);
    }

    [Theory]
    [InlineData(1, "GET", 200, 4L)]
    [InlineData(2, "GET", 201, 4L)]
    [InlineData(1, "HEAD", 200, 4L)]
    [InlineData(2, "HEAD", 200, 4L)]
    [InlineData(1, "GET", 302, null)]
    [InlineData(2, "GET", 302, null)]
    public async Task LocalEventStreamOfKnownLength_LengthIsTheAppsForSuccessOnly(int version, string method, int status, long? length)
    {
        _edge.App.Answers(new ScriptedResponse(status, method == "HEAD" ? "" : "body") { AnnouncedLength = 4 });
        using var answer = await _edge.SendStreamAsync(new HttpMethod(method), Path, version);

        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal(length?.ToString(CultureInfo.InvariantCulture), answer.Content.Headers.NonValidated.TryGetValues("Content-Length", out var sent) ? sent.ToString() : null);
        Assert.Equal(method == "HEAD" ? "" : "body", await answer.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData(1, 1000)]
    [InlineData(2, 1000)]
    [InlineData(1, 101)]
    [InlineData(2, 101)]
    [InlineData(1, 199)]
    public async Task StatusThatIsNoFinalOne_CleanError(int version, int status)
    {
        _edge.App.Answers(new ScriptedResponse(status, "body"));
        using var answer = await _edge.GetAsync(Path, version);

        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.Contains($"illegal status code {status}", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    /// <summary>Recorded: grpc/caller.json, data-grpc-code-* and data-http-status--1.</summary>
    [Theory]
    [InlineData(5, "app said \"5\" <b>", 404, """{"code":5,"message":"app said \"5\" <b>"}""")]
    [InlineData(7, "no", 403, """{"code":7,"message":"no"}""")]
    [InlineData(99, "", 500, """{"code":99}""")]
    [InlineData(-1, "", 500, """{"code":-1}""")]
    public async Task GrpcStatus_TakesTheBodysPlace(int code, string message, int status, string body)
    {
        _edge.App.Answers(new ScriptedResponse(code, "body of the app", isGrpcStatus: true, message));
        using var answer = await _edge.GetAsync(Path, httpVersion: 1);

        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal(body, await answer.Content.ReadAsStringAsync());
        Assert.Equal(GrpcHttpStatus.Of(code), status);
    }

    [Fact]
    public async Task GrpcStatusOk_BodyPasses()
    {
        _edge.App.Answers(new ScriptedResponse(0, "body", isGrpcStatus: true));
        using var answer = await _edge.GetAsync(Path, httpVersion: 1);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("body", await answer.Content.ReadAsStringAsync());
    }

    /// <summary>A bug of ours must be seen, and must hurt nobody else.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task TargetThrows_AbortedAndLoggedAndTheNextRequestIsServed(int version)
    {
        Exception[] bugs = [new ArgumentException("bug"), new NullReferenceException("bug"), new InvalidOperationException("bug"), new ObjectDisposedException("bug")];
        foreach (var bug in bugs)
        {
            _edge.App.OnInvoke = (_, _) => throw bug;
            await Assert.ThrowsAsync<HttpRequestException>(() => _edge.GetAsync(Path, version));
        }

        Assert.Equal(bugs.Length, _edge.Log.Lines.Count);
        Assert.All(_edge.Log.Lines, static line => Assert.StartsWith("Error ", line, StringComparison.Ordinal));
        _edge.App.Answers(new ScriptedResponse(200, "body"));
        using var answer = await _edge.GetAsync(Path, version);
        Assert.Equal("body", await answer.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task ResponseFailsWhenDisposed_LoggedAndTheProcessLives(int version)
    {
        _edge.App.Answers(new ScriptedResponse(200, "body") { FailsOnDispose = new NullReferenceException("bug") });
        await Assert.ThrowsAsync<HttpRequestException>(() => _edge.GetAsync(Path, version));
        Assert.Single(_edge.Log.Lines);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task BodyBreaksOff_ClientSeesItBroken(int version)
    {
        var pipe = new Pipe();
        await pipe.Writer.WriteAsync("half"u8.ToArray());
        await pipe.Writer.CompleteAsync(new IOException("app gone"));
        _edge.App.Answers(new ScriptedResponse(200, pipe.Reader));

        await Assert.ThrowsAsync<HttpRequestException>(() => _edge.GetAsync(Path, version));
        Assert.Empty(_edge.Log.Lines);
    }

    /// <summary>The own app needs no address, and yet Dapr asks for one first.</summary>
    [Fact]
    public async Task OwnAppThatCannotBeResolved_FailsAndIsNotCalled()
    {
        var calls = 0;
        _edge.Resolved = ResolveResult.Failed("couldn't find service: a");
        _edge.App.OnInvoke = (_, _) =>
        {
            calls++;
            return ValueTask.FromResult<InvokeResult>(new ScriptedResponse(200));
        };
        using var answer = await _edge.GetAsync(Path, httpVersion: 1);

        Assert.Equal("""{"errorCode":"ERR_DIRECT_INVOKE","message":"failed to invoke, id: a, err: couldn't find service: a"}""", await answer.Content.ReadAsStringAsync());
        Assert.Equal(0, calls);
    }

    private static InvokeError Error(string name) => name switch
    {
        "BodyTooLarge" => ErrorTable.BodyTooLarge,
        "ResolverMissing" => ErrorTable.ResolverMissing,
        "LocalAppChannelMissing" => ErrorTable.LocalAppChannelMissing,
        "InvalidVerb" => ErrorTable.InvalidVerb,
        "PermissionDenied" => ErrorTable.PeerStatus(GrpcStatusCode.PermissionDenied, "no"),
        "Unavailable" => ErrorTable.PeerStatus(GrpcStatusCode.Unavailable, "no"),
        _ => ErrorTable.AppCall("Get", "http://x/m", "EOF"),
    };
}

/// <summary>An error and what the client is told of it.</summary>
public sealed record InvokeErrorLine(string Name, int Status, string Reason);
