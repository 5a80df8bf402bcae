using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using FastSidecar.Protocol.Protobuf;
using FastSidecar.Transport.Grpc;

namespace FastSidecar.Protocol.Peer;

/// <summary>
/// Reads one direction of a CallLocalStream or CallLocal call: first the head, then, as a <see cref="PipeReader"/>, the body that lies in the payloads of the
/// first and all later messages. Body bytes are handed out where the inner reader holds them and as they arrive; a message is read as a whole, into memory of
/// our own, only when it is compressed, unary, or its head is unusually large or stands behind its payload.
/// </summary>
/// <remarks>
/// Errors are <see cref="PeerMessageException"/> with Dapr's and grpc-go's texts, or whatever the inner reader throws. Body bytes that came before an
/// error are handed out before it is thrown. Reused through <see cref="Start"/>; not thread-safe, one read at a time. <see cref="Complete"/> completes the
/// inner reader and gives back all memory.
/// </remarks>
internal sealed class PeerMessageReader : PipeReader
{
    /// <summary>
    /// A head of which this much has come without its end is moved to memory of our own: credit for the stream's window comes from consuming, so waiting
    /// for more than a window would wait for ever. No window in use is below 65,535 bytes (RFC 9113 §6.9.2).
    /// </summary>
    private const int WholeThresholdBytes = 32 * 1024;

    private const string ParseFailureText = "grpc: failed to unmarshal the received message: ";

    private readonly PayloadPieces _pieces = new();
    private readonly PeerWholeMessage _whole = new();
    private PipeReader _input = null!;
    private PeerHead _head = null!;
    private IPeerStreamEnd? _end;
    private PeerEncoding _encoding;
    private int _maxMessageBytes;
    private bool _unary;

    /// <summary>Where the consumed part of the input ends.</summary>
    private PeerPayloadCursor _cursor;

    /// <summary>What is thrown once all bytes before it are consumed.</summary>
    private Exception? _fault;
    private bool _ended;
    private bool _wholeWanted;
    private Loan _loan;

    /// <summary>How many unconsumed body bytes the consumer has examined: the next read has to hand out more.</summary>
    private long _examinedBytes;

    private enum LoanKind : byte
    {
        None,
        Input,
        Whole,
        End,
    }

    private enum Step : byte
    {
        Ready,
        ReadMore,
    }

    /// <summary>Readies the object for a call.</summary>
    /// <param name="input">The stream's bytes; completed by <see cref="Complete"/>.</param>
    /// <param name="encoding">The call's <c>grpc-encoding</c>.</param>
    /// <param name="maxMessageBytes">Limit for one message, before and after decompression; the whole stream has none.</param>
    /// <param name="unary">CallLocal, as against CallLocalStream.</param>
    /// <param name="end">Asked whether the end of the bytes is a good one; null where every whole message is a good end, as it is for a callee.</param>
    public void Start(PipeReader input, PeerEncoding encoding, int maxMessageBytes, bool unary, IPeerStreamEnd? end)
    {
        _input = input;
        _encoding = encoding;
        _maxMessageBytes = maxMessageBytes;
        _unary = unary;
        _end = end;
        _cursor = default;
        _fault = null;
        _ended = false;
        _wholeWanted = unary;
        _loan = default;
        _examinedBytes = 0;
        _whole.Clear();
    }

