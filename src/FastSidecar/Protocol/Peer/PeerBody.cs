using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;

namespace FastSidecar.Protocol.Peer;

/// <summary>
/// The body of one direction of a call: what of it has been found in the input, what of that is lent to the consumer, and what stands
/// behind it. Never waits: <see cref="PeerMessageReader"/> reads and passes on what came.
/// </summary>
/// <param name="whole">Holds the messages that are read as a whole, and body bytes that cannot be shown in place.</param>
internal sealed class PeerBody(PeerWholeMessage whole)
{
    private readonly PayloadPieces _pieces = new();
    private PeerInput _input;

    /// <summary>Where the consumed part of the input ends.</summary>
    private PeerPayloadCursor _cursor;

    /// <summary>What is thrown once all bytes before it are consumed.</summary>
    private Exception? _fault;
    private bool _ended;
    private PayloadLoan _loan;

    /// <summary>What was read together with the head is in the loan's buffer, and the input has not been advanced.</summary>
    private bool _isHeadRead;

    /// <summary>A read of the input is to return cancelled, and may be the one that would be left out. Set by another flow.</summary>
    private volatile bool _isReadCanceled;

    /// <summary>How many unconsumed body bytes in the input the consumer has examined: the next read has to hand out more.</summary>
    private long _examinedBytes;

    /// <summary>What the call was started with; empty when nothing of it is read any more.</summary>
    public ref readonly PeerInput Input => ref _input;

    /// <summary>What later messages must not repeat; set before the first read.</summary>
    public PeerHead Head { get; set; } = null!;

    /// <summary>The next message has to be read as a whole.</summary>
    public bool IsWholeWanted { get; set; }

    /// <summary>Where the body begins, for whoever reads what stands before it.</summary>
    public ref PeerPayloadCursor Cursor => ref _cursor;

    /// <summary>Readies the object for a call.</summary>
    public void Start(in PeerInput input)
    {
        _loan.Source = PayloadSource.None;
        whole.Clear();
        _input = input;
        _cursor = default;
        _fault = null;
        _ended = false;
        _isHeadRead = false;
        _isReadCanceled = false;
        IsWholeWanted = input.IsUnary;
        _examinedBytes = 0;
    }

    /// <summary>Lets go of everything that belongs to the call; there is nothing more to read.</summary>
    public void Clear()
    {
        _loan = default;
        _pieces.Clear();
        whole.Clear();
        _input = default;
        _isHeadRead = false;
        _ended = true;
    }

    /// <summary>Nothing follows what is held.</summary>
    public void End() => _ended = true;

    /// <summary>What is held is followed by an error.</summary>
    public void Fail(Exception fault) => _fault = fault;

    /// <summary>What can be answered without the input: bytes of a message that was read as a whole, an error, the end.</summary>
    public bool TryReadHeld(out ReadResult result)
    {
        Debug.Assert(_loan.Source == PayloadSource.None, "read again before what was read was advanced over");
        if (whole.HasBody && whole.TryGetBody(includeExamined: _ended, out var body))
        {
            result = LendOwn(PayloadSource.Whole, body);
            return true;
        }

        if (_fault is not null)
        {
            throw _fault;
        }

        result = _ended ? LendOwn(PayloadSource.End, ReadOnlySequence<byte>.Empty) : default;
        return _ended;
    }

    /// <summary>
    /// The head has been taken out of what was read. What came behind it is kept for the body's first read: the usual request or answer comes as a
    /// whole, and is then read and advanced over once.
    /// </summary>
    public void HoldBehindHead(in ReadResult read, long headEnd)
    {
        _loan.Buffer = read.Buffer.Slice(headEnd);
        _loan.IsCompleted = read.IsCompleted;
        _isHeadRead = true;
    }

    /// <summary>As <see cref="TryTake"/>, of what was read together with the head. False as well when nothing was, or it has been taken.</summary>
    public bool TryTakeBehindHead(out ReadResult result)
    {
        result = default;
        if (!_isHeadRead)
        {
            return false;
        }

        _isHeadRead = false;
        if (_isReadCanceled)
        {
            _input.Bytes.AdvanceTo(_loan.Buffer.Start);
            return false;
        }

        return TryTake(new ReadResult(_loan.Buffer, isCanceled: false, _loan.IsCompleted), out result);
    }

    /// <summary>The input's pending read, or the next one, returns cancelled.</summary>
    public void CancelRead()
    {
        _isReadCanceled = true;
        _input.Bytes.CancelPendingRead();
    }

    /// <summary>
    /// Finds the body bytes in what was read. False when there is nothing to hand out: the input has been advanced, and more of it is
    /// needed, or <see cref="IsWholeWanted"/> is set.
    /// </summary>
    public bool TryTake(in ReadResult read, out ReadResult result)
    {
        ref var loan = ref _loan;
        loan.Buffer = read.Buffer;
        loan.Cursor = _cursor;
        if (!TryFindOneMessage(ref loan, read.IsCompleted))
        {
            Find(ref loan, read.IsCompleted);
        }

        if (whole.HasBody)
        {
            // The consumer left bytes that lie in our memory and wants more: they have to lie together.
            whole.AppendBody(loan.Payload);
            Commit();
            return TryReadHeld(out result);
        }

        if (loan.Payload.Length <= _examinedBytes && !loan.IsCompleted && !read.IsCanceled)
        {
            TakeNothingNew();
            result = default;
            return _fault is null ? false : throw _fault;
        }

        loan.Source = PayloadSource.Input;
        result = new ReadResult(loan.Payload, read.IsCanceled, loan.IsCompleted);
        return true;
    }

