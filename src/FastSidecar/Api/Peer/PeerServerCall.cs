using System.Buffers;
using System.Buffers.Text;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text;
using FastSidecar.Inbound;
using FastSidecar.Invocation;
using FastSidecar.Protocol;
using FastSidecar.Protocol.Peer;
using FastSidecar.Transport.Async;
using FastSidecar.Transport.Buffers;
using FastSidecar.Transport.Grpc;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Http2;

namespace FastSidecar.Api.Peer;

/// <summary>One stream that another sidecar opened. Reused.</summary>
internal sealed class PeerServerCall
{
    /// <summary>
    /// So much of a body is kept in case the app's pooled connection turns out to be closed. It costs a copy, and a longer body has nearly always
    /// met the closed connection with its first piece.
    /// </summary>
    private const int KeptForRepeatBytes = 16 * 1024;

    private static readonly HeaderList SuccessHead = Head("application/grpc"u8, withTrace: false);
    private static readonly HeaderList SuccessTrailers = Trailers();

    private readonly PeerService _owner;
    private readonly InboundInvoker _inbound;
    private readonly int _maxMessageBytes;
    private readonly PeerRequestHead _head = new();
    private readonly PeerMessageReader _reader = new();
    private readonly InvokeRequest _request = new();
    private readonly PayloadSender _sender;
    private Http2Stream _stream = null!;
    private readonly Action _onEnded;
    private ValueTask _running;
    private bool _headWritten;
    private bool _ended;
    private bool _reading;

    public PeerServerCall(PeerService owner, InboundInvoker inbound, int maxMessageBytes)
    {
        _owner = owner;
        _inbound = inbound;
        _maxMessageBytes = maxMessageBytes;
        _sender = new PayloadSender(maxMessageBytes);
        _onEnded = OnEnded;
    }

    /// <summary>Handles the stream to its end, then gives this object back to its owner. Returns at the first wait.</summary>
    public void Run(Http2Stream stream)
    {
#pragma warning disable CA2012 // One consumer, once: OnEnded.
        _running = RunAsync(stream);
#pragma warning restore CA2012
        if (_running.IsCompleted)
        {
            OnEnded();
        }
        else
        {
            _running.GetAwaiter().UnsafeOnCompleted(_onEnded);
        }
    }

