using System.IO.Pipelines;
using System.Net;
using System.Runtime.CompilerServices;
using System.Threading.Tasks.Sources;
using FastSidecar.Transport.Async;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Transport.Http1;

/// <summary>
/// One request and its response on a pooled connection. Request side and response side may be used at the same time by two flows.
/// </summary>
/// <remarks>
/// The object is used again for the connection's next request: it has one owner, who disposes it exactly once. For the connection to be
/// kept, the request must have ended (<see cref="EndRequestAsync"/> has completed) and the response body must be consumed to its end before
/// that.
/// </remarks>
public sealed class Http1Exchange : IValueTaskSource<bool>, IDisposable
{
    private readonly Http1Connection _connection;
    private bool _isHead;
    private bool _headRead;
    private bool _continueSeen;
    private TaskCompletionSource? _continue;

    internal Http1Exchange(Http1Connection connection)
    {
        _connection = connection;
    }

    /// <summary>The local address of the connection, for error texts.</summary>
    public EndPoint? LocalEndPoint => _connection.LocalEndPoint;

    /// <summary>The server's address, for error texts.</summary>
    public EndPoint? RemoteEndPoint => _connection.RemoteEndPoint;

    /// <summary>The connection served an earlier exchange.</summary>
    public bool Reused => _connection.Served > 0;

    /// <summary>
    /// The server closed the connection, or said something unasked, before anything of the request was sent: dispose and open another, no
    /// server has seen it.
    /// </summary>
    public bool IsStale => !_connection.Body.Sent && _connection.Reader.HasNews;

    /// <summary>No byte of an answer has come. After a failure: until <see cref="Dispose"/>.</summary>
    public bool IsUnanswered => !_connection.Head.Began;

    /// <summary>To be asked before the first flush: throws where <see cref="IsStale"/>.</summary>
    /// <exception cref="Http1ResponseException">With <see cref="Http1ResponseException.NeverReceived"/>.</exception>
    public void ThrowIfStale()
    {
        if (IsStale)
        {
            throw ResponseFaults.ClosedBeforeResponse(neverReceived: Reused);
        }
    }

    /// <summary>
    /// Queues the request head. <paramref name="headers"/> must not hold Content-Length or Transfer-Encoding: they follow from <paramref
    /// name="framing"/>. Host must be in it. Nothing leaves before the first flush of <see cref="Output"/> or <see
    /// cref="EndRequestAsync"/>. Throws <see cref="ArgumentException"/> for a CR, LF or NUL in a name, value, method or target: nothing of
    /// the request is sent then.
    /// </summary>
    public void WriteHead(ReadOnlySpan<byte> method, ReadOnlySpan<byte> target, HeaderList headers, Http1BodyFraming framing, long contentLength)
    {
        ArgumentNullException.ThrowIfNull(headers);
        ArgumentOutOfRangeException.ThrowIfNegative(contentLength);
        RequestHead.Write(_connection.Output, method, target, headers, framing, contentLength);
        _connection.Body.Begin(framing, contentLength);
        _isHead = method.SequenceEqual("HEAD"u8);
    }

    /// <summary>
    /// The request body; framing is added. FlushAsync completes when the socket took it; IsCompleted when the server does not read any
    /// more: it closed or reset the connection, or its answer is complete and it will close. An answer may have come before that, so read
    /// the head; it also says what happened otherwise. IOException after <see cref="Dispose"/>. <c>WriteAsync(memory)</c> sends large
    /// memory without copying.
    /// </summary>
    public PipeWriter Output => _connection.Body;

    /// <summary>
    /// Ends the request body (last chunk), or, without a body, sends the head. Throws InvalidOperationException when fewer bytes than
    /// announced were written. Completes normally when the server stopped reading: the response tells.
    /// </summary>
    public ValueTask EndRequestAsync(CancellationToken cancellationToken)
    {
        _connection.Body.End();
        var flush = _connection.Body.FlushAsync(cancellationToken);
        if (!flush.IsCompletedSuccessfully)
        {
            return EndRequestAwaitedAsync(flush);
        }

        if (!flush.Result.IsCompleted)
        {
            _connection.OnRequestComplete();
        }

        return ValueTask.CompletedTask;
    }

    /// <summary>Sends the queued head (and buffered body) now, without ending the request.</summary>
    public ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        var flush = _connection.Body.FlushAsync(cancellationToken);
        if (!flush.IsCompletedSuccessfully)
        {
            return FlushAwaitedAsync(flush);
        }