    /// <summary>
    /// Reads the first message's request or response into <paramref name="head"/>, without waiting for the payload behind it. Called once, before any other
    /// read. On a unary call of a caller it waits for the end of the stream as well, so that its status is known.
    /// </summary>
    /// <exception cref="PeerMessageException">No message, a wrong one, or one without the fields that Dapr requires.</exception>
    public ValueTask ReadHeadAsync(PeerHead head, CancellationToken cancellationToken)
    {
        _head = head;
        if (_encoding.IsUnknown && head.IsRequest)
        {
            return ValueTask.FromException(_encoding.Refusal(byServer: true)!);
        }

        if (_wholeWanted)
        {
            return ReadHeadAwaitedAsync(default, hasRead: false, cancellationToken);
        }

        var read = _input.ReadAsync(cancellationToken);
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
            var read = _input.ReadAsync(cancellationToken);
            if (!read.IsCompletedSuccessfully)
            {
                return ReadAwaitedAsync(read, hasRead: true, cancellationToken);
            }

            if (TakePayload(read.GetAwaiter().GetResult(), out result) == Step.Ready)
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
        while (!_wholeWanted && _input.TryRead(out var read))
        {
            if (TakePayload(read, out result) == Step.Ready)
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
        switch (loan.Kind)
        {
            case LoanKind.Input:
                AdvanceInput(loan, consumed, examined);
                break;
            case LoanKind.Whole:
                _whole.Consume(loan.BytesUpTo(consumed), loan.IsEnd(examined));
                break;
            case LoanKind.None:
                throw new InvalidOperationException("nothing was read that could be advanced over");
        }
    }

    /// <inheritdoc/>
    public override void CancelPendingRead() => _input.CancelPendingRead();

    /// <inheritdoc/>
    public override void Complete(Exception? exception = null)
    {
        _loan = default;
        _pieces.Clear();
        _whole.Clear();
        _end = null;
        _ended = true;
        _input.Complete(exception);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask ReadHeadAwaitedAsync(ValueTask<ReadResult> read, bool hasRead, CancellationToken cancellationToken)
    {
        while (!_wholeWanted)
        {
            var result = await (hasRead ? read : _input.ReadAsync(cancellationToken));
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
        var buffer = result.Buffer;
        var consumed = buffer.Start;
        var examined = buffer.End;
        try
        {
            ThrowIfCanceled(result);
            var reader = new SequenceReader<byte>(buffer);
            if (!PeerPayloadCursor.TryPeekPrefix(reader, out var flag, out var length))
            {
                ThrowIfCut(result);
                return false;
            }

            CheckPrefix(flag, length);
            var message = buffer.Slice(PeerPayloadCursor.PrefixBytes);
            message = message.Length > length ? message.Slice(0, length) : message;
            if (flag == 0 && PeerHeadParser.TryParse(message, length, _head, out var used, out var envelopeIsRead))
            {
                ThrowIfIncomplete();
                _cursor.EnterMessage(length - used, envelopeIsRead);
                consumed = buffer.GetPosition(PeerPayloadCursor.PrefixBytes + used);
                examined = consumed;
                return true;
            }

            _wholeWanted = flag == 1 || buffer.Length >= WholeThresholdBytes;
            if (_wholeWanted)
            {
                examined = consumed;
                return false;
            }

            ThrowIfCut(result);
            return false;
        }
        catch (ProtobufException e)
        {
            throw Unparsable(e);
        }
        finally
        {
            _input.AdvanceTo(consumed, examined);
        }
    }

    private async ValueTask ReadWholeHeadAsync(CancellationToken cancellationToken)
    {
        await GatherAsync(cancellationToken);
        try
        {
            if (_unary)
            {
                TakeUnary();
            }
            else
            {
                _ = PeerHeadParser.TryParse(new ReadOnlySequence<byte>(_whole.Message), _whole.Message.Length, _head, out var used, out var envelopeIsRead);
                ThrowIfIncomplete();
                _cursor.EnterMessage(_whole.Message.Length - used, envelopeIsRead);
                TakeWholePayload(_whole.Message[(int)used..]);
            }
        }
        catch (ProtobufException e)
        {
            throw Unparsable(e);
        }

        _whole.DropMessage();
        if (_unary)
        {
            await ReadUnaryEndAsync(cancellationToken);
        }
    }

    private void TakeUnary()
    {
        ReadOnlySpan<byte> dataValue = default;
        _head.Clear();
        _head.Merge(_whole.Message.Span, ref dataValue);
        _head.Finish(!dataValue.IsEmpty, unary: true);
        ThrowIfIncomplete();
        if (_whole.Message.Span.Overlaps(dataValue, out var start))
        {
            _whole.Append(new ReadOnlySequence<byte>(_whole.Message.Slice(start, dataValue.Length)));
        }
    }

    /// <summary>A callee leaves unread what follows the one message, as grpc-go does; a caller needs the trailers and refuses a second message.</summary>
    private async ValueTask ReadUnaryEndAsync(CancellationToken cancellationToken)
    {
        while (!_head.IsRequest)
        {
            var result = await _input.ReadAsync(cancellationToken);
            var isEmpty = result.Buffer.IsEmpty;
            _input.AdvanceTo(result.Buffer.End);
            ThrowIfCanceled(result);
            if (!isEmpty)
            {
                throw PeerMessageException.Status(
                    GrpcStatusCode.Internal, "cardinality violation: expected <EOF> for non server-streaming RPCs, but received another message");
            }

            if (result.IsCompleted)
            {
                if (_end?.FailureAtEnd(inBody: false) is { } failure)
                {
                    throw failure;
                }

                break;
            }
        }

        _ended = true;
    }

    /// <summary>What can be answered without the input: bytes of a message that was read as a whole, an error, the end.</summary>
    private bool TryReadHeld(out ReadResult result)
    {
        Debug.Assert(_loan.Kind == LoanKind.None, "read again before what was read was advanced over");
        if (_whole.TryGetBody(includeExamined: _ended, out var body))
        {
            result = Lend(new Loan(LoanKind.Whole, body), isCompleted: _ended);
            return true;
        }

        if (_fault is not null)
        {
            throw _fault;
        }

        result = _ended ? Lend(new Loan(LoanKind.End, ReadOnlySequence<byte>.Empty), isCompleted: true) : default;
        return _ended;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
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
                var input = await (hasRead ? read : _input.ReadAsync(cancellationToken));
                hasRead = false;
                if (TakePayload(input, out var payload) == Step.Ready)
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
    /// Finds the body bytes in what was read. When there is nothing to hand out the input has been advanced; more input is needed, or
    /// <see cref="_wholeWanted"/> is set.
    /// </summary>
    private Step TakePayload(in ReadResult read, out ReadResult result)
    {
        var cursor = _cursor;
        var reader = new SequenceReader<byte>(read.Buffer);
        _pieces.Clear();
        var stop = cursor.Advance(ref reader, _head, _pieces, long.MaxValue, _maxMessageBytes);
        var isCut = stop == PayloadStop.NeedInput && read.IsCompleted;
        var fault = isCut ? FaultAtEnd(cursor, reader) : FaultOf(stop, cursor, reader);
        var loan = new Loan(LoanKind.Input, _pieces.Sequence)
        {
            Buffer = read.Buffer,
            Cursor = cursor,
            Position = reader.Position,
            Stop = stop,
            Fault = fault,
            IsCompleted = isCut && fault is null,
        };

        if (_whole.HasBody)
        {
            // The consumer left bytes that lie in our memory and wants more: they have to lie together.
            _whole.Append(loan.Payload);
            Commit(loan);
            result = default;
            return TryReadHeld(out result) ? Step.Ready : Step.ReadMore;
        }

        if (loan.Payload.Length <= _examinedBytes && !loan.IsCompleted && !read.IsCanceled)
        {
            result = default;
            return TakeNothingNew(loan);
        }

        result = Lend(loan, loan.IsCompleted, read.IsCanceled);
        return Step.Ready;
    }

    /// <summary>There are no body bytes but those that the consumer has seen and left.</summary>
    private Step TakeNothingNew(in Loan loan)
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
            _input.AdvanceTo(loan.Buffer.Start, loan.Buffer.End);
        }

        _pieces.Clear();
        return _fault is null ? Step.ReadMore : throw _fault;
    }

    private ReadResult Lend(in Loan loan, bool isCompleted, bool isCanceled = false)
    {
        _loan = loan;
        return new ReadResult(loan.Payload, isCanceled, isCompleted);
    }

    private void AdvanceInput(in Loan loan, SequencePosition consumed, SequencePosition examined)
    {
        _examinedBytes = 0;
        if (loan.IsEnd(consumed))
        {
            Commit(loan);
        }
        else if (!loan.IsEnd(examined))
        {
            _input.AdvanceTo(WalkTo(loan, consumed));
        }
        else if (loan.IsLast)
        {
            MoveToWhole(loan, loan.Payload.Slice(consumed));
        }
        else
        {
            _examinedBytes = loan.Payload.Slice(consumed).Length;
            _input.AdvanceTo(WalkTo(loan, consumed), loan.Buffer.End);
        }

        _pieces.Clear();
    }

    /// <summary>Walks the same bytes again as far as the consumer went; what lies behind is found again by the next read.</summary>
    private SequencePosition WalkTo(in Loan loan, SequencePosition consumed)
    {
        var reader = new SequenceReader<byte>(loan.Buffer);
        _cursor.Advance(ref reader, _head, pieces: null, loan.BytesUpTo(consumed), _maxMessageBytes);
        return reader.Position;
    }

    /// <summary>
    /// The consumer wants more behind <paramref name="left"/> than can be shown in place: a compressed message or an error comes next, or the pieces are too many.
    /// </summary>
    private void MoveToWhole(in Loan loan, in ReadOnlySequence<byte> left)
    {
        _examinedBytes = 0;
        _whole.Append(left);
        _whole.Consume(0, examinedAll: true);
        Commit(loan);
    }

    /// <summary>Everything that was found is consumed.</summary>
    private void Commit(in Loan loan)
    {
        _cursor = loan.Cursor;
        _fault = loan.Fault;
        _ended = loan.IsCompleted;
        _wholeWanted = loan.Stop == PayloadStop.Compressed;

        // After NeedInput the rest, if there is one, is the beginning of something that cannot be read in part.
        _input.AdvanceTo(loan.Position, loan.Stop == PayloadStop.NeedInput ? loan.Buffer.End : loan.Position);
    }

    private async ValueTask ReadWholeLaterAsync(CancellationToken cancellationToken)
    {
        try
        {
            await GatherAsync(cancellationToken);
            _cursor.EnterMessage(_whole.Message.Length, envelopeIsRead: false);
            TakeWholePayload(_whole.Message);
            _whole.DropMessage();
        }
        catch (PeerMessageException e) when (e.IsStatus)
        {
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
            stop = _cursor.Advance(ref reader, _head, _pieces, long.MaxValue, _maxMessageBytes);
            _whole.Append(_pieces.Sequence);
        }
        while (stop == PayloadStop.Limit);

        _pieces.Clear();
        _fault = FaultOf(stop, _cursor, reader);
    }

    /// <summary>Takes the next message off the input as a whole, decompressed.</summary>
    private async ValueTask GatherAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var result = await _input.ReadAsync(cancellationToken);
            if (TakePrefix(result, out var flag, out var length))
            {
                _wholeWanted = false;
                if (!await _whole.GatherAsync(_input, length, cancellationToken))
                {
                    throw Cut();
                }

                if (flag == 1)
                {
                    if (_encoding.Refusal(_head.IsRequest) is { } refusal)
                    {
                        throw refusal;
                    }

                    _whole.Gunzip(_maxMessageBytes);
                }

                return;
            }
        }
    }

