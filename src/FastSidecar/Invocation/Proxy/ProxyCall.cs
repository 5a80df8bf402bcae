using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using FastSidecar.Invocation.Grpc;
using FastSidecar.Protocol.Peer;
using FastSidecar.Transport.Async;
using FastSidecar.Transport.Grpc;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Http2;

namespace FastSidecar.Invocation.Proxy;

/// <summary>
/// The client end of one proxied call, and its response: the request's messages go out as they come, on a flow of their own, while the
/// answer is read. <see cref="InvokeResponse.Headers"/> and <see cref="InvokeResponse.Trailers"/> are the stream's own lists. Reused.
/// </summary>
internal sealed class ProxyCall : InvokeResponse
{
    private static readonly HeaderList None = new();

    private readonly ProxyCallPool _pool;
    private readonly int _maxMessageBytes;
    private readonly MessageInput _body = new();
    private readonly HeaderList _head = new();
    private Http2Stream _stream = null!;
    private InvokeRequest _request = null!;
    private ValueTask _upload;
    private bool _isBulky;

    public ProxyCall(ProxyCallPool pool, int maxMessageBytes)
    {
        _pool = pool;
        _maxMessageBytes = maxMessageBytes;
        IsGrpcStatus = true;
    }

    /// <summary>The head as it came; empty when the answer was trailers and nothing else.</summary>
    public override HeaderList Headers => _stream.EndedWithHeaders ? None : _stream.Headers;

    public override HeaderList Trailers => _stream.EndedWithHeaders ? _stream.Headers : _stream.Trailers;

    public override ReadOnlySpan<byte> ContentType => _stream.Headers.TryGet("content-type"u8, out var type) ? type : default;

    public override PipeReader Body => _body;

    /// <summary>Why the request's messages could not be sent, when that is what ended the call.</summary>
    public InvokeError? UploadError => _body.Cause;

    public void Start(Http2Stream stream, InvokeRequest request)
    {
        _stream = stream;
        _request = request;
    }

    /// <summary>Sends the head with what is there of the messages, and goes on sending while the answer is waited for.</summary>
    public void Send(ProxyCallTemplate template, CancellationToken cancellationToken)
    {
        template.Write(_request, _head);
        _isBulky = HeaderMemory.IsBulky(_head);
        _stream.WriteHead(_head, endStream: false);
#pragma warning disable CA2012 // One consumer, once: DisposeAsync awaits it, or finds it completed.
        _upload = UploadAsync(cancellationToken);
#pragma warning restore CA2012
    }

    public ValueTask WaitForHeadAsync(CancellationToken cancellationToken) => _stream.ReadHeadAsync(cancellationToken);

    /// <summary>Looks at the head that is there. Null, or why it is no gRPC answer.</summary>
    public InvokeError? TakeHead()
    {
        var head = _stream.Headers;
        if (GrpcFailure.OfHead(head) is { } notGrpc)
        {
            return notGrpc;
        }

        // What ends with its head says at once how; the others say OK until their trailers are read.
        Status = _stream.EndedWithHeaders && head.TryGet("grpc-status"u8, out var status) && GrpcStatusText.TryParse(status, out var code) ? (int)code : 0;
        head.TryGet("grpc-encoding"u8, out var encoding);
        _body.Start(_stream.Input, PeerEncoding.Parse(encoding), _maxMessageBytes, isAnswer: true);
        return null;
    }

    /// <summary>What such an answer says, for people (<see cref="QuotedAnswer"/>); the stream is ended for it, as grpc-go does it.</summary>
    public async ValueTask<InvokeError> QuoteBodyAsync(InvokeError error, CancellationToken cancellationToken)
    {
        if (_stream.EndedWithHeaders)
        {
            return error;
        }

        var quoted = await QuotedAnswer.ReadAsync(error, _stream.Input, cancellationToken);
        _stream.Reset(Http2ErrorCode.ProtocolError);
        return quoted;
    }

    /// <summary>Gives the stream back; an unfinished one is reset.</summary>
    public override ValueTask DisposeAsync()
    {
        var stream = _stream;
        if (stream is null)
        {
            return ValueTask.CompletedTask;
        }

        _stream = null!;
        var isAnswered = _body.HasEnded;
        _body.Release();
        if (!_upload.IsCompleted)
        {
            return StopUploadAsync(stream, isAnswered);
        }

        stream.Dispose();

        // It has ended; fetching its result also gives the state machine back to its pool. An exception in it is a bug, and this object is not
        // used again.
        _upload.GetAwaiter().GetResult();
        Return();
        return ValueTask.CompletedTask;
    }

    /// <summary>
    /// The answer is complete, or nobody wants it: whoever still feeds the request is told to stop, and the object is reused only afterwards. A
    /// target that answered before it had heard everything is told that no more comes, as grpc-go's client does.
    /// </summary>
    private async ValueTask StopUploadAsync(Http2Stream stream, bool isAnswered)
    {
        _request.Body.Stop();
        stream.Reset(isAnswered ? Http2ErrorCode.NoError : Http2ErrorCode.Cancel);
        try
        {
            await _upload;
        }
        finally
        {
            stream.Dispose();
        }

        Return();
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder))]
    private async ValueTask UploadAsync(CancellationToken cancellationToken)
    {
        var stream = _stream;
        var body = _request.Body;
        try
        {
            while (true)
            {
                if (!body.TryRead(out var read))
                {
                    // Waits while the target's window is used up: then nothing more is taken from the client either.
                    if ((await stream.Output.FlushAsync(cancellationToken)).IsCompleted)
                    {
                        return;
                    }

                    read = await body.ReadAsync(cancellationToken);
                }

                if (read.IsCanceled)
                {
                    body.GiveBack();
                    return;
                }

                var data = read.Buffer;
                var stopped = !data.IsEmpty && await MessageOutput.SendAsync(stream.Output, data, cancellationToken);
                body.AdvanceTo(data.End);
                if (stopped)
                {
                    return;
                }

                if (read.IsCompleted)
                {
                    stream.End(null);
                    return;
                }
            }
        }
        catch (InvokeBodyException e)
        {
            _body.Cause = e.Error;
            stream.Reset(Http2ErrorCode.Cancel);
        }
        catch (Exception e) when (e is Http2StreamException or Http2ConnectionException && !body.IsBroken)
        {
            // The response side reports it.
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The client is gone, or waits no longer.
            stream.Reset(Http2ErrorCode.Cancel);
        }
        catch (Exception)
        {
            // A bug: it ends the call and comes out where the upload is awaited.
            stream.Reset(Http2ErrorCode.InternalError);
            throw;
        }
    }

    private void Return()
    {
        _upload = default;
        _request = null!;

        // The upload may have failed after the body was released.
        _body.Cause = null;
        if (!_isBulky)
        {
            _pool.Return(this);
        }
    }
}
