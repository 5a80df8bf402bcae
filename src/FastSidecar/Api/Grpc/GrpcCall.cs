using System.Runtime.CompilerServices;
using FastSidecar.Invocation.Grpc;
using FastSidecar.Protocol.Grpc;
using FastSidecar.Protocol.Peer;
using FastSidecar.Protocol.Protobuf;
using FastSidecar.Transport.Async;
using FastSidecar.Transport.Grpc;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Http2;

namespace FastSidecar.Api.Grpc;

/// <summary>One call of a method that this sidecar serves itself: its messages, its answer, its end. Reused.</summary>
internal sealed class GrpcCall
{
    private readonly GrpcService _owner;
    private readonly TimeProvider _time;
    private readonly GrpcMessageReader _reader = new();
    private readonly Action _onEnded;
    private Http2Stream _stream = null!;
    private PeerEncoding _encoding;
    private ValueTask _running;

    /// <summary>The request is one message, so that grpc-go reads it before any handler.</summary>
    private bool _isReadingUnary;

    public GrpcCall(GrpcService owner, TimeProvider time)
    {
        _owner = owner;
        _time = time;
        _onEnded = OnEnded;
        Invoke = new InvokeServiceCall(this, time);
    }

    public GrpcAnswers Answers { get; } = new();

    /// <summary>What an invocation needs beside; in use by the one method that invokes.</summary>
    public InvokeServiceCall Invoke { get; }

    /// <summary>The head of the request.</summary>
    public HeaderList Headers => _stream.Headers;

    /// <summary>Where the answer's messages go.</summary>
    public System.IO.Pipelines.PipeWriter Output => _stream.Output;

    /// <summary>There when the caller set one.</summary>
    public CallDeadline? Deadline { get; private set; }

    /// <summary>Cancelled when the caller is gone or waits no longer.</summary>
    public CancellationToken Abandoned => Deadline?.Token ?? _stream.Aborted;

    /// <summary>The message read last.</summary>
    public ReadOnlyMemory<byte> Message => _reader.Message;

    /// <summary>The caller packs its messages, so its answer is packed too, as grpc-go does it.</summary>
    public bool IsPacked => _encoding.IsGzip;

