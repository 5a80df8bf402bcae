using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using FastSidecar.Invocation;
using FastSidecar.Invocation.Grpc;
using FastSidecar.Protocol;
using FastSidecar.Protocol.Grpc;
using FastSidecar.Protocol.Peer;
using FastSidecar.Transport.Async;
using FastSidecar.Transport.Buffers;
using FastSidecar.Transport.Channels;
using FastSidecar.Transport.Grpc;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Http2;

namespace FastSidecar.Targets.Apps;

/// <summary>One call of a gRPC app's OnInvoke, and its answer. Reused.</summary>
internal sealed class GrpcAppCall : InvokeResponse, IPeerStreamEnd
{
    /// <summary>A longer body's memory is given up after the call.</summary>
    private const int KeptBytes = 64 * 1024;

    private readonly GrpcAppTarget _owner;
    private readonly PooledBufferWriter _requestBody = new();
    private readonly HeaderList _requestHead = new();
    private readonly PeerMessageReader _reader = new();
    private readonly OnInvokeResponse _message = new();
    private readonly HeaderList _headers = new();
    private readonly HeaderList _trailers = new();
    private Http2Stream? _stream;
    private byte[] _details = [];
    private PipeReader? _noBody;

    /// <summary>How the app's stream ended, when that was no good end.</summary>
    private InvokeError? _end;
    private bool _hasEnded;

    /// <summary>Of the request's body, all bytes; they may be more than are kept.</summary>
    private long _bodyBytes;

    public GrpcAppCall(GrpcAppTarget owner)
    {
        _owner = owner;
        IsGrpcStatus = true;
    }

    public override HeaderList Headers => _headers;

    public override HeaderList? Trailers => _trailers;

    public override ReadOnlySpan<byte> StatusDetails => _details;

    public override ReadOnlySpan<byte> ContentType => _message.TypeUrl.IsEmpty ? _message.ContentType : MediaTypes.Protobuf;

    public override ReadOnlySpan<byte> MessageContentType => _message.ContentType;

    public override ReadOnlySpan<byte> TypeUrl => _message.TypeUrl;

    public override bool HasData => _message.HasData;

    public override PipeReader Body => _noBody ?? _reader;

