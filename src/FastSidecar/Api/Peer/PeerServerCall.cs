using System.Buffers;
using System.Buffers.Text;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text;
using FastSidecar.Inbound;
using FastSidecar.Invocation;
using FastSidecar.Invocation.Grpc;
using FastSidecar.Invocation.Proxy;
using FastSidecar.Protocol;
using FastSidecar.Protocol.Peer;
using FastSidecar.Transport.Async;
using FastSidecar.Transport.Grpc;
using FastSidecar.Transport.Http2;

namespace FastSidecar.Api.Peer;

/// <summary>One stream that another sidecar opened. Reused.</summary>
internal sealed class PeerServerCall
{
    /// <summary>
    /// So much of a body is kept in case the app's pooled connection turns out to be closed. It costs a copy, and a longer body has nearly
    /// always met the closed connection with its first piece.
    /// </summary>
    private const int KeptForRepeatBytes = 16 * 1024;

    private readonly PeerService _owner;
    private readonly InboundInvoker _inbound;
    private readonly ProxiedCalls _proxied;
    private readonly int _maxMessageBytes;
    private readonly bool _checksBaggage;
    private readonly TimeProvider _time;
    private readonly GrpcAnswers _answers = new();
    private readonly PeerMessageReader _reader = new();
    private readonly InvokeRequest _request = new();

    /// <summary>Reads its metadata into the request's.</summary>
    private readonly PeerRequestHead _head;
    private readonly PayloadSender _sender;
    private Http2Stream _stream = null!;
    private readonly Action _onEnded;
    private ValueTask _running;

    /// <summary>There when the caller set one.</summary>
    private CallDeadline? _deadline;

    private enum Method
    {
        CallLocalStream,

        /// <summary>The whole body in one message, both ways.</summary>
        CallLocal,

        /// <summary>None that goes on: it was refused.</summary>
        Answered,

        /// <summary>None of ours: somebody else has the stream.</summary>
        Proxied,
    }

    public PeerServerCall(PeerService owner, InboundInvoker inbound, ProxiedCalls proxied, PeerServiceOptions options, TimeProvider time)
    {
        _owner = owner;
        _inbound = inbound;
        _proxied = proxied;
        _maxMessageBytes = options.MaxMessageBytes;
        _checksBaggage = options.ChecksBaggage;
        _time = time;
        _head = new PeerRequestHead(_request.Metadata);
        _sender = new PayloadSender(options.MaxMessageBytes);
        _onEnded = OnEnded;
    }

    /// <summary>Cancelled when the caller is gone or waits no longer.</summary>
    private CancellationToken Abandoned => _deadline?.Token ?? _stream.Aborted;

    /// <summary>For what the stream itself breaks off when the caller is gone.</summary>
    private CancellationToken Deadline => _deadline?.Token ?? CancellationToken.None;

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

