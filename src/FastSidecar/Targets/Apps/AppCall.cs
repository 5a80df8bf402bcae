using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using FastSidecar.Invocation;
using FastSidecar.Protocol;
using FastSidecar.Protocol.Peer;
using FastSidecar.Transport.Async;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Http1;

namespace FastSidecar.Targets.Apps;

/// <summary>One request to the app, and its response. Reused.</summary>
internal sealed class AppCall : InvokeResponse
{
    /// <summary>
    /// How long the body of a request with <c>Expect: 100-continue</c> is held back for the app's 100, as Go's client does.
    /// </summary>
    private static readonly TimeSpan ContinueWait = TimeSpan.FromSeconds(1);

    /// <summary>How long the first body byte is waited for before a bodiless method's framing is fixed, as Go's client does.</summary>
    private static readonly TimeSpan ProbeWait = TimeSpan.FromMilliseconds(200);

    /// <summary>
    /// How long an answer whose length is not said in any way is held until its first byte or its end: an empty one is then told as empty,
    /// whenever the connection's end arrives. Dapr holds every answer so, and without limit.
    /// </summary>
    private static readonly TimeSpan FirstByteWait = TimeSpan.FromMilliseconds(100);

    /// <summary>Body pieces from this size on are sent where they lie instead of being copied.</summary>
    private const int GatherFrom = 4096;

    private readonly HttpAppTarget _owner;
    private readonly byte[] _host;
    private readonly AppHeaders _appHeaders;
    private readonly TimeProvider _time;
    private readonly HeaderList _requestHeaders = new();
    private readonly HeaderList _headers = new();
    private readonly AppBody _body = new();
    private byte[] _contentType = new byte[64];
    private int _contentTypeBytes;
    private Http1Exchange _exchange = null!;
    private InvokeBody _requestBody = null!;
    private ValueTask _upload;
    private bool _uploading;

    /// <summary>Ends the wait for a 100, when the app answered without one. Null for requests that do not wait.</summary>
    private TaskCompletionSource? _answered;

    public AppCall(HttpAppTarget owner, byte[] host, AppHeaders appHeaders, TimeProvider time)
    {
        _owner = owner;
        _host = host;
        _appHeaders = appHeaders;
        _time = time;
    }

    public override HeaderList Headers => _headers;

    public override ReadOnlySpan<byte> ContentType => _contentType.AsSpan(0, _contentTypeBytes);

    public override long? Length => _exchange.ResponseLength;

    public override PipeReader Body => _body;

    /// <summary>Why the request body could not be sent, when that is what ended the call.</summary>
    public string? UploadError { get; private set; }

