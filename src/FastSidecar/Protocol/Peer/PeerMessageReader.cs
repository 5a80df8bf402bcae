using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using FastSidecar.Protocol.Protobuf;
using FastSidecar.Transport.Async;

namespace FastSidecar.Protocol.Peer;

/// <summary>
/// Reads one direction of a CallLocalStream or CallLocal call: first the head, then, as a <see cref="PipeReader"/>, the body that lies in
/// the payloads of the first and all later messages. Body bytes are handed out where the inner reader holds them and as they arrive; a
/// message is read as a whole, into memory of our own, only when it is compressed, unary, or its head is unusually large or stands behind
/// its payload.
/// </summary>
/// <remarks>
/// Errors are <see cref="PeerMessageException"/> with Dapr's and grpc-go's texts, or whatever the inner reader throws. Body bytes that came
/// before an error are handed out before it is thrown. Reused through
/// <see cref="Start"/>; not thread-safe, one read at a time. <see cref="Complete"/> completes the inner reader and gives back all memory.
/// </remarks>
internal sealed class PeerMessageReader : PipeReader
{
    private readonly PeerWholeMessage _whole = new();
    private readonly PeerBody _body;

    public PeerMessageReader()
    {
        _body = new PeerBody(_whole);
    }

    /// <summary>Readies the object for a call, which ends with <see cref="Complete"/> or <see cref="Release"/>.</summary>
    public void Start(in PeerInput input) => _body.Start(input);

    /// <summary>
    /// Reads the first message's request or response into <paramref name="head"/>, without waiting for the payload behind it. Called once,
    /// before any other read. On a unary call of a caller it waits for the end of the stream as well, so that its status is known.
    /// </summary>
    /// <exception cref="PeerMessageException">No message, a wrong one, or one without the fields that Dapr requires.</exception>
    public ValueTask ReadHeadAsync(PeerHead head, CancellationToken cancellationToken)
    {
        _body.Head = head;
        if (_body.Input.Encoding.IsUnknown && head.IsRequest)
        {
            // A server looks at the encoding before the first message, a client only when a message uses it.
            return ValueTask.FromException(_body.Input.Encoding.Refusal(byServer: true)!);
        }

        if (_body.IsWholeWanted)
        {
            return ReadHeadAwaitedAsync(default, hasRead: false, cancellationToken);
        }

        var read = _body.Input.Bytes.ReadAsync(cancellationToken);
        if (!read.IsCompletedSuccessfully)
        {
            return ReadHeadAwaitedAsync(read, hasRead: true, cancellationToken);
        }

        try
        {
            return TakeHead(read.GetAwaiter().GetResult()) ? default : ReadHeadAwaitedAsync(default, hasRead: false, cancellationToken);
        }
        catch (PeerMessageException e)
        {
            return ValueTask.FromException(e);
        }
    }

    /// <inheritdoc/>
    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (_body.TryReadHeld(out var result) || _body.TryTakeBehindHead(out result))
        {
            return new ValueTask<ReadResult>(result);
        }

        while (!_body.IsWholeWanted)
        {
            var read = _body.Input.Bytes.ReadAsync(cancellationToken);
            if (!read.IsCompletedSuccessfully)
            {
                return ReadAwaitedAsync(read, hasRead: true, cancellationToken);
            }

            if (_body.TryTake(read.GetAwaiter().GetResult(), out result))
            {
                return new ValueTask<ReadResult>(result);
            }
        }

