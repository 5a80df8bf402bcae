using System.IO.Pipelines;
using FastSidecar.Invocation;
using FastSidecar.Tests.Invocation;
using FastSidecar.Tests.Protocol;
using FastSidecar.Tests.Shared;
using FastSidecar.Tests.Wire;
using FastSidecar.Transport.Grpc;
using FastSidecar.Transport.Http2;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Xunit;
using InvokeRequest = FastSidecar.Tests.Wire.InvokeRequest;
using InvokeResponse = FastSidecar.Tests.Wire.InvokeResponse;

namespace FastSidecar.Tests.Api.Grpc;

public sealed class InvokeServiceTests
{
    private const string Path = GrpcEdge.Dapr + "InvokeService";

    private static InvokeServiceRequest Request => new()
    {
        Id = "a",
        Message = new InvokeRequest
        {
            Method = "x//m/",
            Data = new Any { Value = ByteString.CopyFromUtf8("hello") },
            ContentType = "text/plain",
            HttpExtension = new HttpExtension { Verb = 4, Querystring = "a=1" },
        },
    };

    [Fact]
    public async Task Request_ReachesTheTarget_AsItWasAsked()
    {
        await using var edge = new GrpcEdge();
        string? seen = null;
        edge.App.OnInvoke = (request, _) =>
        {
            request.Body.TryRead(out var read);
            request.Metadata.TryGet("x-custom"u8, out var custom);
            seen = $"{Utf8(request.Method.Span)} {request.Verb} {Utf8(request.Query.Span)} {Utf8(request.ContentType.Span)} "
                + $"{System.Text.Encoding.UTF8.GetString(read.Buffer.FirstSpan)} {request.Body.Length} {Utf8(custom)} {request.Metadata.Contains("te"u8)}";
            return ValueTask.FromResult<InvokeResult>(new ScriptedResponse(200, "ok"));
        };
        var answer = await edge.CallAsync(Path, Request, ("te", "trailers"), ("x-custom", "1"));

        Assert.Equal("x/m Put a=1 text/plain hello 5 1 False", seen);
        Assert.Equal(0, answer.Code);
        Assert.Equal("200", answer.Head["dapr-http-status"]);
        Assert.Equal("00-00000000000000000000000000000000-0000000000000000-00", answer.Head["traceparent"]);
        var response = InvokeResponse.Parser.ParseFrom(answer.Message);
        Assert.Equal("ok", response.Data.Value.ToStringUtf8());
        Assert.Equal("text/plain", response.ContentType);
    }

    [Fact]
    public async Task TypeUrl_AndMissingExtension_AreTold()
    {
        await using var edge = new GrpcEdge();
        (string Type, bool HasData, bool HasExtension)? seen = null;
        edge.App.OnInvoke = (request, _) =>
        {
            seen = (Utf8(request.TypeUrl.Span), request.HasData, request.HasHttpExtension);
            return ValueTask.FromResult<InvokeResult>(new ScriptedResponse(200));
        };
        var request = Request;
        request.Message.HttpExtension = null;
        request.Message.Data.TypeUrl = "t/x";
        await edge.CallAsync(Path, request);

        Assert.Equal(("t/x", true, false), seen);
    }

    [Theory]
    [InlineData(204, 0, "")]
    [InlineData(304, 2, "Not Modified")]
    [InlineData(400, 13, "Bad Request")]
    [InlineData(401, 16, "Unauthorized")]
    [InlineData(403, 7, "Forbidden")]
    [InlineData(404, 5, "Not Found")]
    [InlineData(408, 1, "Request Timeout")]
    [InlineData(409, 6, "Conflict")]
    [InlineData(422, 2, "Unprocessable Entity")]
    [InlineData(429, 8, "Too Many Requests")]
    [InlineData(499, 2, "")]
    [InlineData(500, 2, "Internal Server Error")]
    [InlineData(501, 12, "Not Implemented")]
    [InlineData(502, 2, "Bad Gateway")]
    [InlineData(503, 14, "Service Unavailable")]
    [InlineData(504, 4, "Gateway Timeout")]
    [InlineData(507, 2, "Insufficient Storage")]
    public async Task HttpStatus_IsACode_WithTheReasonAndTheBodyInItsDetails(int status, int code, string reason)
    {
        await using var edge = new GrpcEdge();
        edge.App.Answers(new ScriptedResponse(status, "what went wrong"));
        var answer = await edge.CallAsync(Path, Request);

        Assert.Equal(code, answer.Code);
        Assert.Equal(reason, answer.Text);
        Assert.Equal($"{status}", answer.Head["dapr-http-status"]);
        if (code == 0)
        {
            Assert.Null(answer.Status);
            return;
        }

        Assert.Empty(answer.Data);
        Assert.Equal((code, reason), (answer.Status!.Code, answer.Status.Message));
        Assert.Equal((reason, "dapr.io"), (answer.ErrorInfo.Reason, answer.ErrorInfo.Domain));
        Assert.Equal($"{status}", answer.ErrorInfo.Metadata["http.code"]);
        Assert.Equal("what went wrong", answer.ErrorInfo.Metadata["http.error_message"]);
    }

    [Theory]
    [InlineData(62, 62)]
    [InlineData(63, 63)]
    [InlineData(64, 63)]
    [InlineData(70_000, 63)]
    public async Task ErrorBody_IsCut(int bytes, int told)
    {
        await using var edge = new GrpcEdge();
        edge.App.Answers(new ScriptedResponse(404, new string('x', bytes)));
        var answer = await edge.CallAsync(Path, Request);

        Assert.Equal(told, answer.ErrorInfo.Metadata["http.error_message"].Length);
    }

