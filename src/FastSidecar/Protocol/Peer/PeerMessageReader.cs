using System.Buffers;
using System.Diagnostics;
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
/// <see cref="Start"/>; not thread-safe, one read at a time.
/// <see cref="Complete"/> completes the
/// inner reader and gives back all memory.
/// </remarks>
internal sealed class PeerMessageReader : PipeReader
{
    private readonly PayloadPieces _pieces = new();
    private readonly PeerWholeMessage _whole = new();
    private PeerInput _input;
    private PeerHead _head = null!;

    /// <summary>Where the consumed part of the input ends.</summary>
    private PeerPayloadCursor _cursor;

    /// <summary>What is thrown once all bytes before it are consumed.</summary>
    private Exception? _fault;
    private bool _ended;

    /// <summary>The next message has to be read as a whole.</summary>
    private bool _wholeWanted;
    private PayloadLoan _loan;

    /// <summary>How many unconsumed body bytes in the input the consumer has examined: the next read has to hand out more.</summary>
    private long _examinedBytes;

    /// <summary>Readies the object for a call, whose input is completed by <see cref="Complete"/>.</summary>
    public void Start(in PeerInput input)
    {
        _input = input;
        _cursor = default;
        _fault = null;
        _ended = false;
        _wholeWanted = input.IsUnary;
        _loan = default;
        _examinedBytes = 0;
        _whole.Clear();
    }

    /// <summary>
    /// Reads the first message's request or response into <paramref name="head"/>, without waiting for the payload behind it. Called once,
    /// before any other read. On a unary call of a caller it waits for the end of the stream as well, so that its status is known.
    /// </summary>
    /// <exception cref="PeerMessageException">No message, a wrong one, or one without the fields that Dapr requires.</exception>
    public ValueTask ReadHeadAsync(PeerHead head, CancellationToken cancellationToken)
    {
        _head = head;
        if (_input.Encoding.IsUnknown && head.IsRequest)
        {
            // A server looks at the encoding before the first message, a client only when a message uses it.
            return ValueTask.FromException(_input.Encoding.Refusal(byServer: true)!);
        }

        if (_wholeWanted)
        {
            return ReadHeadAwaitedAsync(default, hasRead: false, cancellationToken);
        }

        var read = _input.Bytes.ReadAsync(cancellationToken);
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
        if (TryReadHeld(out var result))
        {
            return new ValueTask<ReadResult>(result);
        }

        while (!_wholeWanted)
        {
            var read = _input.Bytes.ReadAsync(cancellationToken);
            if (!read.IsCompletedSuccessfully)
            {
                return ReadAwaitedAsync(read, hasRead: true, cancellationToken);
            }

            if (TryTakePayload(read.GetAwaiter().GetResult(), out result))
            {
                return new ValueTask<ReadResult>(result);
            }
        }

        return ReadAwaitedAsync(default, hasRead: false, cancellationToken);
    }

    /// <inheritdoc/>
    public override bool TryRead(out ReadResult result)
    {
        if (TryReadHeld(out result))
        {
            return true;
        }

        // A message that has to be read as a whole is left to ReadAsync.
        while (!_wholeWanted && _input.Bytes.TryRead(out var read))
        {
            if (TryTakePayload(read, out result))
            {
                return true;
            }
        }

        return false;
    }

