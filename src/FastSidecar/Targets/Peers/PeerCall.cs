using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Invocation.Grpc;
using FastSidecar.Protocol;
using FastSidecar.Protocol.Peer;
using FastSidecar.Transport.Async;
using FastSidecar.Transport.Buffers;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Http2;

namespace FastSidecar.Targets.Peers;

/// <summary>One call to a peer sidecar, and its response. Reused.</summary>
internal sealed class PeerCall : InvokeResponse, IPeerStreamEnd
{
    private readonly PeerCallPool _pool;
    private readonly int _maxMessageBytes;
    private readonly PeerResponseHead _head = new();
    private readonly PeerMessageReader _reader = new();
    private readonly HeaderList _scratch = new();
    private readonly PayloadSender _sender;
    private Http2Stream _stream = null!;
    private InvokeRequest _request = null!;
    private ValueTask _upload;
    private bool _uploading;
    private bool _reading;

    public PeerCall(PeerCallPool pool, int maxMessageBytes)
    {
        _pool = pool;
        _maxMessageBytes = maxMessageBytes;
        _sender = new PayloadSender(maxMessageBytes);
    }

    public override HeaderList Headers => _head.Headers;

    public override ReadOnlySpan<byte> ContentType => _head.TypeUrl.IsEmpty ? _head.ContentType : MediaTypes.Protobuf;

    public override ReadOnlySpan<byte> MessageContentType => _head.ContentType;

    public override ReadOnlySpan<byte> TypeUrl => _head.TypeUrl;

    public override ReadOnlySpan<byte> StatusDetails => _head.StatusDetails;

    public override HeaderList? Trailers => _head.Trailers;

    public override PipeReader Body => _reader;

    public override bool IsRemote => true;

    /// <summary>Why the request body could not be sent, when that is what ended the call.</summary>
    public InvokeError? UploadError { get; private set; }

    public void Start(Http2Stream stream, InvokeRequest request)
    {
        _stream = stream;
        _request = request;
        UploadError = null;
    }

    /// <summary>CallLocalStream: sends the head and what is there of the body, and goes on sending while the answer is waited for.</summary>
    public void SendStream(PeerCallTemplate template, CancellationToken cancellationToken)
    {
        _stream.WriteHead(template.For(_request.Trace, _request.Deadline, _scratch), endStream: false);
#pragma warning disable CA2012 // One consumer, once: DisposeAsync awaits it, or finds it completed.
        _upload = UploadAsync(cancellationToken);
#pragma warning restore CA2012
        _uploading = true;
    }

    /// <summary>CallLocal: the whole body in one message.</summary>
    public async ValueTask SendUnaryAsync(PeerCallTemplate template, CancellationToken cancellationToken)
    {
        using var body = new PooledBufferWriter();
        while (true)
        {
            var read = await _request.Body.ReadAsync(cancellationToken);
            foreach (var piece in read.Buffer)
            {
                body.Write(piece.Span);
            }

            _request.Body.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                break;
            }
        }

        if (EventStreams.IsAskedFor(_request.Metadata))
        {
            // It would end a daprd 1.18.3 callee: its unary path has no event stream to write to.
            _request.Metadata.Remove("Accept"u8);
        }