    /// <summary>Copies the body bytes out of a message that lies in our memory, or out of the rest of it.</summary>
    /// <param name="message">From the place on where the reading of the body begins.</param>
    /// <param name="envelopeIsRead">Its request or response field has been read and is to be skipped.</param>
    public void TakeWhole(ReadOnlyMemory<byte> message, bool envelopeIsRead)
    {
        _cursor.EnterMessage(message.Length, envelopeIsRead);
        var reader = new SequenceReader<byte>(new ReadOnlySequence<byte>(message));
        PayloadStop stop;
        do
        {
            _pieces.Clear();
            stop = _cursor.Advance(ref reader, Head, _pieces, long.MaxValue, _input.MaxMessageBytes);
            whole.AppendBody(_pieces.Sequence);
        }
        while (stop == PayloadStop.Limit);

        _pieces.Clear();
        _fault = PeerFaults.Of(stop, Head, _cursor, reader, _input.MaxMessageBytes);
    }

    /// <summary>As <see cref="PipeReader.AdvanceTo(SequencePosition, SequencePosition)"/>.</summary>
    public void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        var source = _loan.Source;
        _loan.Source = PayloadSource.None;
        switch (source)
        {
            case PayloadSource.Input:
                AdvanceInput(consumed, examined);
                break;
            case PayloadSource.Whole:
                whole.Consume(_loan.BytesUpTo(consumed), _loan.IsEnd(examined));
                break;
            case PayloadSource.None:
                throw new InvalidOperationException("nothing was read that could be advanced over");
        }
    }

    private ReadResult LendOwn(PayloadSource source, in ReadOnlySequence<byte> payload)
    {
        _loan.Source = source;
        _loan.Payload = payload;
        return new ReadResult(payload, isCanceled: false, _ended);
    }

    /// <summary>
    /// The usual body of a request or an answer: the input holds one payload to its end and nothing else, so that its bytes are one slice.
    /// </summary>
    private bool TryFindOneMessage(ref PayloadLoan loan, bool isCompleted)
    {
        if (!loan.Cursor.TryPassLast(loan.Buffer.FirstSpan, loan.Buffer.Length, _input.MaxMessageBytes, out var dataStart, out var dataBytes))
        {
            return false;
        }

        loan.Payload = loan.Buffer.Slice(dataStart, dataBytes);
        loan.Position = loan.Buffer.End;
        loan.Stop = PayloadStop.NeedInput;
        loan.Fault = isCompleted ? _input.End?.FailureAtEnd(inBody: true) : null;
        loan.IsCompleted = isCompleted && loan.Fault is null;
        return true;
    }

    private void Find(ref PayloadLoan loan, bool isCompleted)
    {
        var reader = new SequenceReader<byte>(loan.Buffer);
        _pieces.Clear();
        var stop = loan.Cursor.Advance(ref reader, Head, _pieces, long.MaxValue, _input.MaxMessageBytes);
        var isEnd = stop == PayloadStop.NeedInput && isCompleted;
        loan.Payload = _pieces.Sequence;
        loan.Position = reader.Position;
        loan.Stop = stop;
        loan.Fault = isEnd
            ? PeerFaults.AtEnd(_input, loan.Cursor, reader)
            : PeerFaults.Of(stop, Head, loan.Cursor, reader, _input.MaxMessageBytes);
        loan.IsCompleted = isEnd && loan.Fault is null;
    }

    /// <summary>There are no body bytes but those that the consumer has seen and left.</summary>
    private void TakeNothingNew()
    {
        if (_loan.Payload.IsEmpty)
        {
            Commit();
        }
        else if (_loan.IsLast)
        {
            MoveToWhole(_loan.Payload);
        }
        else
        {
            _input.Bytes.AdvanceTo(_loan.Buffer.Start, _loan.Buffer.End);
        }

        _pieces.Clear();
    }

    private void AdvanceInput(SequencePosition consumed, SequencePosition examined)
    {
        _examinedBytes = 0;
        if (_loan.IsEnd(consumed))
        {
            Commit();
        }
        else if (!_loan.IsEnd(examined))
        {
            _input.Bytes.AdvanceTo(WalkTo(consumed));
        }
        else if (_loan.IsLast)
        {
            MoveToWhole(_loan.Payload.Slice(consumed));
        }
        else
        {
            _examinedBytes = _loan.Payload.Slice(consumed).Length;
            _input.Bytes.AdvanceTo(WalkTo(consumed), _loan.Buffer.End);
        }

        _pieces.Clear();
    }

    /// <summary>Walks the same bytes again as far as the consumer went; what lies behind is found again by the next read.</summary>
    private SequencePosition WalkTo(SequencePosition consumed)
    {
        var reader = new SequenceReader<byte>(_loan.Buffer);
        _cursor.Advance(ref reader, Head, pieces: null, _loan.BytesUpTo(consumed), _input.MaxMessageBytes);
        return reader.Position;
    }

    /// <summary>
    /// The consumer wants more behind <paramref name="left"/> than can be shown in place: a compressed message or an error comes next, or
    /// the pieces are too many.
    /// </summary>
    private void MoveToWhole(in ReadOnlySequence<byte> left)
    {
        _examinedBytes = 0;
        whole.AppendBody(left);
        whole.Consume(0, examinedAll: true);
        Commit();
    }

    /// <summary>Everything that was found is consumed.</summary>
    private void Commit()
    {
        ref var loan = ref _loan;
        _cursor = loan.Cursor;
        _fault = loan.Fault;
        _ended = loan.IsCompleted;
        IsWholeWanted = loan.Stop == PayloadStop.Compressed;

        // After NeedInput the rest, if there is one, is the beginning of something that cannot be read in part.
        _input.Bytes.AdvanceTo(loan.Position, loan.Stop == PayloadStop.NeedInput ? loan.Buffer.End : loan.Position);
    }
}