        return ReadAwaitedAsync(default, hasRead: false, cancellationToken);
    }

    /// <inheritdoc/>
    public override bool TryRead(out ReadResult result)
    {
        if (_body.TryReadHeld(out result) || _body.TryTakeBehindHead(out result))
        {
            return true;
        }

        // A message that has to be read as a whole is left to ReadAsync.
        while (!_body.IsWholeWanted && _body.Input.Bytes.TryRead(out var read))
        {
            if (_body.TryTake(read, out result))
            {
                return true;
            }
        }

        return false;
    }

    /// <inheritdoc/>
    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    /// <inheritdoc/>
    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => _body.AdvanceTo(consumed, examined);

    /// <inheritdoc/>
    public override void CancelPendingRead() => _body.CancelRead();

    /// <inheritdoc/>
    public override void Complete(Exception? exception = null)
    {
        var input = _body.Input.Bytes;
        Release();
        input?.Complete(exception);
    }

    /// <summary>Gives back all memory. The inner reader is left as it is: its owner ends it now, by other means than its completion.</summary>
    public void Release() => _body.Clear();

    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder))]
    private async ValueTask ReadHeadAwaitedAsync(ValueTask<ReadResult> read, bool hasRead, CancellationToken cancellationToken)
    {
        while (!_body.IsWholeWanted)
        {
            var result = await (hasRead ? read : _body.Input.Bytes.ReadAsync(cancellationToken));
            hasRead = false;
            if (TakeHead(result))
            {
                return;
            }
        }

        await ReadWholeHeadAsync(cancellationToken);
    }

    /// <summary>True when the head is read; else more input is needed, or the message has to be read as a whole.</summary>
    private bool TakeHead(in ReadResult result)
    {
        var step = PeerHeadParser.Take(result, _body.Input, _body.Head, ref _body.Cursor, out var headEnd);
        _body.IsWholeWanted = step == HeadStep.ReadWhole;
        if (step != HeadStep.Done)
        {
            return false;
        }

        _body.HoldBehindHead(result, headEnd);
        return true;
    }

    private async ValueTask ReadWholeHeadAsync(CancellationToken cancellationToken)
    {
        await _whole.ReadAsync(_body.Input, _body.Head, cancellationToken);
        _body.IsWholeWanted = false;
        try
        {
            TakeWholeHead(_whole.Message);
        }
        catch (ProtobufException e)
        {
            throw PeerFaults.Unparsable(e, _body.Head, _body.Input.IsUnary);
        }

        _whole.DropMessage();
        if (_body.Input.IsUnary)
        {
            await ReadUnaryEndAsync(cancellationToken);
        }
    }

    private void TakeWholeHead(ReadOnlyMemory<byte> message)
    {
        if (_body.Input.IsUnary)
        {
            ReadOnlySpan<byte> body = default;
            _body.Head.Clear();
            _body.Head.Merge(message.Span, ref body);
            _body.Head.Finish(!body.IsEmpty, isUnary: true);
            _body.Head.ThrowIfIncomplete(isUnary: true);
            _whole.AppendBody(body);
        }
        else
        {
            // All of the message is here, so parsing either succeeds or throws.
            _ = PeerHeadParser.TryParse(new ReadOnlySequence<byte>(message), message.Length, _body.Head, out var used, out var envelopeIsRead);
            _body.Head.ThrowIfIncomplete(isUnary: false);
            _body.TakeWhole(message[(int)used..], envelopeIsRead);
        }
    }

    /// <summary>
    /// A callee leaves unread what follows the one message, as grpc-go does; a caller needs the trailers and refuses a second message.
    /// </summary>
    private async ValueTask ReadUnaryEndAsync(CancellationToken cancellationToken)
    {
        var isCompleted = _body.Head.IsRequest;
        while (!isCompleted)
        {
            var result = await _body.Input.Bytes.ReadAsync(cancellationToken);
            var isEmpty = result.Buffer.IsEmpty;
            isCompleted = result.IsCompleted;
            _body.Input.Bytes.AdvanceTo(result.Buffer.End);
            PeerFaults.ThrowIfCanceled(result);
            if (!isEmpty)
            {
                throw PeerFaults.SecondMessage();
            }
        }

        _body.End();
        if (!_body.Head.IsRequest && _body.Input.End?.FailureAtEnd(inBody: false) is { } failure)
        {
            throw failure;
        }
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> ReadAwaitedAsync(ValueTask<ReadResult> read, bool hasRead, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (_body.IsWholeWanted)
            {
                await ReadWholeLaterAsync(cancellationToken);
            }
            else
            {
                var input = await (hasRead ? read : _body.Input.Bytes.ReadAsync(cancellationToken));
                hasRead = false;
                if (_body.TryTake(input, out var payload))
                {
                    return payload;
                }
            }

            if (_body.TryReadHeld(out var result))
            {
                return result;
            }
        }
    }

    private async ValueTask ReadWholeLaterAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _whole.ReadAsync(_body.Input, _body.Head, cancellationToken);
            _body.IsWholeWanted = false;
            _body.TakeWhole(_whole.Message, envelopeIsRead: false);
            _whole.DropMessage();
        }
        catch (PeerMessageException e) when (e.IsStatus)
        {
            _body.IsWholeWanted = false;
            _body.Fail(PeerMessageException.Receiving(e.Code, e.Text));
        }
    }
}