    /// <summary>Nothing may escape from here: it would end the process.</summary>
    private void OnEnded()
    {
        var running = _running;
        _running = default;
        try
        {
            running.GetAwaiter().GetResult();
        }
        catch (Exception e)
        {
            _owner.Drop(e);
            return;
        }

        _owner.Return(this);
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder))]
    private async ValueTask RunAsync(Http2Stream stream)
    {
        _stream = stream;
        _headWritten = false;
        _ended = false;
        try
        {
            await DispatchAsync();
        }
        catch (PeerMessageException e)
        {
            Fail(e.Code, e.IsStatus ? e.Text : e.Message);
        }
        catch (Exception e) when (e is Http2StreamException or Http2ConnectionException or OperationCanceledException)
        {
            // The caller is gone: nothing more can be said on this stream.
        }
        catch (IOException e)
        {
            // The app's answer broke off, perhaps after part of it had left.
            Fail(GrpcStatusCode.Unknown, e is InvokeBodyException body ? body.Error.Reason : e.Message);
        }
        catch (Exception)
        {
            // A bug: OnEnded reports it.
            _stream.Reset(Http2ErrorCode.InternalError);
            throw;
        }
        finally
        {
            _request.Body.Finish();
            _request.Clear();
            StopReading();
            _stream.Dispose();
            _stream = null!;
        }
    }

    private void StopReading()
    {
        if (_reading)
        {
            _reading = false;
            _reader.Complete();
        }
    }

    private ValueTask DispatchAsync()
    {
        var headers = _stream.Headers;
        headers.TryGet(":path"u8, out var path);
        headers.TryGet("content-type"u8, out var contentType);
        if (!headers.TryGet(":method"u8, out var method) || !method.SequenceEqual("POST"u8))
        {
            return Refuse(405, GrpcStatusCode.Internal, $"Received a HEADERS frame with :method \"{Encoding.UTF8.GetString(method)}\" which should be POST");
        }

        if (!GrpcContentType.IsGrpc(contentType))
        {
            return Refuse(415, GrpcStatusCode.InvalidArgument, $"invalid gRPC request content-type \"{Encoding.UTF8.GetString(contentType)}\"");
        }

        if (path.SequenceEqual(MethodPaths.CallLocalStream))
        {
            return CallLocalStreamAsync();
        }

        if (path.SequenceEqual(MethodPaths.CallLocal))
        {
            return CallLocalAsync();
        }

        if (path.SequenceEqual(MethodPaths.CallActor) || path.SequenceEqual(MethodPaths.CallActorReminder) || path.SequenceEqual(MethodPaths.CallActorStream))
        {
            Fail(GrpcStatusCode.Unavailable, "placement service is not configured");
            return ValueTask.CompletedTask;
        }

        FailTrailersOnly(GrpcStatusCode.Unknown, path.StartsWith("/dapr.proto."u8)
            ? "failed to proxy request: required metadata dapr-callee-app-id or dapr-app-id not found"
            : "cannot proxy request: missing dapr-callee-app-id or dapr-app-id metadata");
        return ValueTask.CompletedTask;
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder))]
    private async ValueTask CallLocalStreamAsync()
    {
        if (!_inbound.HasApp)
        {
            Fail(ErrorTable.AppChannelMissing);
            return;
        }

        await ReadHeadAsync(unary: false);
        if (TakeHead() is { } refused)
        {
            Fail(refused);
            return;
        }

        _request.Body.Start(_reader, AnnouncedLength(), BodyKind.Bytes, limitBytes: 0, keepAtMost: KeptForRepeatBytes);
        var result = await _inbound.InvokeAsync(_request, _stream.Aborted);
        if (result.Failed)
        {
            Fail(result.Error);
            return;
        }

        await using var response = result.Response;
        await SendResponseAsync(response);
    }

    private async ValueTask CallLocalAsync()
    {
        if (!_inbound.HasApp)
        {
            Fail(ErrorTable.AppChannelMissing);
            return;
        }

        await ReadHeadAsync(unary: true);
        if (TakeHead() is { } refused)
        {
            Fail(refused);
            return;
        }

        var body = await ReadAllAsync(_reader, _maxMessageBytes, CancellationToken.None);
        _request.HasWholeBody = true;
        _request.Body.Start(PipeReader.Create(body), body.Length, BodyKind.Bytes, limitBytes: 0, keepAtMost: 0);
        var result = await _inbound.InvokeAsync(_request, _stream.Aborted);
        if (result.Failed)
        {
            Fail(result.Error);
            return;
        }

        await using var response = result.Response;
        var answer = await ReadAllAsync(response.Body, _maxMessageBytes, _stream.Aborted);
        WriteHead(withTrace: true);
        PeerResponseEncoder.WriteUnary(_stream.Output, Fields(response), answer, _maxMessageBytes);
        End(SuccessTrailers);
    }

    /// <summary>
    /// Turns the peer's head into the request that everything below understands; an error when it asks for what there is not.
    /// </summary>
    private InvokeError? TakeHead()
    {
        if (_head.Version != 1)
        {
            return ErrorTable.AppChannelFailed(ErrorTable.UnsupportedVersion(_head.Version));
        }

        if (!_head.HasHttpExtension)
        {
            return ErrorTable.AppChannelFailed(ErrorTable.MissingHttpExtension);
        }

        _request.Method.Set(_head.Method);
        _request.Query.Set(_head.Query);
        _request.ContentType.Set(_head.TypeUrl.IsEmpty ? _head.ContentType : MediaTypes.Protobuf);
        _request.Verb = _head.Verb;
        _request.FromPeer = true;
        _head.Metadata.CopyTo(_request.Metadata);
        _request.ExpectsContinue = _request.Metadata.TryGet("Expect"u8, out var expect) && Ascii.EqualsIgnoreCase(expect, "100-continue"u8);
        _request.EventStream = EventStreams.IsAskedFor(_request.Metadata);
        _request.SetTraceFromGrpc(_stream.Headers);
        return null;
    }

    private long? AnnouncedLength()
    {
        if (!_request.Metadata.TryGet("Content-Length"u8, out var text))
        {
            return null;
        }

        return Utf8Parser.TryParse(text, out long length, out var used) && used == text.Length && length > 0 ? length : null;
    }

    private ValueTask ReadHeadAsync(bool unary)
    {
        _stream.Headers.TryGet("grpc-encoding"u8, out var encoding);
        _reader.Start(new PeerInput(_stream.Input, PeerEncoding.Parse(encoding), _maxMessageBytes, unary, End: null));
        _reading = true;
        return _reader.ReadHeadAsync(_head, CancellationToken.None);
    }

    /// <summary>The response head leaves at once; body pieces follow as they come from the app.</summary>
    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder))]
    private async ValueTask SendResponseAsync(InvokeResponse response)
    {
        var body = response.Body;
        var first = true;
        while (true)
        {
            var ready = body.TryRead(out var read);
            if (!ready)
            {
                if (first)
                {
                    WriteFirst(response, ReadOnlySequence<byte>.Empty);
                    first = false;
                }

                _stream.Flush();
                read = await body.ReadAsync(_stream.Aborted);
            }

            var data = read.Buffer;
            if (first)
            {
                var inFirst = data.Length <= PayloadSender.MaxCopiedBytes ? data : data.Slice(0, PayloadSender.MaxCopiedBytes);
                WriteFirst(response, inFirst);
                data = data.Slice(inFirst.End);
                first = false;
            }

            var stopped = !data.IsEmpty && await _sender.SendAsync(_stream.Output, data, CancellationToken.None);
            body.AdvanceTo(read.Buffer.End);
            if (stopped || read.IsCompleted)
            {
                break;
            }
        }

        End(SuccessTrailers);
    }

    private void WriteFirst(InvokeResponse response, in ReadOnlySequence<byte> data)
    {
        WriteHead(withTrace: false);
        PeerResponseEncoder.WriteFirst(_stream.Output, Fields(response), data, _maxMessageBytes);
        _sender.Start(firstSeq: data.IsEmpty ? 0u : 1u);
    }

    private static PeerResponseFields Fields(InvokeResponse response) => new(response.Headers)
    {
        StatusCode = response.Status,
        StatusMessage = response.StatusMessage.Length == 0 ? default : Encoding.UTF8.GetBytes(response.StatusMessage),
        ContentType = response.ContentType,
    };

    private void WriteHead(bool withTrace)
    {
        _headWritten = true;
        _stream.Headers.TryGet("content-type"u8, out var contentType);
        var plain = !withTrace && contentType.SequenceEqual("application/grpc"u8);
        _stream.WriteHead(plain ? SuccessHead : Head(contentType, withTrace), endStream: false);
    }

    private void Fail(InvokeError error) => Fail(error.Code ?? GrpcStatusCode.Unknown, error.Text);

    /// <summary>A handler's failure: a head and then trailers, as grpc-go's interceptors make of it.</summary>
    private void Fail(GrpcStatusCode code, string text)
    {
        if (_ended)
        {
            // The whole answer has left already.
            return;
        }

        if (!_headWritten)
        {
            WriteHead(withTrace: true);
        }

        End(Trailers(code, text));
    }

    private void End(HeaderList trailers)
    {
        _ended = true;
        _stream.End(trailers);
    }

    /// <summary>What fails below the handler: one HEADERS frame.</summary>
    private void FailTrailersOnly(GrpcStatusCode code, string text)
    {
        var head = Head("application/grpc"u8, withTrace: false);
        Trailers(code, text).CopyTo(head);
        _stream.WriteHead(head, endStream: true);
        _stream.Flush();
    }

    private ValueTask Refuse(int status, GrpcStatusCode code, string text)
    {
        var head = new HeaderList();
        head.Add(":status"u8, Encoding.ASCII.GetBytes(status.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        head.Add("content-type"u8, "application/grpc"u8);
        Trailers(code, text).CopyTo(head);
        _stream.WriteHead(head, endStream: true);
        _stream.Flush();
        return ValueTask.CompletedTask;
    }

    private static HeaderList Head(ReadOnlySpan<byte> contentType, bool withTrace)
    {
        var head = new HeaderList();
        head.Add(":status"u8, "200"u8);
        head.Add("content-type"u8, contentType);
        if (withTrace)
        {
            TraceContext.Zero.AddGrpcBinary(head);
        }

        return head;
    }

    private static HeaderList Trailers(GrpcStatusCode code = GrpcStatusCode.OK, string text = "")
    {
        var trailers = new HeaderList();
        Span<byte> digits = stackalloc byte[11];
        Utf8Formatter.TryFormat((int)code, digits, out var written);
        trailers.Add("grpc-status"u8, digits[..written]);
        var message = Encoding.UTF8.GetBytes(text);
        var name = trailers.Append("grpc-message"u8.Length, GrpcMessageEncoding.EncodedLength(message), out var encoded);
        "grpc-message"u8.CopyTo(name);
        GrpcMessageEncoding.Encode(message, encoded);
        return trailers;
    }

    /// <summary>
    /// The whole body. One that cannot fit into a message is read as far as that is certain: the encoder refuses it then, as grpc-go does,
    /// with the size that it had come to, and disposing the response breaks the app off.
    /// </summary>
    private static async ValueTask<ReadOnlySequence<byte>> ReadAllAsync(PipeReader reader, int mostBytes, CancellationToken cancellationToken)
    {
        using var all = new PooledBufferWriter();
        while (true)
        {
            var read = await reader.ReadAsync(cancellationToken);
            foreach (var piece in read.Buffer)
            {
                all.Write(piece.Span);
            }

            reader.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted || all.WrittenCount > mostBytes)
            {
                return new ReadOnlySequence<byte>(all.WrittenSpan.ToArray());
            }
        }
    }
}
