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
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit;

namespace FastSidecar.Tests.Targets;

/// <summary>Requests to an app on Kestrel that speaks HTTP/2 without TLS.</summary>
public sealed class H2cAppTargetTests : IAsyncDisposable
{
    private readonly InvokeRequest _request = new() { Verb = HttpVerb.Post };
    private readonly ChannelPool _channels = new(new ChannelPoolOptions(), TimeProvider.System);
    private Http2App? _app;

    public H2cAppTargetTests()
    {
        _request.Method.Set("a b/x"u8);
        SetBody(PipeReader.Create(Stream.Null), null);
    }

    public async ValueTask DisposeAsync()
    {
        await _channels.DisposeAsync();
        if (_app is not null)
        {
            await _app.DisposeAsync();
        }
    }

    [Fact]
    public async Task Request_HasItsTargetFieldsAndBody()
    {
        var seen = new TaskCompletionSource<(string Line, HeaderDictionary Headers, string Body)>(TaskCreationOptions.RunContinuationsAsynchronously);
        var target = await StartAsync(async context =>
        {
            var headers = new HeaderDictionary();
            foreach (var (name, value) in context.Request.Headers)
            {
                headers[name] = value;
            }

            var features = context.Features.Get<IHttpRequestFeature>()!;
            seen.TrySetResult(($"{features.Method} {features.RawTarget} {features.Protocol}", headers, await new StreamReader(context.Request.Body).ReadToEndAsync()));
            context.Response.StatusCode = 201;
            context.Response.ContentType = "text/plain";
            context.Response.Headers["x-a"] = new(["1", "2"]);
            context.Response.Headers["set-cookie"] = "a=b";
            await context.Response.WriteAsync("ok");
            context.Response.AppendTrailer("x-t", "1");
        });
        _request.Query.Set("q=1"u8);
        _request.ContentType.Set("text/plain"u8);
        _request.Metadata.Add("X-D"u8, "1"u8);
        _request.Metadata.Add("X-D"u8, "2"u8);
        _request.Metadata.Add("Cookie"u8, "a=b; c=d"u8);
        _request.Metadata.Add("Cookie"u8, "e=f"u8);
        _request.Metadata.Add("Cookie"u8, "g=h"u8);
        _request.Metadata.Add("Te"u8, "trailers"u8);
        _request.Metadata.Add("Connection"u8, "X-Hop"u8);
        _request.Metadata.Add("X-Hop"u8, "1"u8);
        SetBody(PipeReader.Create(new MemoryStream("hello"u8.ToArray())), 5);

        await using var response = await InvokeAsync(target);

        var (line, headers, body) = await seen.Task.Within("the request");
        Assert.Equal("POST /a%20b/x?q=1 HTTP/2", line);
        Assert.Equal("hello", body);
        Assert.Equal(_app!.Address, headers["Host"]);
        Assert.Equal("5", headers["content-length"]);
        Assert.Equal("text/plain", headers["content-type"]);
        Assert.Equal("1,2", headers["x-d"].ToString());
        Assert.Equal("a=b; c=d; e=f; g=h", headers["cookie"].ToString());
        Assert.Equal("secret", headers["dapr-api-token"]);
        Assert.Equal("00-00000000000000000000000000000000-0000000000000000-00", headers["traceparent"]);
        Assert.False(headers.ContainsKey("te") || headers.ContainsKey("x-hop") || headers.ContainsKey("connection"));

        Assert.Equal((false, 201), (response.IsGrpcStatus, response.Status));
        Assert.Equal("text/plain", Encoding.ASCII.GetString(response.ContentType));
        Assert.Equal(["Content-Type: text/plain", "Set-Cookie: a=b", "X-A: 1", "X-A: 2"], Sorted(response.Headers));
        Assert.Null(response.Length);
        Assert.Equal("ok", await BodyAsync(response));
    }

    [Theory]
    [InlineData(204, null)]
    [InlineData(404, "no")]
    public async Task Answer_HasItsStatusAndLength(int status, string? body)
    {
        var target = await StartAsync(context =>
        {
            context.Response.StatusCode = status;
            context.Response.ContentLength = body?.Length;
            return body is null ? Task.CompletedTask : context.Response.WriteAsync(body);
        });
        await using var response = await InvokeAsync(target);
        Assert.Equal((status, body?.Length ?? 0), (response.Status, response.Length));
        Assert.Equal(body ?? "", await BodyAsync(response));
    }

    [Fact]
    public async Task BothBodies_FlowAtTheSameTime()
    {
        var target = await StartAsync(async context =>
        {
            await context.Response.Body.FlushAsync();
            await context.Request.BodyReader.CopyToAsync(context.Response.BodyWriter);
        });
        var body = new Pipe();
        SetBody(body.Reader, null);
        await using var response = await InvokeAsync(target);
        for (var i = 0; i < 20; i++)
        {
            var piece = Encoding.ASCII.GetBytes(new string((char)('a' + i), 1 + (i * 3000)));
            await body.Writer.WriteAsync(piece);
            var echoed = 0;
            while (echoed < piece.Length)
            {
                var read = await response.Body.ReadAsync().AsTask().Within("the echo");
                echoed += (int)read.Buffer.Length;
                response.Body.AdvanceTo(read.Buffer.End);
            }
        }

        await body.Writer.CompleteAsync();
        Assert.Equal("", await BodyAsync(response));
    }