        _stream.WriteHead(template.For(_request.Trace, _request.Deadline, _scratch), endStream: false);
        PeerRequestEncoder.WriteUnary(_stream.Output, Fields(), new ReadOnlySequence<byte>(body.WrittenMemory), _maxMessageBytes);
        _stream.End(null);
    }

    /// <summary>
    /// Completes when the stream's response head is in. Apart from <see cref="ReadHeadAsync"/> so that this wait, which every call has, suspends the
    /// caller alone.
    /// </summary>
    public ValueTask WaitForHeadAsync(CancellationToken cancellationToken) => _stream.ReadHeadAsync(cancellationToken);

    /// <summary>Reads the response's head, which mostly came with the stream's. Null, or why there is none.</summary>
    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder<>))]
    public async ValueTask<InvokeError?> ReadHeadAsync(bool unary, CancellationToken cancellationToken)
    {
        if (GrpcFailure.OfHead(_stream.Headers) is { } notGrpc)
        {
            return _stream.EndedWithHeaders ? notGrpc : await QuotedAnswer.ReadAsync(notGrpc, _stream.Input, cancellationToken);
        }

        if (_stream.EndedWithHeaders)
        {
            return GrpcFailure.OfStatus(_stream.Headers) ?? ErrorTable.NoResponse;
        }

        _stream.Headers.TryGet("grpc-encoding"u8, out var encoding);
        _reader.Start(new PeerInput(_stream.Input, PeerEncoding.Parse(encoding), _maxMessageBytes, unary, this));
        _reading = true;
        await _reader.ReadHeadAsync(_head, cancellationToken);

        Status = _head.StatusCode;
        IsGrpcStatus = !_head.IsHttpStatus;
        StatusMessage = _head.StatusMessage.IsEmpty ? "" : Encoding.UTF8.GetString(_head.StatusMessage);
        return null;
    }

    /// <summary>The RPC's status stands in the trailers; anything but OK makes the end of the messages a failure.</summary>
    public Exception? FailureAtEnd(bool inBody)
    {
        if (GrpcFailure.OfStatus(_stream.Trailers) is not { Code: { } code } error)
        {
            return null;
        }

        return inBody ? PeerMessageException.Receiving(code, error.Text) : PeerMessageException.Status(code, error.Text);
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
        StopReading();
        if (_uploading && !_upload.IsCompleted)
        {
            return StopUploadAsync(stream);
        }

        stream.Dispose();
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
    private async ValueTask StopUploadAsync(Http2Stream stream)
    {
        _request.Body.Stop();
        stream.Reset(Http2ErrorCode.Cancel);
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

    private void StopReading()
    {
        if (_reading)
        {
            _reading = false;
            _reader.Complete();
        }
    }

    private PeerRequestFields Fields() => new(_request.Metadata)
    {
        Version = 1,
        Method = _request.Method.Span,
        ContentType = _request.ContentType.Span,
        TypeUrl = _request.TypeUrl.Span,
        HasData = _request.HasData,
        HasHttpExtension = _request.HasHttpExtension,
        Verb = _request.Verb,
        Query = _request.Query.Span,
    };

    /// <summary>
    /// Sends the first message with whatever of the body is there, then the rest as it comes. The head leaves at once even if no byte of
    /// the body has come.
    /// </summary>
    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder))]
    private async ValueTask UploadAsync(CancellationToken cancellationToken)
    {
        var stream = _stream;
        var body = _request.Body;
        try
        {
            var first = true;
            while (true)
            {
                if (!body.TryRead(out var read))
                {
                    if (first)
                    {
                        PeerRequestEncoder.WriteFirst(stream.Output, Fields(), ReadOnlySequence<byte>.Empty, _maxMessageBytes);
                        _sender.Start(firstSeq: 0);
                        first = false;
                    }

                    // Waits while the peer's window is used up: then nothing more is taken from the client either.
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
                if (first)
                {
                    data = WriteFirst(stream, data);
                    first = false;
                }

                var stopped = !data.IsEmpty && await _sender.SendAsync(stream.Output, data, cancellationToken);
                body.AdvanceTo(read.Buffer.End);
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
            Fail(stream, e.Error);
        }
        catch (PeerMessageException e)
        {
            Fail(stream, new InvokeError(ErrorSide.Self, null, "error sending message: " + e.Message));
        }
        catch (Exception e) when (e is Http2StreamException or Http2ConnectionException && !body.IsBroken)
        {
            // The response side reports it.
        }
        catch (OperationCanceledException)
        {
            stream.Reset(Http2ErrorCode.Cancel);
        }
        catch (IOException e)
        {
            Fail(stream, new InvokeError(ErrorSide.Client, null, e is EndOfStreamException ? "unexpected EOF" : e.Message));
        }
        catch (Exception)
        {
            // A bug: it ends the call and comes out where the upload is awaited.
            stream.Reset(Http2ErrorCode.InternalError);
            throw;
        }
    }

    /// <summary>Writes the first message with as much of the data as fits in it and returns the rest.</summary>
    private ReadOnlySequence<byte> WriteFirst(Http2Stream stream, ReadOnlySequence<byte> data)
    {
        var inFirst = data.Length <= PayloadSender.MaxCopiedBytes ? data : data.Slice(0, PayloadSender.MaxCopiedBytes);
        PeerRequestEncoder.WriteFirst(stream.Output, Fields(), inFirst, _maxMessageBytes);
        _sender.Start(firstSeq: inFirst.IsEmpty ? 0u : 1u);
        return data.Slice(inFirst.End);
    }

    private void Fail(Http2Stream stream, InvokeError error)
    {
        UploadError = error;
        stream.Reset(Http2ErrorCode.Cancel);
    }

    private void Return()
    {
        _upload = default;
        _uploading = false;
        _request = null!;
        _pool.Return(this);
    }
}