    private bool TakePrefix(in ReadResult result, out byte flag, out int length)
    {
        var consumed = result.Buffer.Start;
        var examined = result.Buffer.End;
        length = 0;
        try
        {
            ThrowIfCanceled(result);
            if (!PeerPayloadCursor.TryPeekPrefix(new SequenceReader<byte>(result.Buffer), out flag, out var bytes))
            {
                ThrowIfCut(result);
                return false;
            }

            CheckPrefix(flag, bytes);
            length = (int)bytes;
            consumed = result.Buffer.GetPosition(PeerPayloadCursor.PrefixBytes);
            examined = consumed;
            return true;
        }
        finally
        {
            _input.AdvanceTo(consumed, examined);
        }
    }

    private static void ThrowIfCanceled(in ReadResult result)
    {
        if (result.IsCanceled)
        {
            throw new OperationCanceledException("the read of a message was cancelled");
        }
    }

    private void ThrowIfIncomplete()
    {
        if (_head.Missing(_unary) is { } missing)
        {
            throw missing;
        }
    }

    /// <summary>The bytes ended before the first message, or within it.</summary>
    private void ThrowIfCut(in ReadResult result)
    {
        if (result.IsCompleted)
        {
            throw result.Buffer.IsEmpty ? _end?.FailureAtEnd(inBody: false) ?? _head.NoMessage() : Cut();
        }
    }