    /// <summary>
    /// Collects the request's body, which goes in one message; what cannot fit into one is counted and dropped. An error when it cannot be
    /// read to its end: then the app is not called.
    /// </summary>
    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder<>))]
    public async ValueTask<InvokeError?> ReadBodyAsync(InvokeRequest request, CancellationToken cancellationToken)
    {
        var body = request.Body;
        try
        {
            while (true)
            {
                if (!body.TryRead(out var read))
                {
                    read = await body.ReadAsync(cancellationToken);
                }

                if (read.IsCanceled)
                {
                    body.GiveBack();
                    return ErrorTable.ClientGone;
                }

                _bodyBytes += read.Buffer.Length;
                if (_bodyBytes <= _owner.MaxMessageBytes)
                {
                    foreach (var piece in read.Buffer)
                    {
                        _requestBody.Write(piece.Span);
                    }
                }

                body.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                {
                    return null;
                }
            }
        }
        catch (InvokeBodyException e)
        {
            return e.Error;
        }
        catch (PeerMessageException e)
        {
            return new InvokeError(ErrorSide.Peer, null, e.Message);
        }
        catch (OperationCanceledException)
        {
            return ErrorTable.ClientGone;
        }
        catch (IOException e)
        {
            return new InvokeError(ErrorSide.Client, null, e is EndOfStreamException ? "unexpected EOF" : e.Message);
        }
    }

    /// <summary>Makes the head; false when it cannot be sent: then the answer says why, and the app is not called.</summary>
    public bool WriteHead(InvokeRequest request)
    {
        _owner.Head.CopyTo(_requestHead);
        if (GrpcMetadata.FromWire(request.Metadata, trailers: false, request.Trace, _requestHead) is { } refusal)
        {
            Answer(GrpcStatusCode.Internal, refusal);
            return false;
        }

        if (_owner.ApiToken.Length > 0)
        {
            _requestHead.Set("dapr-api-token"u8, _owner.ApiToken);
        }

        return true;
    }

    /// <summary>
    /// Calls the app. Null when this is now its answer; an error only when whoever asked is gone, which the app does not notice: it is let
    /// run to its end. A call at which the app has provably not looked is sent once more, as grpc-go does by itself.
    /// </summary>
    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder<>))]
    public async ValueTask<InvokeError?> RunAsync(InvokeRequest request, ChannelSource channels, CancellationToken cancellationToken)
    {
        for (var isFirst = true; ; isFirst = false)
        {
            InvokeError failure;
            try
            {
                _stream = await channels.OpenStreamAsync(cancellationToken);
                request.Phases.TargetReady = _owner.Now;
                Send(request);
                await _stream.ReadHeadAsync(cancellationToken);
                await ReadAnswerAsync(_stream, cancellationToken);
                break;
            }
            catch (OperationCanceledException)
            {
                return _stream is null ? ErrorTable.ClientGone : ErrorTable.ClientGone.While(EndUnwatchedAsync(TakeStream()));
            }
            catch (ObjectDisposedException)
            {
                // A request that came while the sidecar stops.
                failure = new InvokeError(ErrorSide.Self, GrpcStatusCode.Canceled, "grpc: the client connection is closing");
            }
            catch (Exception e) when (e is IOException or PeerMessageException)
            {
                failure = _end ?? GrpcFailure.Of(e);
            }

            TakeTrailers();
            DropStream();
            if (!isFirst || !failure.NeverProcessed)
            {
                Answer(failure.Code ?? GrpcStatusCode.Unknown, failure.Text);
                break;
            }
        }

        DropStream();
        return null;
    }

    /// <summary>The status stands in the trailers; anything but OK makes the message no answer.</summary>
    public Exception? FailureAtEnd(bool inBody)
    {
        _hasEnded = true;
        _end = GrpcFailure.OfStatus(_stream!.Trailers);
        return _end is { Code: { } code } ? PeerMessageException.Status(code, _end.Text) : null;
    }

    public override ValueTask DisposeAsync()
    {
        _reader.Release();
        DropStream();
        _message.Clear();
        _requestHead.Clear();
        _headers.Clear();
        _trailers.Clear();
        _details = [];
        _noBody = null;
        _end = null;
        _hasEnded = false;
        _bodyBytes = 0;
        Status = 0;
        StatusMessage = "";
        if (_requestBody.WrittenCount > KeptBytes)
        {
            _requestBody.Dispose();
        }

        _requestBody.Clear();
        _owner.Return(this);
        return ValueTask.CompletedTask;
    }

    private void Send(InvokeRequest request)
    {
        var message = new OnInvokeRequest
        {
            Method = request.Method.Span,
            TypeUrl = request.TypeUrl.Span,
            ContentType = request.ContentType.Span,
            HasHttpExtension = request.HasHttpExtension,
            Verb = request.Verb,
            Query = request.Query.Span,
        };
        _stream!.WriteHead(_requestHead, endStream: false);
        try
        {
            PeerPayloadEncoder.CheckLimit(message.MessageBytes(_bodyBytes), _owner.MaxMessageBytes);
            message.Write(_stream.Output, _requestBody.WrittenSpan);
        }
        catch (PeerMessageException)
        {
            // grpc-go has opened the stream before it looks at the message: the app sees a call that is taken back.
            _stream.Flush();
            throw;
        }

        _stream.End(null);
    }

    private async ValueTask ReadAnswerAsync(Http2Stream stream, CancellationToken cancellationToken)
    {
        var head = stream.Headers;
        if (GrpcFailure.OfHead(head) is { } notGrpc)
        {
            var error = stream.EndedWithHeaders ? notGrpc : await QuotedAnswer.ReadAsync(notGrpc, stream.Input, cancellationToken);
            Answer(error.Code!.Value, error.Text);
            return;
        }

        if (stream.EndedWithHeaders)
        {
            // Trailers without headers: all there is counts as trailers.
            GrpcMetadata.ToWire(head, _trailers);
            var error = GrpcFailure.OfStatus(head);
            if (error is not { Code: { } code })
            {
                var missing = OnInvokeResponse.NoAnswer();
                Answer(missing.Code, missing.Text);
                return;
            }

            _details = Invocation.Grpc.StatusDetails.Of(head, code);
            Answer(code, error.Text);
            return;
        }

        GrpcMetadata.ToWire(head, _headers);
        head.TryGet("grpc-encoding"u8, out var encoding);
        _reader.Start(new PeerInput(stream.Input, PeerEncoding.Parse(encoding), _owner.MaxMessageBytes, IsUnary: true, this));
        await _reader.ReadHeadAsync(_message, cancellationToken);
        GrpcMetadata.ToWire(stream.Trailers, _trailers);
    }

    private void TakeTrailers()
    {
        if (!_hasEnded || _stream is not { } stream)
        {
            return;
        }

        GrpcMetadata.ToWire(stream.Trailers, _trailers);
        if (_end is { Code: { } code })
        {
            _details = Invocation.Grpc.StatusDetails.Of(stream.Trailers, code);
        }
    }

    /// <summary>The call has failed: its answer is a status without a message.</summary>
    private void Answer(GrpcStatusCode code, string text)
    {
        _reader.Release();
        _message.Clear();
        Status = (int)code;
        StatusMessage = text;
        _noBody = PipeReader.Create(System.Buffers.ReadOnlySequence<byte>.Empty);
    }

    private void DropStream()
    {
        _stream?.Dispose();
        _stream = null;
    }

    /// <summary>The stream is somebody else's from here on; this object is free.</summary>
    private Http2Stream TakeStream()
    {
        var stream = _stream!;
        _reader.Release();
        _stream = null;
        return stream;
    }

    /// <summary>Reads to its end what nobody waits for any more. Nothing may escape from here.</summary>
    private static async Task EndUnwatchedAsync(Http2Stream stream)
    {
        using var use = stream;
        try
        {
            await stream.ReadHeadAsync(CancellationToken.None);
            ReadResult read;
            do
            {
                read = await stream.Input.ReadAsync(CancellationToken.None);
                stream.Input.AdvanceTo(read.Buffer.End);
            }
            while (!read.IsCompleted);
        }
        catch (IOException)
        {
            // However it ended, nobody wants to know.
        }
    }
}
