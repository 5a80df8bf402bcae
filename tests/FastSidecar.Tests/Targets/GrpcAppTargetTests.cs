using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Protocol;
using FastSidecar.Protocol.Peer;
using FastSidecar.Targets.Apps;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Channels;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Tls;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit;
using InvokeRequestMessage = FastSidecar.Tests.Wire.InvokeRequest;
using InvokeResponseMessage = FastSidecar.Tests.Wire.InvokeResponse;

namespace FastSidecar.Tests.Targets;

/// <summary>Calls of a gRPC app on Kestrel, whose messages generated classes read and write.</summary>
public sealed class GrpcAppTargetTests : IAsyncDisposable
{
    private readonly InvokeRequest _request = new() { Verb = HttpVerb.Post };
    private readonly TaskCompletionSource<(HeaderDictionary Headers, InvokeRequestMessage Message)> _seen =
        new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Http2App? _app;
    private ChannelPool? _channels;

    public GrpcAppTargetTests() => _request.Method.Set("m"u8);

    public async ValueTask DisposeAsync()
    {
        if (_channels is not null)
        {
            await _channels.DisposeAsync();
        }

        if (_app is not null)
        {
            await _app.DisposeAsync();
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task RequestAndAnswer_CarryWhatTheRecordedOnesDo(bool tls)
    {
        var target = await StartAsync(
            async context =>
            {
                context.Response.Headers["x-hdr"] = new(["1", "2"]);
                context.Response.Headers["h-bin"] = "AAEC";
                await ReplyAsync(context, new InvokeResponseMessage { Data = new Any { Value = ByteString.CopyFromUtf8("reply") }, ContentType = "text/x" });
                context.Response.AppendTrailer("x-trl", "t");
                context.Response.AppendTrailer("t-bin", "AA");
            },
            tls,
            apiToken: "secret");
        _request.Query.Set("q=1"u8);
        _request.ContentType.Set("application/json"u8);
        _request.Metadata.Add("Content-Type"u8, "application/json"u8);
        _request.Metadata.Add("dapr-caller-app-id"u8, "front"u8);
        _request.Metadata.Add("dapr-api-token"u8, "theirs"u8);
        _request.Metadata.Add("destination-app-id"u8, "callee"u8);
        SetBody("abc");

        await using var response = await InvokeAsync(target);

        var (headers, message) = await _seen.Task.Within("the call");
        Assert.Equal("application/grpc", headers["content-type"]);
        Assert.Equal("grpc-go/1.82.1", headers["user-agent"]);
        Assert.Equal("trailers", headers["te"]);
        Assert.Equal("gzip", headers["grpc-accept-encoding"]);
        Assert.Equal("application/json", headers["dapr-content-type"]);
        Assert.Equal("front", headers["dapr-caller-app-id"]);
        Assert.Equal("secret", headers["dapr-api-token"]);
        Assert.Equal("00-00000000000000000000000000000000-0000000000000000-00", headers["traceparent"]);
        Assert.False(headers.ContainsKey("destination-app-id"));
        Assert.False(headers.ContainsKey("grpc-timeout"));
        Assert.Equal("m abc application/json Post q=1", Text(message));

        Assert.Equal((true, 0, ""), (response.IsGrpcStatus, response.Status, response.StatusMessage));
        Assert.Equal("reply", await BodyAsync(response));
        Assert.Equal("text/x", Encoding.ASCII.GetString(response.ContentType));
        Assert.True(response.HasData);
        Assert.Equal(["content-type: application/grpc", "h-bin: AAEC", "x-hdr: 1", "x-hdr: 2"], Sorted(response.Headers, "date", "server"));
        Assert.Equal(["t-bin: AA==", "x-trl: t"], Sorted(response.Trailers!));
    }

    [Fact]
    public async Task TypeUrls_GoBothWays()
    {
        const string Url = "type.googleapis.com/google.protobuf.StringValue";
        var target = await StartAsync(context => ReplyAsync(context, new InvokeResponseMessage { Data = new Any { TypeUrl = Url, Value = ByteString.CopyFromUtf8("v") } }));
        _request.TypeUrl.Set(Encoding.ASCII.GetBytes(Url));
        _request.HasHttpExtension = false;
        SetBody("abc");

        await using var response = await InvokeAsync(target);

        var (_, message) = await _seen.Task.Within("the call");
        Assert.Equal(Url, message.Data.TypeUrl);
        Assert.Null(message.HttpExtension);
        Assert.Equal(Url, Encoding.ASCII.GetString(response.TypeUrl));
        Assert.Equal("application/x-protobuf", Encoding.ASCII.GetString(response.ContentType));
        Assert.Equal("v", await BodyAsync(response));
    }

    [Fact]
    public async Task EmptyAnswer_HasNoData()
    {
        var target = await StartAsync(context => ReplyAsync(context, new InvokeResponseMessage()));
        await using var response = await InvokeAsync(target);
        Assert.False(response.HasData);
        Assert.Equal("", await BodyAsync(response));
    }

    [Fact]
    public async Task BigBodies_GoBothWays()
    {
        var big = new string('b', 3_000_000);
        var target = await StartAsync(async context =>
        {
            var message = (await _seen.Task).Message;
            await ReplyAsync(context, new InvokeResponseMessage { Data = message.Data });
        });
        SetBody(big);
        await using var response = await InvokeAsync(target);
        Assert.Equal(big, await BodyAsync(response));
    }

    [Fact]
    public async Task TrailersOnly_IsAStatusWithAllItsMetadataInTheTrailers()
    {
        var target = await StartAsync(context =>
        {
            context.Response.ContentType = "application/grpc";
            context.Response.Headers["grpc-status"] = "5";
            context.Response.Headers["grpc-message"] = "n%20f";
            context.Response.Headers["x-trl"] = "t";
            context.Response.Headers["grpc-status-details-bin"] = "CAUSAm5mGjIKKHR5cGUuZ29vZ2xlYXBpcy5jb20vZ29vZ2xlLnJwYy5FcnJvckluZm8SBgoBUhIBZA";
            return Task.CompletedTask;
        });

        await using var response = await InvokeAsync(target);

        Assert.Equal((true, 5, "nf"), (response.IsGrpcStatus, response.Status, response.StatusMessage));
        Assert.Equal(0, response.Headers.Count);
        Assert.Equal(
            ["content-type: application/grpc", "grpc-status-details-bin: CAUSAm5mGjIKKHR5cGUuZ29vZ2xlYXBpcy5jb20vZ29vZ2xlLnJwYy5FcnJvckluZm8SBgoBUhIBZA==", "x-trl: t"],
            Sorted(response.Trailers!, "date", "server", "content-length"));
        var details = Wire.Status.Parser.ParseFrom(response.StatusDetails.ToArray()).Details;
        Assert.Equal("type.googleapis.com/google.rpc.ErrorInfo", Assert.Single(details).TypeUrl);
        Assert.Equal("", await BodyAsync(response));
    }

    [Fact]
    public async Task StatusBehindAMessage_IsTheAnswerAndTheMessageIsNone()
    {
        var target = await StartAsync(async context =>
        {
            await ReplyAsync(context, new InvokeResponseMessage { ContentType = "text/x" }, status: "9");
            context.Response.AppendTrailer("grpc-message", "after message");
        });
        await using var response = await InvokeAsync(target);
        Assert.Equal((9, "after message"), (response.Status, response.StatusMessage));
        Assert.Equal("", Encoding.ASCII.GetString(response.ContentType));
    }

    [Fact]
    public async Task GoodEndWithoutAMessage_IsACardinalityViolation()
    {
        var target = await StartAsync(context =>
        {
            context.Response.ContentType = "application/grpc";
            context.Response.Headers["grpc-status"] = "0";
            return Task.CompletedTask;
        });
        await using var response = await InvokeAsync(target);
        Assert.Equal(
            (13, "cardinality violation: received no response message from non-server-streaming RPC"), (response.Status, response.StatusMessage));
    }

    [Fact]
    public async Task NoGrpcAnswer_IsToldByItsStatusAndBody()
    {
        var target = await StartAsync(context =>
        {
            context.Response.StatusCode = 404;
            context.Response.ContentType = "text/html";
            return context.Response.WriteAsync("no");
        });
        await using var response = await InvokeAsync(target);
        Assert.Equal(
            (12, "unexpected HTTP status code received from server: 404 (Not Found); transport: received unexpected content-type \"text/html\"\ndata: \"no\""),
            (response.Status, response.StatusMessage));
    }

    [Fact]
    public async Task AppResetsTheCall_IsAStatus()
    {
        var target = await StartAsync(context =>
        {
            context.Features.Get<IHttpResetFeature>()!.Reset(2);
            return Task.CompletedTask;
        });
        await using var response = await InvokeAsync(target);
        Assert.Equal((13, "stream terminated by RST_STREAM with error code: INTERNAL_ERROR"), (response.Status, response.StatusMessage));
    }

    [Fact]
    public async Task AppDown_IsUnavailable()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var address = listener.LocalEndpoint.ToString()!;
        listener.Stop();
        await using var response = await InvokeAsync(Target(address));
        Assert.Equal(
            (14, $"connection error: desc = \"transport: Error while dialing: dial tcp {address}: connect: connection refused\""),
            (response.Status, response.StatusMessage));
    }

    [Theory]
    [InlineData(HttpProtocols.Http1, "connection error: desc = \"transport: authentication handshake failed: ")]
    public async Task TlsAppWithoutHttp2_FailsInTheHandshake(HttpProtocols protocols, string text)
    {
        _app = await Http2App.StartAsync(static _ => Task.CompletedTask, tls: true, protocols);
        await using var response = await InvokeAsync(Target(_app.Address, tls: true));
        Assert.Equal(14, response.Status);
        Assert.StartsWith(text, response.StatusMessage, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RequestAboveTheLimit_IsTakenBackAndTold()
    {
        var target = await StartAsync(static _ => Task.CompletedTask, maxMessageBytes: 1000);
        SetBody(new string('b', 5000));
        await using var response = await InvokeAsync(target);
        Assert.Equal((8, "trying to send message larger than max (5013 vs. 1000)"), (response.Status, response.StatusMessage));
    }

    [Fact]
    public async Task AnswerAboveTheLimit_KeepsItsHeaders()
    {
        var target = await StartAsync(
            context => ReplyAsync(context, new InvokeResponseMessage { ContentType = new string('c', 2000) }), maxMessageBytes: 1000);
        await using var response = await InvokeAsync(target);
        Assert.Equal((8, "grpc: received message larger than max (2003 vs. 1000)"), (response.Status, response.StatusMessage));
        Assert.Contains("content-type: application/grpc", Sorted(response.Headers));
        Assert.Equal(0, response.Trailers!.Count);
    }

    [Fact]
    public async Task IllegalMetadata_IsInternalAndTheAppIsNotCalled()
    {
        var target = await StartAsync(static _ => Task.CompletedTask);
        _request.Metadata.Add("X-U"u8, "\u00e9"u8);
        await using var response = await InvokeAsync(target);
        Assert.Equal((13, "header key \"x-u\" contains value with non-printable ASCII characters"), (response.Status, response.StatusMessage));
        Assert.False(_seen.Task.IsCompleted);
    }

    [Fact]
    public async Task RequestsBodyBreaks_IsAnErrorAndTheAppIsNotCalled()
    {
        var target = await StartAsync(static _ => Task.CompletedTask);
        var body = new Pipe();
        await body.Writer.WriteAsync("part"u8.ToArray());
        await body.Writer.CompleteAsync(PeerMessageException.Plain("invalid sequence number received: 5 (expected: 1)"));
        _request.Body.Start(body.Reader, null, BodyKind.Bytes, limitBytes: 0, keepAtMost: 0);
        var result = await target.InvokeAsync(_request, CancellationToken.None).AsTask().Within("the error");
        Assert.Equal("invalid sequence number received: 5 (expected: 1)", result.Error!.Reason);
        Assert.False(_seen.Task.IsCompleted);
    }

    [Fact]
    public async Task ClientLeaves_CallEndsAtOnceAndTheAppDoesNotNotice()
    {
        var goOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var aborted = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        var target = await StartAsync(async context =>
        {
            await goOn.Task;
            await ReplyAsync(context, new InvokeResponseMessage());
            aborted.TrySetResult(context.RequestAborted.IsCancellationRequested);
        });
        using var client = new CancellationTokenSource();
        SetBody("abc");
        var calling = target.InvokeAsync(_request, client.Token).AsTask();
        await _seen.Task.Within("the call");
        await client.CancelAsync();

        var error = (await calling.Within("the end")).Error!;
        Assert.Equal(ErrorTable.ClientGone.Reason, error.Reason);
        Assert.False(error.StillRunning!.IsCompleted);
        goOn.SetResult();
        await error.StillRunning.Within("the end of what the app goes on with");
        Assert.False(await aborted.Task.Within("the app's end"));

        // The object is there for the next call.
        await using var next = await InvokeAsync(target);
        Assert.Equal(0, next.Status);
    }

    private async Task<GrpcAppTarget> StartAsync(RequestDelegate answer, bool tls = false, string apiToken = "", int maxMessageBytes = 4 << 20)
    {
        _app = await Http2App.StartAsync(
            async context =>
            {
                var read = new MemoryStream();
                await context.Request.Body.CopyToAsync(read);
                var bytes = read.ToArray();
                Assert.Equal(bytes.Length - 5, BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(1)));
                var headers = new HeaderDictionary();
                foreach (var (name, value) in context.Request.Headers)
                {
                    headers[name] = value;
                }

                _seen.TrySetResult((headers, InvokeRequestMessage.Parser.ParseFrom(bytes.AsSpan(5))));
                await answer(context);
            },
            tls);
        return Target(_app.Address, tls, apiToken, maxMessageBytes);
    }

    private GrpcAppTarget Target(string address, bool tls = false, string apiToken = "", int maxMessageBytes = 4 << 20)
    {
        _channels = new ChannelPool(new ChannelPoolOptions { Credentials = tls ? new AnyPeerCredentials() : null }, TimeProvider.System);
        var options = new GrpcAppOptions { Address = address, Tls = tls, ApiToken = apiToken, MaxMessageBytes = maxMessageBytes };
        return new GrpcAppTarget(options, _channels, new ChannelKey(address, "", ""), TimeProvider.System, InvocationObserver.None);
    }

    private async Task<InvokeResponse> InvokeAsync(GrpcAppTarget target)
    {
        if (_request.Body.Length is null && _request.Body.ReadBytes == 0 && !_hasBody)
        {
            SetBody("");
        }

        var result = await target.InvokeAsync(_request, CancellationToken.None).AsTask().Within("the answer");
        Assert.False(result.Failed, result.Error?.Reason);
        return result.Response!;
    }

    private bool _hasBody;

    private void SetBody(string text)
    {
        _hasBody = true;
        _request.Body.Start(PipeReader.Create(new MemoryStream(Encoding.ASCII.GetBytes(text))), null, BodyKind.Bytes, limitBytes: 0, keepAtMost: 0);
    }

    private static async Task ReplyAsync(HttpContext context, InvokeResponseMessage message, string status = "0")
    {
        context.Response.ContentType = "application/grpc";
        var bytes = message.ToByteArray();
        var prefix = new byte[5];
        BinaryPrimitives.WriteInt32BigEndian(prefix.AsSpan(1), bytes.Length);
        await context.Response.Body.WriteAsync(prefix);
        await context.Response.Body.WriteAsync(bytes);
        context.Response.AppendTrailer("grpc-status", status);
    }

    private static string Text(InvokeRequestMessage message) =>
        $"{message.Method} {message.Data.Value.ToStringUtf8()} {message.ContentType} {(HttpVerb)message.HttpExtension.Verb} {message.HttpExtension.Querystring}";

    private static async Task<string> BodyAsync(InvokeResponse response)
    {
        using var text = new MemoryStream();
        await response.Body.CopyToAsync(text).Within("the body");
        return Encoding.ASCII.GetString(text.ToArray());
    }

    private static string[] Sorted(HeaderList list, params string[] without) =>
        [.. Enumerable.Range(0, list.Count)
            .Select(i => (Name: Encoding.ASCII.GetString(list.Name(i)), Value: Encoding.ASCII.GetString(list.Value(i))))
            .Where(field => !without.Contains(field.Name))
            .Select(field => $"{field.Name}: {field.Value}")
            .Order(StringComparer.Ordinal)];
}