    private void CheckPrefix(byte flag, uint length)
    {
        if (flag > 1)
        {
            throw PeerMessageException.Status(GrpcStatusCode.Internal, UnknownFlagText(flag));
        }

        if (length > _maxMessageBytes)
        {
            throw PeerMessageException.Status(GrpcStatusCode.ResourceExhausted, TooLargeText(length));
        }
    }

    private static PeerMessageException Cut() => PeerMessageException.Status(GrpcStatusCode.Internal, "unexpected EOF");

    private PeerMessageException Unparsable(ProtobufException e) =>
        PeerMessageException.Status(GrpcStatusCode.Internal, (_unary ? _head.UnaryParseFailure : ParseFailureText) + e.Message);

    private Exception? FaultAtEnd(in PeerPayloadCursor cursor, in SequenceReader<byte> reader) => cursor.IsBetweenMessages && reader.End
        ? _end?.FailureAtEnd(inBody: true)
        : PeerMessageException.Receiving(GrpcStatusCode.Internal, "unexpected EOF");

    /// <summary>What Dapr reports when it finds this in the body of a call.</summary>
    private PeerMessageException? FaultOf(PayloadStop stop, in PeerPayloadCursor cursor, in SequenceReader<byte> reader)
    {
        switch (stop)
        {
            case PayloadStop.Malformed:
                return PeerMessageException.Receiving(GrpcStatusCode.Internal, ParseFailureText + ProtobufException.Malformed().Message);
            case PayloadStop.TooLarge:
                PeerPayloadCursor.TryPeekPrefix(reader, out _, out var length);
                return PeerMessageException.Receiving(GrpcStatusCode.ResourceExhausted, TooLargeText(length));
            case PayloadStop.UnknownFlag:
                PeerPayloadCursor.TryPeekPrefix(reader, out var flag, out _);
                return PeerMessageException.Receiving(GrpcStatusCode.Internal, UnknownFlagText(flag));
            case PayloadStop.StrayFields:
                return PeerMessageException.Plain(_head.StrayFieldsText);
            case PayloadStop.WrongSequence:
                return PeerMessageException.Plain($"invalid sequence number received: {cursor.Seq} (expected: {cursor.ExpectedSeq})");
            default:
                return null;
        }
    }

    private static string UnknownFlagText(byte flag) => $"grpc: received unexpected payload format {flag}";

    private string TooLargeText(uint length) => $"grpc: received message larger than max ({length} vs. {_maxMessageBytes})";

    /// <summary>What the last read handed out, and what is to become of the input when it is consumed.</summary>
    private readonly struct Loan(LoanKind kind, ReadOnlySequence<byte> payload)
    {
        public LoanKind Kind { get; } = kind;

        public ReadOnlySequence<byte> Payload { get; } = payload;

        public ReadOnlySequence<byte> Buffer { get; init; }

        public PeerPayloadCursor Cursor { get; init; }

        public SequencePosition Position { get; init; }

        public PayloadStop Stop { get; init; }

        public Exception? Fault { get; init; }

        public bool IsCompleted { get; init; }

        /// <summary>More input would not lengthen it.</summary>
        public bool IsLast => Stop != PayloadStop.NeedInput || Fault is not null;

        public bool IsEnd(SequencePosition position) =>
            Payload.IsEmpty || position.Equals(Payload.End) || Payload.Slice(position).IsEmpty;

        public long BytesUpTo(SequencePosition position) => Payload.Slice(Payload.Start, position).Length;
    }
}