    /// <summary>Handles the stream to its end, then gives this object back to its owner. Returns at the first wait.</summary>
    public void Run(Http2Stream stream, IGrpcMethod method, TimeSpan? timeout, bool echoesBaggage)
    {
#pragma warning disable CA2012 // One consumer, once: OnEnded.
        _running = RunAsync(stream, method, timeout, echoesBaggage);
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

    /// <summary>Reads the one message of a unary call.</summary>
    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder))]
    public async ValueTask ReadUnaryAsync()
    {
        _isReadingUnary = true;
        if (!await _reader.ReadAsync(Abandoned))
        {
            throw PeerMessageException.Status(GrpcStatusCode.Unknown, "EOF");
        }
    }

    /// <summary>Reads the next message of a stream; false when the caller has ended its side.</summary>
    public ValueTask<bool> ReadAsync() => _reader.ReadAsync(Abandoned);

    /// <summary>The request was understood: what fails from here on is the handler's.</summary>
    public void BeginHandling() => _isReadingUnary = false;

    /// <summary>The whole answer: one message and the status OK.</summary>
    public void Reply(MessageBuilder message)
    {
        WriteTracedHead();
        Write(message);
        Answers.Succeed();
    }

    /// <summary>The head of an answer of any number of messages.</summary>
    public void WriteHead()
    {
        if (IsPacked)
        {
            Answers.WriteHead(new HeaderList(), isPacked: true);
        }
        else
        {
            Answers.WriteHead(withTrace: false);
        }
    }

    /// <summary>A message of an answer whose head has been written.</summary>
    public void Write(MessageBuilder message)
    {
        if (IsPacked)
        {
            GzipMessage.Write(Output, message.Span);
            return;
        }

        const int PrefixBytes = 5;
        var prefix = Output.GetSpan(PrefixBytes);
        new WireWriter(prefix).MessagePrefix(message.Span.Length);
        Output.Advance(PrefixBytes);
        System.Buffers.BuffersExtensions.Write(Output, message.Span);
    }

    /// <summary>Sends what was written.</summary>
    public void Flush() => _stream.Flush();

    /// <summary>A handler's failure. Past the deadline it is not told: whatever failed, failed because of that.</summary>
    public void Fail(GrpcStatusCode code, string text, ReadOnlySpan<byte> details = default)
    {
        if (Deadline is not { HasPassed: true })
        {
            Answers.Fail(code, text, details);
        }
    }

    /// <summary>What fails below the handler, or is told in one frame although it does not.</summary>
    public void Refuse(GrpcStatusCode code, string text)
    {
        if (Deadline is not { HasPassed: true } && !Answers.Ended)
        {
            Answers.Refuse(code, text);
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
    private async ValueTask RunAsync(Http2Stream stream, IGrpcMethod method, TimeSpan? timeout, bool echoesBaggage)
    {
        _stream = stream;
        Answers.Start(stream);
        Answers.EchoesBaggage = echoesBaggage;
        var started = _time.GetTimestamp();
        try
        {
            if (timeout is { } given)
            {
                Deadline = new CallDeadline(given, stream, _time);
            }

            if (!TakeEncoding())
            {
                return;
            }

            await method.RunAsync(this);
        }
        catch (PeerMessageException e)
        {
            FailReading(e.Code, e.IsStatus ? e.Text : e.Message);
        }
        catch (ProtobufException e)
        {
            var before = _isReadingUnary ? "grpc: error unmarshalling request: " : "grpc: failed to unmarshal the received message: ";
            FailReading(GrpcStatusCode.Internal, before + e.Message);
        }
        catch (Exception e) when (e is Http2StreamException or Http2ConnectionException or OperationCanceledException)
        {
            // The caller is gone, or its deadline has passed: nothing more is said on this stream. Disposing it resets it with CANCEL where
            // it is open, as grpc-go does at a deadline.
        }
        catch (Exception)
        {
            // A bug: OnEnded reports it.
            _stream.Reset(Http2ErrorCode.InternalError);
            throw;
        }
        finally
        {
            _owner.Called(_stream.Headers, EndedWith(), _time.GetElapsedTime(started));
            _reader.Release();
            _stream.Dispose(); // which completes the input
            _stream = null!;
            Answers.Clear();
            _isReadingUnary = false;
            Deadline?.Dispose();
            Deadline = null;
        }
    }

    /// <summary>The status told, or that which grpc-go has for a call that nobody is told of.</summary>
    private GrpcStatusCode EndedWith() => Answers.Ended ? Answers.Code
        : Deadline is { HasPassed: true } ? GrpcStatusCode.DeadlineExceeded
        : GrpcStatusCode.Canceled;

    /// <summary>False, and answered, when the caller's messages are packed in a way that nobody here can unpack.</summary>
    private bool TakeEncoding()
    {
        _stream.Headers.TryGet("grpc-encoding"u8, out var encoding);
        _encoding = PeerEncoding.Parse(encoding);
        _reader.Start(_stream.Input, _encoding, _owner.MaxMessageBytes);
        if (!_encoding.IsUnknown)
        {
            return true;
        }

        var refusal = _encoding.Refusal(byServer: true)!;
        Answers.Refuse(refusal.Code, refusal.Text);
        return false;
    }

    /// <summary>grpc-go tells what it finds itself in one HEADERS frame; of a stream the handler reads, and tells it behind a head.</summary>
    private void FailReading(GrpcStatusCode code, string text)
    {
        if (_isReadingUnary)
        {
            Refuse(code, text);
        }
        else
        {
            Fail(code, text);
        }
    }

    /// <summary>A head with nothing but the trace context that every unary answer of a handler has.</summary>
    private void WriteTracedHead()
    {
        if (!IsPacked)
        {
            Answers.WriteHead(withTrace: true);
            return;
        }

        var trace = new HeaderList();
        Invocation.TraceContext.Zero.AddGrpcBinary(trace);
        Answers.WriteHead(trace, isPacked: true);
    }
}