    [Fact]
    public async Task ErrorBody_CutWithinACharacter_CostsTheDetails()
    {
        await using var edge = new GrpcEdge();
        edge.App.Answers(new ScriptedResponse(404, new string('x', 62) + "é"));
        var answer = await edge.CallAsync(Path, Request);

        Assert.Equal((5, "Not Found"), (answer.Code, answer.Text));
        Assert.Null(answer.Status);
    }

    [Fact]
    public async Task GrpcApp_Failure_IsPassedOn()
    {
        await using var edge = new GrpcEdge();
        var response = new ScriptedResponse(17, "", isGrpcStatus: true, statusMessage: "nf €");
        response.Headers.Add("x-md"u8, "1"u8);
        edge.App.Answers(response);
        var answer = await edge.CallAsync(Path, Request);

        Assert.Equal((17, "nf €"), (answer.Code, answer.Text));
        Assert.Equal("1", answer.Head["x-md"]);
        Assert.False(answer.Head.ContainsKey("dapr-http-status"));
        Assert.True(answer.Trailers.ContainsKey("traceparent"));
        Assert.Empty(answer.Data);
    }

    [Fact]
    public async Task SidecarsFailure_IsInternal_AndNothingElse()
    {
        await using var edge = new GrpcEdge();
        edge.App.Answers(new InvokeError(ErrorSide.App, GrpcStatusCode.PermissionDenied, "no"));
        var answer = await edge.CallAsync(Path, Request);

        Assert.True(answer.IsTrailersOnly);
        Assert.Equal((13, "failed to invoke, id: a, err: rpc error: code = PermissionDenied desc = no"), (answer.Code, answer.Text));
    }

    [Fact]
    public async Task BodyThatBreaksOff_IsAFailureLikeAnyOther()
    {
        await using var edge = new GrpcEdge();
        var body = new Pipe();
        await body.Writer.WriteAsync("part"u8.ToArray());
        await body.Writer.CompleteAsync(new InvokeBodyException(new InvokeError(ErrorSide.App, null, "unexpected EOF")));
        edge.App.Answers(new ScriptedResponse(200, body.Reader));
        var answer = await edge.CallAsync(Path, Request);

        Assert.True(answer.IsTrailersOnly);
        Assert.Equal((13, "failed to invoke, id: a, err: unexpected EOF"), (answer.Code, answer.Text));
    }

    [Fact]
    public async Task AnswerAboveTheLimit_IsToldWithItsSize()
    {
        await using var edge = new GrpcEdge(maxMessageBytes: 1000);
        edge.App.Answers(new ScriptedResponse(200, new string('x', 2000)));
        var answer = await edge.CallAsync(Path, Request);

        Assert.Equal((8, "grpc: trying to send message larger than max (2018 vs. 1000)"), (answer.Code, answer.Text));
        Assert.Equal("200", answer.Head["dapr-http-status"]);
    }

    [Fact]
    public async Task GzipCaller_GetsGzip()
    {
        await using var edge = new GrpcEdge();
        edge.App.Answers(new ScriptedResponse(200, "ok"));
        var answer = await edge.CallAsync(Path, PeerWire.Frame(Request, gzip: true), ("grpc-encoding", "gzip"));

        Assert.Equal("gzip", answer.Head["grpc-encoding"]);
        Assert.Equal(1, answer.Data[0]);
        using var plain = new System.IO.Compression.GZipStream(new MemoryStream(answer.Data, 5, answer.Data.Length - 5), System.IO.Compression.CompressionMode.Decompress);
        Assert.Equal("ok", InvokeResponse.Parser.ParseFrom(plain).Data.Value.ToStringUtf8());
    }

    [Fact]
    public async Task PassedDeadline_ResetsTheCall()
    {
        var time = new FakeTimeProvider();
        await using var edge = new GrpcEdge(time: time);
        var called = new TaskCompletionSource();
        edge.App.OnInvoke = async (request, cancellation) =>
        {
            called.SetResult();
            await Task.Delay(Timeout.Infinite, cancellation).ContinueWith(static _ => { }, TaskScheduler.Default);
            return ErrorTable.ClientGone;
        };
        var stream = edge.Open(Path, ("grpc-timeout", "400m"));
        System.Buffers.BuffersExtensions.Write(stream.Output, PeerWire.Frame(Request));
        stream.End(null);
        await called.Task.Within("the call");
        time.Advance(TimeSpan.FromMilliseconds(400));

        var failure = await Assert.ThrowsAsync<Http2StreamException>(() => stream.ReadHeadAsync(default).AsTask().Within("the reset"));
        Assert.Equal(Http2ErrorCode.Cancel, failure.ErrorCode);
        stream.Dispose();
    }

    [Fact]
    public async Task CallerThatLeaves_CancelsTheInvocation()
    {
        await using var edge = new GrpcEdge();
        var cancelled = new TaskCompletionSource();
        var called = new TaskCompletionSource();
        edge.App.OnInvoke = async (_, cancellation) =>
        {
            using var registration = cancellation.Register(cancelled.SetResult);
            called.SetResult();
            await cancelled.Task;
            return ErrorTable.ClientGone;
        };
        var stream = edge.Open(Path);
        System.Buffers.BuffersExtensions.Write(stream.Output, PeerWire.Frame(Request));
        stream.End(null);
        await called.Task.Within("the call");
        stream.Dispose();

        await cancelled.Task.Within("the cancellation");
    }

    private static string Utf8(ReadOnlySpan<byte> text) => System.Text.Encoding.UTF8.GetString(text);
}