    [Fact]
    public async Task AppDown_SaysWhatWasRefused()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        Assert.Equal($"Post \"http://127.0.0.1:{port}/a%20b/x\": dial tcp 127.0.0.1:{port}: connect: connection refused", await FailAsync(Target(port)));
    }

    [Fact]
    public async Task AppResetsTheStream_IsNamed()
    {
        var target = await StartAsync(context =>
        {
            context.Features.Get<IHttpResetFeature>()!.Reset(2);
            return Task.CompletedTask;
        });
        Assert.Equal(
            $"Post \"http://{_app!.Address}/a%20b/x\": stream error: stream ID 1; INTERNAL_ERROR; received from peer", await FailAsync(target));
    }

    [Fact]
    public async Task AnswerBreaksOff_BodyIsAnError()
    {
        var target = await StartAsync(async context =>
        {
            await context.Response.WriteAsync("part");
            await context.Response.Body.FlushAsync();
            context.Features.Get<IHttpResetFeature>()!.Reset(2);
        });
        await using var response = await InvokeAsync(target);
        var broken = await Assert.ThrowsAsync<InvokeBodyException>(() => BodyAsync(response));
        Assert.Equal("stream error: stream ID 1; INTERNAL_ERROR; received from peer", broken.Error.Reason);
    }

    [Fact]
    public async Task AppSpeaksHttp1Only_CallFails()
    {
        var target = await StartAsync(static _ => Task.CompletedTask, HttpProtocols.Http1);
        Assert.StartsWith($"Post \"http://{_app!.Address}/a%20b/x\": ", await FailAsync(target), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(3, "http2: request body larger than specified content length")]
    [InlineData(9, "http: ContentLength=9 with Body length 5")]
    public async Task BodyOfAnotherLength_FailsTheCall(long announced, string text)
    {
        var target = await StartAsync(context => context.Request.Body.CopyToAsync(Stream.Null));
        SetBody(PipeReader.Create(new MemoryStream("hello"u8.ToArray())), announced);
        Assert.EndsWith(text, await FailAsync(target), StringComparison.Ordinal);
    }

    [Fact]
    public async Task RequestsBodyBreaks_ErrorNamesItAndTheAppSeesAReset()
    {
        var seen = new TaskCompletionSource<Exception?>(TaskCreationOptions.RunContinuationsAsynchronously);
        var target = await StartAsync(async context =>
            seen.TrySetResult(await Record.ExceptionAsync(() => context.Request.Body.CopyToAsync(Stream.Null))));
        var body = new Pipe();
        SetBody(body.Reader, null);
        var calling = FailAsync(target);
        await body.Writer.WriteAsync("part"u8.ToArray());
        await body.Writer.CompleteAsync(PeerMessageException.Plain("invalid sequence number received: 7 (expected: 1)"));
        Assert.EndsWith("invalid sequence number received: 7 (expected: 1)", await calling, StringComparison.Ordinal);
        Assert.NotNull(await seen.Task.Within("the app's end"));
    }

    [Fact]
    public async Task NoVerbFromAGrpcCaller_IsRefused()
    {
        _request.HasHttpExtension = false;
        var result = await Target(1).InvokeAsync(_request, CancellationToken.None);
        Assert.Same(ErrorTable.MissingHttpExtension, result.Error);
    }

    private async Task<H2cAppTarget> StartAsync(RequestDelegate handler, HttpProtocols protocols = HttpProtocols.Http2)
    {
        _app = await Http2App.StartAsync(handler, protocols: protocols);
        return Target(_app.Port);
    }

    private H2cAppTarget Target(int port) =>
        new(new HttpAppOptions { Port = port, ApiToken = "secret" }, _channels, TimeProvider.System, InvocationObserver.None);

    private async Task<InvokeResponse> InvokeAsync(H2cAppTarget target)
    {
        var result = await target.InvokeAsync(_request, CancellationToken.None).AsTask().Within("the answer");
        Assert.False(result.Failed, result.Error?.Reason);
        return result.Response!;
    }

    private async Task<string> FailAsync(H2cAppTarget target)
    {
        var result = await target.InvokeAsync(_request, CancellationToken.None).AsTask().Within("the error");
        Assert.True(result.Failed);
        return result.Error.Reason;
    }

    private void SetBody(PipeReader body, long? length) => _request.Body.Start(body, length, BodyKind.Bytes, limitBytes: 0, keepAtMost: 0);

    private static async Task<string> BodyAsync(InvokeResponse response)
    {
        using var text = new MemoryStream();
        await response.Body.CopyToAsync(text).Within("the body");
        return Encoding.ASCII.GetString(text.ToArray());
    }

    private static string[] Sorted(HeaderList list) =>
        [.. Enumerable.Range(0, list.Count)
            .Select(i => $"{Encoding.ASCII.GetString(list.Name(i))}: {Encoding.ASCII.GetString(list.Value(i))}")
            .Where(static field => !field.StartsWith("Date", StringComparison.Ordinal) && !field.StartsWith("Server", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)];
}