    /// <summary>
    /// A call is suspended here, and nowhere above the app's answer: the message that begins it is normally there, and its answer leaves without a
    /// wait.
    /// </summary>
    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder))]
    private async ValueTask RunAsync(Http2Stream stream)
    {
        _stream = stream;
        _answers.Start(stream);
        try
        {
            var method = Dispatch();
            if (method == Method.Proxied)
            {
                _stream = null!;
                _proxied.Run(stream);
                return;
            }

            if (method == Method.Answered || !await TakeRequestAsync(unary: method == Method.CallLocal))
            {
                return;
            }

            if (_inbound.Invoke(_request, Abandoned, out var answer) is { } refused)
            {
                Fail(refused);
                return;
            }

            var result = await answer;
            if (result.Failed)
            {
                Fail(ErrorTable.AppChannelFailed(result.Error));
                return;
            }

            if (_request.EventStream && result.Response.IsGrpcStatus && method == Method.CallLocalStream)
            {
                await result.Response.DisposeAsync();
                Fail(ErrorTable.AppChannelFailed(ErrorTable.NoEventStream));
                return;
            }

            await (method == Method.CallLocal ? SendUnaryAsync(result.Response) : SendStreamAsync(result.Response));
        }
        catch (PeerMessageException e)
        {
            Fail(e.Code, e.IsStatus ? e.Text : e.Message);
        }
        catch (Exception e) when (e is Http2StreamException or Http2ConnectionException or OperationCanceledException)
        {
            // The caller is gone, or its deadline has passed: nothing more is said on this stream. Disposing it resets it with CANCEL where
            // it is open, as grpc-go does at a deadline.
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
            _reader.Release();
            _stream?.Dispose(); // which completes the input
            _stream = null!;
            _answers.Clear();
            _deadline?.Dispose();
            _deadline = null;
        }
    }

    /// <summary>Which method is called.</summary>
    private Method Dispatch()
    {
        var head = new GrpcCallHead(_stream.Headers);
        if (head.Refusal() is { } refusal)
        {
            _answers.Refuse(refusal);
            return Method.Answered;
        }

        if (head.HasBaggage && _checksBaggage)
        {
            if (head.BaggageRefusal() is { } invalid)
            {
                _answers.Refuse(invalid);
                return Method.Answered;
            }

            _answers.EchoesBaggage = true;
        }

        var path = head.Path;
        if (path.SequenceEqual(MethodPaths.CallLocalStream) || path.SequenceEqual(MethodPaths.CallLocal))
        {
            if (head.Timeout is { } timeout)
            {
                _deadline = new CallDeadline(timeout, _stream, _time);
            }

            return path.Length == MethodPaths.CallLocal.Length ? Method.CallLocal : Method.CallLocalStream;
        }

        if (path.SequenceEqual(MethodPaths.CallActor) ||
            path.SequenceEqual(MethodPaths.CallActorReminder) ||
            path.SequenceEqual(MethodPaths.CallActorStream))
        {
            Fail(GrpcStatusCode.Unavailable, "placement service is not configured");
        }
        else
        {
            return Method.Proxied;
        }

        return Method.Answered;
    }

    /// <summary>
    /// Reads the first message into <see cref="_request"/>; of a unary call, all of it. False when that failed and was answered. grpc-go tells what
    /// it finds itself in one HEADERS frame at once; what Dapr's handler finds, with a stream's missing message among it, has a head of its own.
    /// </summary>
    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder<>))]
    private async ValueTask<bool> TakeRequestAsync(bool unary)
    {
        if (!_inbound.HasApp)
        {
            Fail(ErrorTable.AppChannelMissing);
            return false;
        }

        _stream.Headers.TryGet("grpc-encoding"u8, out var encoding);
        _reader.Start(new PeerInput(_stream.Input, PeerEncoding.Parse(encoding), _maxMessageBytes, unary, End: null));
        try
        {
            await _reader.ReadHeadAsync(_head, Deadline);
        }
        catch (PeerMessageException e) when (e.Code != GrpcStatusCode.InvalidArgument && (unary || e.Code != GrpcStatusCode.Unknown))
        {
            _answers.Refuse(e.Code, e.Text);
            return false;
        }

        if (TakeHead() is { } refused)
        {
            Fail(refused);
            return false;
        }

        if (unary)
        {
            var body = await UnaryBody.ReadAsync(_reader, _maxMessageBytes, Deadline);
            _request.HasWholeBody = true;
            _request.Body.Start(PipeReader.Create(body), body.Length, BodyKind.Bytes, limitBytes: 0, keepAtMost: 0);
        }
        else
        {
            _request.Body.Start(_reader, AnnouncedLength(), BodyKind.Bytes, limitBytes: 0, keepAtMost: KeptForRepeatBytes);
        }

        return true;
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

        _request.Method.Set(_head.Method);
        _request.Query.Set(_head.Query);
        _request.ContentType.Set(_head.ContentType);
        _request.TypeUrl.Set(_head.TypeUrl);
        _request.HasData = _head.HasData;
        _request.HasHttpExtension = _head.HasHttpExtension;
        _request.Verb = _head.Verb;
        _request.FromPeer = true;
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

    /// <summary>The response head leaves at once; body pieces follow as they come from the app.</summary>
    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder))]
    private async ValueTask SendStreamAsync(InvokeResponse response)
    {
        await using var use = response;
        var body = response.Body;
        var first = true;
        var ended = false;
        while (!ended)
        {
            if (!body.TryRead(out var read))
            {
                if (first)
                {
                    WriteFirst(response, ReadOnlySequence<byte>.Empty);
                    first = false;
                }

                // Waits while the caller's window is used up: then nothing more is taken from the app either.
                if ((await _stream.Output.FlushAsync(Deadline)).IsCompleted)
                {
                    break;
                }

                read = await body.ReadAsync(Abandoned);
            }

            var data = read.Buffer;
            if (first)
            {
                var inFirst = data.Length <= PayloadSender.MaxCopiedBytes ? data : data.Slice(0, PayloadSender.MaxCopiedBytes);
                WriteFirst(response, inFirst);
                data = data.Slice(inFirst.End);
                first = false;
            }

            ended = (!data.IsEmpty && await _sender.SendAsync(_stream.Output, data, Deadline)) || read.IsCompleted;
            body.AdvanceTo(read.Buffer.End);
        }

        _answers.Succeed();
    }

    private async ValueTask SendUnaryAsync(InvokeResponse response)
    {
        await using var use = response;
        var body = await UnaryBody.ReadAsync(response.Body, _maxMessageBytes, Abandoned);
        _answers.WriteHead(withTrace: true);
        PeerResponseEncoder.WriteUnary(_stream.Output, Fields(response), body, _maxMessageBytes);
        _answers.Succeed();
    }

    private void WriteFirst(InvokeResponse response, in ReadOnlySequence<byte> data)
    {
        _answers.WriteHead(withTrace: false);
        PeerResponseEncoder.WriteFirst(_stream.Output, Fields(response), data, _maxMessageBytes);
        _sender.Start(firstSeq: data.IsEmpty ? 0u : 1u);
    }

    private static PeerResponseFields Fields(InvokeResponse response) => new(response.Headers)
    {
        StatusCode = response.Status,
        StatusMessage = response.StatusMessage.Length == 0 ? default : Encoding.UTF8.GetBytes(response.StatusMessage),
        StatusDetails = response.StatusDetails,
        Trailers = response.Trailers,
        HasMessage = !response.IsGrpcStatus || response.Status == (int)GrpcStatusCode.OK,
        HasData = response.HasData,
        TypeUrl = response.TypeUrl,
        ContentType = response.MessageContentType,
    };

    private void Fail(InvokeError error) => Fail(error.Code ?? GrpcStatusCode.Unknown, error.Text);

    /// <summary>A handler's failure. Past the deadline it is not told: whatever failed, failed because of that.</summary>
    private void Fail(GrpcStatusCode code, string text)
    {
        if (_deadline is not { HasPassed: true })
        {
            _answers.Fail(code, text);
        }
    }
}
