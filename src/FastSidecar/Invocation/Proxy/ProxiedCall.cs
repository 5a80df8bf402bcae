using System.Runtime.CompilerServices;
using System.Text;
using FastSidecar.Invocation.Grpc;
using FastSidecar.Protocol.Peer;
using FastSidecar.Transport.Async;
using FastSidecar.Transport.Grpc;
using FastSidecar.Transport.Http2;

namespace FastSidecar.Invocation.Proxy;

/// <summary>One proxied call as it came in, and its request. Reused.</summary>
internal sealed class ProxiedCall
{
    /// <summary>Most bytes of a target's name that are remembered: one that is longer is made to text for each call.</summary>
    private const int LongestRemembered = 256;

    private readonly ProxiedCalls _owner;
    private readonly ProxyAnswer _answer = new();
    private readonly MessageInput _messages = new();
    private readonly InvokeRequest _request = new();
    private readonly Action _onEnded;
    private Http2Stream _stream = null!;
    private ValueTask _running;
    private ByteText _lastTarget;
    private string _lastTargetText = "";
    private bool _isBulky;

    public ProxiedCall(ProxiedCalls owner)
    {
        _owner = owner;
        _onEnded = OnEnded;
    }

    /// <summary>Cancelled when the caller is gone or waits no longer.</summary>
    private CancellationToken Abandoned => _request.Deadline?.Token ?? _stream.Aborted;

    /// <summary>For what the stream itself breaks off when the caller is gone.</summary>
    private CancellationToken Deadline => _request.Deadline?.Token ?? CancellationToken.None;

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

        if (!_isBulky)
        {
            _owner.Return(this);
        }
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder))]
    private async ValueTask RunAsync(Http2Stream stream)
    {
        _stream = stream;
        _answer.Start(stream);
        try
        {
            if (TakeRequest() is { } refused)
            {
                Fail(refused);
                return;
            }

            var result = await _owner.Target.InvokeAsync(_request, Abandoned);
            if (result.Failed)
            {
                result = await _owner.Target.RepeatAsync(_request, result.Error, Abandoned);
            }

            if (result.Failed)
            {
                Fail(result.Error);
                return;
            }

            await PassOnAsync(result.Response);
        }
        catch (InvokeBodyException e)
        {
            // The target broke off, perhaps after part of its answer had left.
            Fail(e.Error);
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
            var deadline = _request.Deadline;
            _request.Body.Finish();
            _isBulky = HeaderMemory.IsBulky(_request.Metadata);
            _request.Clear();
            _messages.Release();
            _stream.Dispose(); // which completes the input
            _stream = null!;
            _answer.Clear();
            deadline?.Dispose();
        }
    }

    /// <summary>Turns the call's head into the request that everything below understands; or why that is refused.</summary>
    private InvokeError? TakeRequest()
    {
        var head = _stream.Headers;
        var options = _owner.Options;
        if (options.ChecksBaggage && head.Contains("baggage"u8))
        {
            if (Baggage.Validate(head) is { } invalid)
            {
                return new InvokeError(ErrorSide.Client, GrpcStatusCode.InvalidArgument, invalid);
            }

            _answer.EchoesBaggage = true;
        }

        var fields = ProxyMetadata.CopyRequest(head, options.Origin, _request.Metadata);
        var encoding = fields.Encoding < 0 ? default : PeerEncoding.Parse(head.Value(fields.Encoding));
        if (encoding.IsUnknown && encoding.Refusal(byServer: true) is { } refusal)
        {
            return new InvokeError(ErrorSide.Client, refusal.Code, refusal.Text);
        }

        if (fields.Timeout >= 0 && TimeoutHeader.TryParse(head.Value(fields.Timeout), out var timeout, out _))
        {
            _request.Deadline = new CallDeadline(timeout, _stream, _owner.Time);
        }

        _answer.Packs = encoding.IsGzip;
        _request.Target = TextOf(head.Value(fields.Target));
        _request.Method.Set(head.Value(fields.Path));
        _request.FromPeer = options.Origin == ProxyOrigin.Peer;
        _request.SetTraceFromGrpc(head);
        _messages.Start(_stream.Input, encoding, options.MaxMessageBytes, isAnswer: false);
        _request.Body.Start(_messages, length: null, BodyKind.Messages, limitBytes: 0, keepAtMost: 0);
        return null;
    }

    /// <summary>Most calls that an object serves are for the same app: its name is made to text once.</summary>
    private string TextOf(ReadOnlySpan<byte> target)
    {
        if (target.Length > LongestRemembered)
        {
            return Encoding.UTF8.GetString(target);
        }

        if (!target.SequenceEqual(_lastTarget.Span))
        {
            _lastTarget.Set(target);
            _lastTargetText = Encoding.UTF8.GetString(target);
        }

        return _lastTargetText;
    }

    /// <summary>The answer's head leaves at once; messages follow as they come from the target, and then its trailers.</summary>
    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder))]
    private async ValueTask PassOnAsync(InvokeResponse response)
    {
        await using var use = response;
        var body = response.Body;
        var output = _stream.Output;
        if (response.Headers.Count > 0)
        {
            _answer.WriteHead(response.Headers);
        }

        while (true)
        {
            if (!body.TryRead(out var read))
            {
                // Waits while the caller's window is used up: then nothing more is taken from the target either.
                if (_answer.HasHead && (await output.FlushAsync(Deadline)).IsCompleted)
                {
                    return;
                }

                read = await body.ReadAsync(Abandoned);
            }

            var data = read.Buffer;
            var stopped = !data.IsEmpty && await _answer.SendAsync(data, Deadline);
            body.AdvanceTo(data.End);
            if (stopped)
            {
                return;
            }

            if (read.IsCompleted)
            {
                break;
            }
        }

        _answer.End(response.Trailers!);
    }

    /// <summary>Past the deadline nothing is told: whatever failed, failed because of that.</summary>
    private void Fail(InvokeError error)
    {
        if (_request.Deadline is not { HasPassed: true })
        {
            _answer.Fail(error.Code ?? GrpcStatusCode.Unknown, error.Text);
        }
    }
}