    /// <inheritdoc/>
    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    /// <inheritdoc/>
    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        var loan = _loan;
        _loan = default;
        switch (loan.Source)
        {
            case PayloadSource.Input:
                AdvanceInput(loan, consumed, examined);
                break;
            case PayloadSource.Whole:
                _whole.Consume(loan.BytesUpTo(consumed), loan.IsEnd(examined));
                break;
            case PayloadSource.None:
                throw new InvalidOperationException("nothing was read that could be advanced over");
        }
    }

    /// <inheritdoc/>
    public override void CancelPendingRead() => _input.Bytes.CancelPendingRead();

    /// <inheritdoc/>
    public override void Complete(Exception? exception = null)
    {
        var input = _input.Bytes;
        _loan = default;
        _pieces.Clear();
        _whole.Clear();
        _input = default;
        _ended = true;
        input?.Complete(exception);
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder))]
    private async ValueTask ReadHeadAwaitedAsync(ValueTask<ReadResult> read, bool hasRead, CancellationToken cancellationToken)
    {
        while (!_wholeWanted)
        {
            var result = await (hasRead ? read : _input.Bytes.ReadAsync(cancellationToken));
            hasRead = false;
            if (TakeHead(result))
            {
                return;
            }
        }

        await ReadWholeHeadAsync(cancellationToken);
    }

    /// <summary>True when the head is read; else more input is needed, or <see cref="_wholeWanted"/> is set.</summary>
    private bool TakeHead(in ReadResult result)
    {
        var step = PeerHeadParser.Take(result, _input, _head, ref _cursor);
        _wholeWanted = step == HeadStep.ReadWhole;
        return step == HeadStep.Done;
    }

    private async ValueTask ReadWholeHeadAsync(CancellationToken cancellationToken)
    {
        await _whole.ReadAsync(_input, _head, cancellationToken);
        _wholeWanted = false;
        try
        {
            TakeWholeHead(_whole.Message);
        }
        catch (ProtobufException e)
        {
            throw PeerFaults.Unparsable(e, _head, _input.IsUnary);
        }

        _whole.DropMessage();
        if (_input.IsUnary)
        {
            await ReadUnaryEndAsync(cancellationToken);
        }
    }

    private void TakeWholeHead(ReadOnlyMemory<byte> message)
    {
        if (_input.IsUnary)
        {
            ReadOnlySpan<byte> body = default;
            _head.Clear();
            _head.Merge(message.Span, ref body);
            _head.Finish(!body.IsEmpty, isUnary: true);
            _head.ThrowIfIncomplete(isUnary: true);
            _whole.AppendBody(body);
        }
        else
        {
            // All of the message is here, so parsing either succeeds or throws.
            _ = PeerHeadParser.TryParse(new ReadOnlySequence<byte>(message), message.Length, _head, out var used, out var envelopeIsRead);
            _head.ThrowIfIncomplete(isUnary: false);
            _cursor.EnterMessage(message.Length - used, envelopeIsRead);
            TakeWholePayload(message[(int)used..]);
        }
    }

    /// <summary>
    /// A callee leaves unread what follows the one message, as grpc-go does; a caller needs the trailers and refuses a second message.
    /// </summary>
    private async ValueTask ReadUnaryEndAsync(CancellationToken cancellationToken)
    {
        var isCompleted = _head.IsRequest;
        while (!isCompleted)
        {
            var result = await _input.Bytes.ReadAsync(cancellationToken);
            var isEmpty = result.Buffer.IsEmpty;
            isCompleted = result.IsCompleted;
            _input.Bytes.AdvanceTo(result.Buffer.End);
            PeerFaults.ThrowIfCanceled(result);
            if (!isEmpty)
            {
                throw PeerFaults.SecondMessage();
            }
        }

        _ended = true;
        if (!_head.IsRequest && _input.End?.FailureAtEnd(inBody: false) is { } failure)
        {
            throw failure;
        }
    }

    /// <summary>What can be answered without the input: bytes of a message that was read as a whole, an error, the end.</summary>
    private bool TryReadHeld(out ReadResult result)
    {
        Debug.Assert(_loan.Source == PayloadSource.None, "read again before what was read was advanced over");
        if (_whole.TryGetBody(includeExamined: _ended, out var body))
        {
            result = Lend(new PayloadLoan(PayloadSource.Whole, body) { IsCompleted = _ended });
            return true;
        }

        if (_fault is not null)
        {
            throw _fault;
        }

        result = _ended ? Lend(new PayloadLoan(PayloadSource.End, ReadOnlySequence<byte>.Empty) { IsCompleted = true }) : default;
        return _ended;
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> ReadAwaitedAsync(ValueTask<ReadResult> read, bool hasRead, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (_wholeWanted)
            {
                await ReadWholeLaterAsync(cancellationToken);
            }
            else
            {
                var input = await (hasRead ? read : _input.Bytes.ReadAsync(cancellationToken));
                hasRead = false;
                if (TryTakePayload(input, out var payload))
                {
                    return payload;
                }
            }

            if (TryReadHeld(out var result))
            {
                return result;
            }
        }
    }

    /// <summary>
    /// Finds the body bytes in what was read. False when there is nothing to hand out: the input has been advanced, and more of it is
    /// needed, or
    /// <see cref="_wholeWanted"/> is set.
    /// </summary>
    private bool TryTakePayload(in ReadResult read, out ReadResult result)
    {
        var cursor = _cursor;
        var reader = new SequenceReader<byte>(read.Buffer);
        _pieces.Clear();
        var stop = cursor.Advance(ref reader, _head, _pieces, long.MaxValue, _input.MaxMessageBytes);
        var isEnd = stop == PayloadStop.NeedInput && read.IsCompleted;
        var fault = isEnd
            ? PeerFaults.AtEnd(_input, cursor, reader)
            : PeerFaults.Of(stop, _head, cursor, reader, _input.MaxMessageBytes);
        var loan = new PayloadLoan(PayloadSource.Input, _pieces.Sequence)
        {
            Buffer = read.Buffer,
            Cursor = cursor,
            Position = reader.Position,
            Stop = stop,
            Fault = fault,
            IsCompleted = isEnd && fault is null,
        };

        if (_whole.HasBody)
        {
            // The consumer left bytes that lie in our memory and wants more: they have to lie together.
            _whole.AppendBody(loan.Payload);
            Commit(loan);
            return TryReadHeld(out result);
        }

        if (loan.Payload.Length <= _examinedBytes && !loan.IsCompleted && !read.IsCanceled)
        {
            TakeNothingNew(loan);
            result = default;
            return _fault is null ? false : throw _fault;
        }

        result = Lend(loan, read.IsCanceled);
        return true;
    }

    private ReadResult Lend(in PayloadLoan loan, bool isCanceled = false)
    {
        _loan = loan;
        return new ReadResult(loan.Payload, isCanceled, loan.IsCompleted);
    }

    /// <summary>There are no body bytes but those that the consumer has seen and left.</summary>
    private void TakeNothingNew(in PayloadLoan loan)
    {
        if (loan.Payload.IsEmpty)
        {
            Commit(loan);
        }
        else if (loan.IsLast)
        {
            MoveToWhole(loan, loan.Payload);
        }
        else
        {
            _input.Bytes.AdvanceTo(loan.Buffer.Start, loan.Buffer.End);
        }

        _pieces.Clear();
    }

    private void AdvanceInput(in PayloadLoan loan, SequencePosition consumed, SequencePosition examined)
    {
        _examinedBytes = 0;
        if (loan.IsEnd(consumed))
        {
            Commit(loan);
        }
        else if (!loan.IsEnd(examined))
        {
            _input.Bytes.AdvanceTo(WalkTo(loan, consumed));
        }
        else if (loan.IsLast)
        {
            MoveToWhole(loan, loan.Payload.Slice(consumed));
        }
        else
        {
            _examinedBytes = loan.Payload.Slice(consumed).Length;
            _input.Bytes.AdvanceTo(WalkTo(loan, consumed), loan.Buffer.End);
        }

        _pieces.Clear();
    }

    /// <summary>Walks the same bytes again as far as the consumer went; what lies behind is found again by the next read.</summary>
    private SequencePosition WalkTo(in PayloadLoan loan, SequencePosition consumed)
    {
        var reader = new SequenceReader<byte>(loan.Buffer);
        _cursor.Advance(ref reader, _head, pieces: null, loan.BytesUpTo(consumed), _input.MaxMessageBytes);
        return reader.Position;
    }

    /// <summary>
    /// The consumer wants more behind <paramref name="left"/> than can be shown in place: a compressed message or an error comes next, or
    /// the pieces are too many.
    /// </summary>
    private void MoveToWhole(in PayloadLoan loan, in ReadOnlySequence<byte> left)
    {
        _examinedBytes = 0;
        _whole.AppendBody(left);
        _whole.Consume(0, examinedAll: true);
        Commit(loan);
    }

    /// <summary>Everything that was found is consumed.</summary>
    private void Commit(in PayloadLoan loan)
    {
        _cursor = loan.Cursor;
        _fault = loan.Fault;
        _ended = loan.IsCompleted;
        _wholeWanted = loan.Stop == PayloadStop.Compressed;

        // After NeedInput the rest, if there is one, is the beginning of something that cannot be read in part.
        _input.Bytes.AdvanceTo(loan.Position, loan.Stop == PayloadStop.NeedInput ? loan.Buffer.End : loan.Position);
    }

    private async ValueTask ReadWholeLaterAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _whole.ReadAsync(_input, _head, cancellationToken);
            _wholeWanted = false;
            _cursor.EnterMessage(_whole.Message.Length, envelopeIsRead: false);
            TakeWholePayload(_whole.Message);
            _whole.DropMessage();
        }
        catch (PeerMessageException e) when (e.IsStatus)
        {
            _wholeWanted = false;
            _fault = PeerMessageException.Receiving(e.Code, e.Text);
        }
    }

    /// <summary>Copies the body bytes out of the rest of a message that lies in our memory.</summary>
    private void TakeWholePayload(ReadOnlyMemory<byte> rest)
    {
        var reader = new SequenceReader<byte>(new ReadOnlySequence<byte>(rest));
        PayloadStop stop;
        do
        {
            _pieces.Clear();
            stop = _cursor.Advance(ref reader, _head, _pieces, long.MaxValue, _input.MaxMessageBytes);
            _whole.AppendBody(_pieces.Sequence);
        }
        while (stop == PayloadStop.Limit);

        _pieces.Clear();
        _fault = PeerFaults.Of(stop, _head, _cursor, reader, _input.MaxMessageBytes);
    }
}