        _ = flush.Result; // a flush lasts until its result is taken
        return ValueTask.CompletedTask;
    }

    /// <summary>
    /// Waits for the response head; may be called before the request has ended. Interim heads (1xx but 101) are skipped; a 100 completes
    /// <see cref="ContinueReceived"/>. Throws <see cref="Http1ResponseException"/>.
    /// </summary>
    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder))]
    public async ValueTask ReadHeadAsync(CancellationToken cancellationToken)
    {
        while (!await TryReadHeadAsync(cancellationToken))
        {
            // Only a part of it has come.
        }
    }

    /// <summary>
    /// One step of <see cref="ReadHeadAsync"/>, for a flow that is to be suspended in no call but its own: waits for bytes. False when they were
    /// not the head's last ones.
    /// </summary>
    public ValueTask<bool> TryReadHeadAsync(CancellationToken cancellationToken)
    {
        if (_headRead)
        {
            return new ValueTask<bool>(true);
        }

        var reader = _connection.Reader;
        return reader.TryTakeOver(cancellationToken, out var version)
            ? new ValueTask<bool>(this, version)
            : TakeHeadAsync(reader, cancellationToken);
    }

    /// <summary>Completes when an interim 100 came; never without one.</summary>
    public Task ContinueReceived
    {
        get
        {
            var source = _continue;
            if (source is null)
            {
                source = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                source = Interlocked.CompareExchange(ref _continue, source, null) ?? source;
                if (Volatile.Read(ref _continueSeen))
                {
                    source.TrySetResult();
                }
            }

            return source.Task;
        }
    }

    /// <summary>The answer came as HTTP/1.0.</summary>
    public bool IsHttp10 => _connection.Head.Version == 10;

    /// <summary>
    /// Gives the exchange up while its owner still holds it: the connection closes with a FIN and pending operations end with an
    /// IOException.
    /// <see cref="Dispose"/> remains to be called.
    /// </summary>
    public void Abort() => _connection.Close();

    /// <summary>The status code, 100–999 (101 included: the caller decides).</summary>
    public int StatusCode => _connection.Head.Status;

    /// <summary>The response's header fields as they came, framing headers included. Valid until <see cref="Dispose"/>.</summary>
    public HeaderList Headers => _connection.Head.Headers;

    /// <summary>
    /// The response body's length if Content-Length said it and no Transfer-Encoding did; 0 for statuses without body; else null. After a
    /// HEAD it is what was announced, though no body comes.
    /// </summary>
    public long? ResponseLength { get; private set; }

    /// <summary>
    /// The response body without its framing. Reading throws <see cref="Http1ResponseException"/> for a body cut short (with its kind) or
    /// broken chunks.
    /// </summary>
    public PipeReader Input => _connection.Response;

    /// <summary>
    /// Ends use: back to the pool when request and response are complete and the connection may be kept, otherwise closed with a FIN; flows
    /// still pending in it end with an IOException.
    /// </summary>
    public void Dispose()
    {
        _headRead = false;
        _continueSeen = false;
        _continue = null;
        ResponseLength = null;
        _connection.Release();
    }

    /// <summary>The read that the connection's watch has become brings the head.</summary>
    bool IValueTaskSource<bool>.GetResult(short token)
    {
        try
        {
            return TakeHead(_connection.Reader.GetResult(token));
        }
        catch (IOException e) when (IsReadFault(e))
        {
            throw _connection.ReadFault(e, inHead: _connection.Head.Began);
        }
    }

    ValueTaskSourceStatus IValueTaskSource<bool>.GetStatus(short token) => _connection.Reader.GetStatus(token);

    void IValueTaskSource<bool>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _connection.Reader.OnCompleted(continuation, state, token, flags);

    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder<>))]
    private async ValueTask<bool> TakeHeadAsync(WatchedReader reader, CancellationToken cancellationToken)
    {
        try
        {
            return TakeHead(await reader.ReadAsync(cancellationToken));
        }
        catch (IOException e) when (IsReadFault(e))
        {
            throw _connection.ReadFault(e, inHead: _connection.Head.Began);
        }
    }

    private bool IsReadFault(IOException e) => e is not Http1ResponseException && !_connection.IsClosed;

    private bool TakeHead(in ReadResult received)
    {
        var rest = received.Buffer;
        bool done;
        try
        {
            done = _connection.Head.TryRead(ref rest, received.IsCompleted);
        }
        catch (Http1ResponseException e)
        {
            _connection.Reader.AdvanceTo(received.Buffer.End, received.Buffer.End);
            throw _connection.Head.IsCut ? new Http1ResponseException(Http1ResponseFault.ClosedInHead, e.Message) : e;
        }

        _connection.Reader.AdvanceTo(rest.Start, done ? rest.Start : received.Buffer.End);
        if (done)
        {
            OnHead();
        }
        else if (received.IsCompleted)
        {
            throw _connection.Head.Began ? ResponseFaults.ClosedInHead() : _connection.NoResponseFault();
        }

        return _headRead;
    }

    private void OnHead()
    {
        var head = _connection.Head;
        var framing = ResponseFraming.Of(head, _isHead);
        if (head.Status is < 200 and not 101)
        {
            if (head.Status == 100)
            {
                Volatile.Write(ref _continueSeen, true);
                Interlocked.MemoryBarrier();
                _continue?.TrySetResult();
            }

            head.Next();
            return;
        }

        _headRead = true;
        ResponseLength = framing.Length >= 0 ? framing.Length : null;
        _connection.OnHead(framing);
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder))]
    private async ValueTask EndRequestAwaitedAsync(ValueTask<FlushResult> flush)
    {
        if (!(await flush).IsCompleted)
        {
            _connection.OnRequestComplete();
        }
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder))]
    private static async ValueTask FlushAwaitedAsync(ValueTask<FlushResult> flush) => await flush;
}
