using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Protocol;
using FastSidecar.Protocol.Peer;
using FastSidecar.Targets.Apps;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Tests.Targets;

/// <summary>The call of an HTTP app whose request body or answer does not go as usual; the app is a socket of the test's.</summary>
public sealed class HttpAppTargetTests : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly HttpAppTarget _target;
    private readonly FakeTimeProvider _time = new();
    private readonly Pipe _body = new();
    private readonly InvokeRequest _request = new() { Verb = HttpVerb.Post };

    public HttpAppTargetTests()
    {
        _listener.Start();
        _target = new HttpAppTarget(new HttpAppOptions { Port = ((IPEndPoint)_listener.LocalEndpoint).Port }, _time, InvocationObserver.None);
        _request.Method.Set("m"u8);
        _request.Body.Start(_body.Reader, null, BodyKind.Bytes, limitBytes: 0, keepAtMost: 0);
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        await _target.DisposeAsync();
    }

    [Fact]
    public async Task PeersMessageBreaksInTheMiddle_AppsConnectionEndsAndTheErrorNamesIt()
    {
        var calling = Invoke();
        using var app = await AcceptAsync();
        await _body.Writer.WriteAsync("part"u8.ToArray());
        await ReadUntilAsync(app, "part");
        await _body.Writer.CompleteAsync(PeerMessageException.Plain("invalid sequence number received: 7 (expected: 1)"));

        var result = await calling.Within("the failed call");
        Assert.EndsWith("invalid sequence number received: 7 (expected: 1)", result.Error!.Text, StringComparison.Ordinal);
        Assert.Equal(0, await ReadAsync(app));
    }

    [Fact]
    public async Task PeersFirstMessageBreaks_ConnectionIsNotLost()
    {
        _request.Verb = HttpVerb.Get;
        await _body.Writer.CompleteAsync(PeerMessageException.Plain("broken"));
        var result = await Invoke().Within("the failed call");
        Assert.EndsWith("broken", result.Error!.Text, StringComparison.Ordinal);

        using var app = await AcceptAsync();
        _request.Body.Start(PipeReader.Create(Stream.Null), 0, BodyKind.Bytes, limitBytes: 0, keepAtMost: 0);
        var calling = Invoke();
        await ReadUntilAsync(app, "\r\n\r\n");
        await app.SendAsync("HTTP/1.1 204 No Content\r\n\r\n"u8.ToArray());
        await using var response = (await calling.Within("the next call, on the same connection")).Response!;
        Assert.Equal(204, response.Status);
    }

    [Fact]
    public async Task AppAnswersInsteadOfAskingForTheBody_NobodyWaitsOutTheSecond()
    {
        _request.ExpectsContinue = true;
        var calling = Invoke();
        using var app = await AcceptAsync();
        await ReadUntilAsync(app, "\r\n\r\n");
        await app.SendAsync("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"u8.ToArray());
        var response = (await calling.Within("the answer")).Response!;

        // The clock stands still: only the answer can end the wait.
        await response.DisposeAsync().AsTask().Within("the end of the call");
        Assert.Equal(0, await ReadAsync(app));
        Assert.Equal(0, _request.Body.ReadBytes);
    }

    [Fact]
    public async Task AppAnswersEarlyWhileTheClientIsSilent_CallEndsWithoutTheClient()
    {
        var calling = Invoke();
        using var app = await AcceptAsync();
        await ReadUntilAsync(app, "\r\n\r\n");
        await app.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"u8.ToArray());
        var response = (await calling.Within("the answer")).Response!;

        await response.DisposeAsync().AsTask().Within("the end of the call");
        _request.Body.Finish();
        await _body.Writer.WriteAsync("late"u8.ToArray());
        var draining = await _body.Reader.ReadAsync();
        Assert.False(draining.IsCanceled);
        Assert.Equal(4, draining.Buffer.Length);
    }

    [Fact]
    public async Task GetWhoseBodyComesLate_IsSentChunkedAndWhole()
    {
        _request.Verb = HttpVerb.Get;
        var calling = Invoke();
        using var app = await AcceptAsync();
        await _time.WaitForTimersAsync(1);
        while (app.Available == 0)
        {
            _time.Advance(TimeSpan.FromMilliseconds(200));
            await Task.Yield();
        }

        var head = await ReadUntilAsync(app, "\r\n\r\n");
        Assert.Contains("Transfer-Encoding: chunked", head, StringComparison.OrdinalIgnoreCase);
        await _body.Writer.WriteAsync("late"u8.ToArray());
        await _body.Writer.CompleteAsync();
        await ReadUntilAsync(app, "0\r\n\r\n");
        await app.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"u8.ToArray());
        await using var response = (await calling.Within("the answer")).Response!;
        Assert.Equal(200, response.Status);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", "half")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nha", "lf")]
    [InlineData("HTTP/1.1 404 Not Found\r\nContent-Length: 10\r\n\r\nhalf", "")]
    public async Task AppClosesBeforeItsLength_BodyEndsThereAlsoWhenTheEndIsThereAlready(string head, string rest)
    {
        await _body.Writer.CompleteAsync();
        var calling = Invoke();
        using var app = await AcceptAsync();
        await ReadUntilAsync(app, "0\r\n\r\n");
        await app.SendAsync(Encoding.ASCII.GetBytes(head));
        await using var response = (await calling.Within("the answer")).Response!;
        await app.SendAsync(Encoding.ASCII.GetBytes(rest));
        app.Shutdown(SocketShutdown.Send);

        var body = new StringBuilder();
        ReadResult read;
        do
        {
            read = await response.Body.ReadAsync().AsTask().Within($"more than '{body}'");
            body.Append(Encoding.ASCII.GetString(read.Buffer));
            response.Body.AdvanceTo(read.Buffer.End);
        }
        while (!read.IsCompleted);
        Assert.Equal("half", body.ToString());
    }

    private Task<InvokeResult> Invoke() => _target.InvokeAsync(_request, CancellationToken.None).AsTask();

    private Task<Socket> AcceptAsync() => _listener.AcceptSocketAsync().Within("the sidecar's connection");

    private static Task<int> ReadAsync(Socket app) => app.ReceiveAsync(new byte[4096]).Within("bytes or the end");

    private static async Task<string> ReadUntilAsync(Socket app, string text)
    {
        var all = new StringBuilder();
        var buffer = new byte[4096];
        while (!all.ToString().Contains(text, StringComparison.Ordinal))
        {
            var read = await app.ReceiveAsync(buffer).Within($"'{text}' after '{all}'");
            Assert.True(read > 0, $"ended after '{all}'");
            all.Append(Encoding.ASCII.GetString(buffer, 0, read));
        }

        return all.ToString();
    }
}