    /// <summary>
    /// Queues the request's head. <see cref="StartUpload"/> follows, then the exchange reads the response's head, then <see cref="TakeHeadAsync"/>.
    /// </summary>
    public ValueTask WriteHeadAsync(Http1Exchange exchange, InvokeRequest request, ReadOnlyMemory<byte> target, CancellationToken cancellationToken)
    {
        _exchange = exchange;
        _requestBody = request.Body;
        UploadError = null;
        _answered = request.ExpectsContinue ? new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously) : null;
        WriteHeaders(request);
        return WriteFramedHeadAsync(request, target, cancellationToken);
    }

    /// <summary>Begins to send the body, which may still be on its way when the response is there.</summary>
    /// <exception cref="Http1ResponseException">The app closed the connection before anything was sent.</exception>
    public void StartUpload(CancellationToken cancellationToken)
    {
        _exchange.ThrowIfStale();
#pragma warning disable CA2012 // One consumer, once: DisposeAsync awaits it, or finds it completed.
        _upload = UploadAsync(_answered?.Task, cancellationToken);
#pragma warning restore CA2012
        _uploading = true;
    }

    /// <summary>The exchange has the response's head: it becomes this response's.</summary>
    public ValueTask TakeHeadAsync(InvokeRequest request, CancellationToken cancellationToken)
    {
        _answered?.TrySetResult();
        TakeHead();
        return _exchange.ResponseLength is null && !_exchange.Headers.Contains("Transfer-Encoding"u8) && !request.EventStream
            ? _body.SettleAsync(FirstByteWait, _time, cancellationToken)
            : ValueTask.CompletedTask;
    }

    /// <summary>Gives connection and buffers back. An unfinished exchange is closed.</summary>
    public override ValueTask DisposeAsync()
    {
        var exchange = _exchange;
        if (exchange is null)
        {
            return ValueTask.CompletedTask;
        }

        _exchange = null!;
        _body.Finish();
        if ((_uploading && !_upload.IsCompleted) || _requestBody.HasEarlyRead)
        {
            return StopUploadAsync(exchange);
        }

        exchange.Dispose();
        if (_uploading)
        {
            // It has ended; fetching its result also gives the state machine back to its pool. An exception in it is a bug, and this object
            // is not used again.
            _upload.GetAwaiter().GetResult();
        }

        Return();
        return ValueTask.CompletedTask;
    }

    /// <summary>
    /// The answer is complete, or nobody wants it: whoever still feeds the request is told to stop, and the object is reused only
    /// afterwards.
    /// </summary>
    private async ValueTask StopUploadAsync(Http1Exchange exchange)
    {
        _requestBody.Stop();
        _answered?.TrySetResult();
        exchange.Dispose();
        if (_uploading)
        {
            await _upload;
        }

        await _requestBody.StopAsync();
        Return();
    }

    /// <summary>
    /// A positive length is passed on, and one of 0 where a body is usual. Otherwise a method that usually has a body is sent chunked, and one
    /// that usually has none goes without framing when its body turns out to be empty (Go net/http transfer.go, shouldSendContentLength and
    /// probeRequestBody).
    /// </summary>
    private ValueTask WriteFramedHeadAsync(InvokeRequest request, ReadOnlyMemory<byte> target, CancellationToken cancellationToken)
    {
        if (request.Body.Length is { } length && (length > 0 || (request.HasWholeBody && AppHeaders.HasUsualBody(request.Verb))))
        {
            WriteHead(request, target, Http1BodyFraming.Length, length);
            return ValueTask.CompletedTask;
        }

        if (request.Verb is not (HttpVerb.Get or HttpVerb.Head or HttpVerb.Delete or HttpVerb.Options))
        {
            WriteHead(request, target, Http1BodyFraming.Chunked, 0);
            return ValueTask.CompletedTask;
        }

        return WriteProbedHeadAsync(request, target, cancellationToken);
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder))]
    private async ValueTask WriteProbedHeadAsync(InvokeRequest request, ReadOnlyMemory<byte> target, CancellationToken cancellationToken)
    {
        var isEmpty = await request.Body.IsEmptyAsync(ProbeWait, _time, cancellationToken);
        WriteHead(request, target, isEmpty ? Http1BodyFraming.None : Http1BodyFraming.Chunked, 0);
    }

    private void WriteHead(InvokeRequest request, ReadOnlyMemory<byte> target, Http1BodyFraming framing, long length)
    {
        Span<byte> verb = stackalloc byte[HttpVerbs.MaxBytes];
        var verbBytes = HttpVerbs.Write(request.Verb, verb);
        _exchange.WriteHead(verb[..verbBytes], target.Span, _requestHeaders, framing, length);
    }

    /// <param name="answered">Given for a body that is held back: completes when the app has answered without asking for it.</param>
    /// <param name="cancellationToken">The client is gone.</param>
    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder))]
    private async ValueTask UploadAsync(Task? answered, CancellationToken cancellationToken)
    {
        var exchange = _exchange;
        var body = _requestBody;
        try
        {
            if (answered is not null)
            {
                await exchange.FlushAsync(cancellationToken);
                if (!await MayContinueAsync(exchange, answered, cancellationToken))
                {
                    return;
                }
            }

            while (true)
            {
                if (!body.TryRead(out var result))
                {
                    await exchange.FlushAsync(cancellationToken);
                    result = await body.ReadAsync(cancellationToken);
                }

                if (result.IsCanceled)
                {
                    body.GiveBack();
                    return;
                }

                var stopped = false;
                foreach (var piece in result.Buffer)
                {
                    stopped |= await WriteAsync(exchange.Output, piece, cancellationToken);
                }

                body.AdvanceTo(result.Buffer.End);
                if (stopped)
                {
                    return;
                }

                if (result.IsCompleted)
                {
                    await exchange.EndRequestAsync(cancellationToken);
                    return;
                }
            }
        }
        catch (InvokeBodyException e)
        {
            UploadError = e.Error.Reason;
            exchange.Abort();
        }
        catch (OperationCanceledException)
        {
            exchange.Abort();
        }
        catch (Exception e) when (e is IOException or PeerMessageException or InvalidOperationException)
        {
            // The body broke off, or has another length than was announced (InvalidOperationException), or the app is gone, which the
            // response side learns by itself.
            UploadError = AppFailure.Of(e);
            exchange.Abort();
        }
        catch (Exception)
        {
            // A bug: it ends the call and comes out where the upload is awaited.
            exchange.Abort();
            throw;
        }
    }

    private static ValueTask<bool> WriteAsync(PipeWriter output, ReadOnlyMemory<byte> piece, CancellationToken cancellationToken)
    {
        if (piece.Length < GatherFrom)
        {
            output.Write(piece.Span);
            return ValueTask.FromResult(false);
        }

        return WriteAwaitedAsync(output, piece, cancellationToken);
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder<>))]
    private static async ValueTask<bool> WriteAwaitedAsync(PipeWriter output, ReadOnlyMemory<byte> piece, CancellationToken cancellationToken) =>
        (await output.WriteAsync(piece, cancellationToken)).IsCompleted;

    /// <summary>
    /// Waits until the app asks for the body, or for a second. False when it has answered instead: then it does not want the body.
    /// </summary>
    private async Task<bool> MayContinueAsync(Http1Exchange exchange, Task answered, CancellationToken cancellationToken)
    {
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var first = await Task.WhenAny(exchange.ContinueReceived, answered, Task.Delay(ContinueWait, _time, waiting.Token));
        await waiting.CancelAsync();
        return first != answered;
    }

    private void TakeHead()
    {
        if (_exchange.StatusCode is 101)
        {
            throw new Http1ResponseException(Http1ResponseFault.Malformed, "net/http: HTTP/1.x transport connection broken: unexpected 101 Switching Protocols");
        }

        Status = _exchange.StatusCode;
        var contentType = HeaderRules.AppToMetadata(_exchange.Headers, _exchange.IsHttp10, _headers);
        SetContentType(contentType >= 0 ? _exchange.Headers.Value(contentType) : default);
        _body.Start(_exchange.Input);
    }

    private void WriteHeaders(InvokeRequest request)
    {
        _requestHeaders.Clear();
        _requestHeaders.Add("Host"u8, _host);
        _appHeaders.Write(request, _requestHeaders);
    }

    private void SetContentType(ReadOnlySpan<byte> contentType)
    {
        if (contentType.Length > _contentType.Length)
        {
            _contentType = new byte[contentType.Length];
        }

        contentType.CopyTo(_contentType);
        _contentTypeBytes = contentType.Length;
    }

    private void Return()
    {
        _upload = default;
        _uploading = false;
        _answered = null;
        _requestBody = null!;
        _requestHeaders.Clear();
        _headers.Clear();
        _owner.Return(this);
    }
}
