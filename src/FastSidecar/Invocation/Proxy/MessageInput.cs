using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using FastSidecar.Invocation.Grpc;
using FastSidecar.Protocol.Peer;
using FastSidecar.Transport.Async;
using FastSidecar.Transport.Grpc;

namespace FastSidecar.Invocation.Proxy;

/// <summary>
/// One direction of a proxied call as it is read: opaque messages with their prefixes, handed out where the stream holds them and as they
/// arrive. It only follows the prefixes: nothing of a message is handed out before its flag and its length were found in order. A compressed
/// message is read as a whole and unpacked, as grpc-go does it (rpc_util.go).
/// </summary>
/// <remarks>
/// What is wrong is thrown as <see cref="InvokeBodyException"/> with grpc-go's code and text, once everything before it was handed out.
/// Reused through <see cref="Start"/>; one read at a time. It does not own the stream: whoever does ends it.
/// </remarks>
internal sealed class MessageInput : PipeReader
{
    private readonly UnpackedMessage _unpacked = new();
    private PipeReader _source = null!;
    private PeerEncoding _encoding;
    private int _maxMessageBytes;
    private bool _isAnswer;

    /// <summary>What is handed out, and lies in the source.</summary>
    private ReadOnlySequence<byte> _offered;

    /// <summary>What the message under way still lacks, behind what was consumed and behind all that is handed out.</summary>
    private long _missing;
    private long _missingBehind;
    private bool _isPackedNext;

    /// <summary>Why its owner has ended the stream: told instead of that it was ended.</summary>
    public InvokeError? Cause { get; set; }

    /// <summary>The end was reached in good order, and told.</summary>
    public bool HasEnded { get; private set; }

    /// <param name="source">The stream's bytes.</param>
    /// <param name="encoding">Its <c>grpc-encoding</c>.</param>
    /// <param name="maxMessageBytes">Limit of one message, before and after it is unpacked.</param>
    /// <param name="isAnswer">Reads what a target says: a failure of its stream is told as grpc-go's client tells it.</param>
    public void Start(PipeReader source, PeerEncoding encoding, int maxMessageBytes, bool isAnswer)
    {
        _source = source;
        _encoding = encoding;
        _maxMessageBytes = maxMessageBytes;
        _isAnswer = isAnswer;
        _missing = 0;
        _missingBehind = 0;
        _isPackedNext = false;
        HasEnded = false;
    }

    /// <summary>Gives back all memory. May be called again.</summary>
    public void Release()
    {
        _source = null!;
        _offered = default;
        Cause = null;
        HasEnded = false;
        _unpacked.Clear();
    }

    /// <inheritdoc/>
    public override bool TryRead(out ReadResult result)
    {
        if (_unpacked.TryRead(out result))
        {
            return true;
        }

        try
        {
            while (!_isPackedNext && _source.TryRead(out var read))
            {
                if (TryTake(read, out result))
                {
                    return true;
                }
            }
        }
        catch (IOException e) when (_isAnswer && e is not InvokeBodyException)
        {
            throw Broken(e);
        }

        // A message that has to be read as a whole is left to ReadAsync.
        result = default;
        return false;
    }

    /// <inheritdoc/>
    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (_unpacked.TryRead(out var result))
        {
            return new ValueTask<ReadResult>(result);
        }

        while (!_isPackedNext)
        {
            var read = _source.ReadAsync(cancellationToken);
            if (!read.IsCompletedSuccessfully)
            {
                return ReadAwaitedAsync(read, cancellationToken);
            }

            if (TryTake(read.GetAwaiter().GetResult(), out result))
            {
                return new ValueTask<ReadResult>(result);
            }
        }

        return ReadPackedAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    /// <inheritdoc/>
    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        if (_unpacked.TryAdvance(consumed))
        {
            return;
        }

        if (_offered.IsEmpty)
        {
            return;
        }

        if (consumed.Equals(_offered.End))
        {
            _missing = _missingBehind;
        }
        else if (!consumed.Equals(_offered.Start))
        {
            Follow(_offered.Slice(0, consumed), ref _missing, out _);
        }

        _offered = default;
        _source.AdvanceTo(consumed, examined);
    }

    /// <inheritdoc/>
    public override void CancelPendingRead() => _source.CancelPendingRead();

    /// <inheritdoc/>
    public override void Complete(Exception? exception = null) => Release();

    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> ReadAwaitedAsync(ValueTask<ReadResult> read, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                if (TryTake(await read, out var result))
                {
                    return result;
                }

                if (_isPackedNext)
                {
                    break;
                }

                read = _source.ReadAsync(cancellationToken);
            }
        }
        catch (IOException e) when (_isAnswer && e is not InvokeBodyException)
        {
            throw Broken(e);
        }

        return await ReadPackedAsync(cancellationToken);
    }

    /// <summary>Takes the next message off the source and unpacks it. Not for the hot path.</summary>
    private async ValueTask<ReadResult> ReadPackedAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (!_unpacked.IsComplete)
            {
                var read = await _source.ReadAsync(cancellationToken);
                var taken = _unpacked.Append(read.Buffer);
                _source.AdvanceTo(taken);
                if (read.IsCanceled)
                {
                    return new ReadResult(default, isCanceled: true, isCompleted: false);
                }

                if (read.IsCompleted && !_unpacked.IsComplete)
                {
                    throw Fault(GrpcStatusCode.Internal, "unexpected EOF");
                }
            }

            _unpacked.Unpack(_maxMessageBytes);
            _isPackedNext = false;
            _unpacked.TryRead(out var result);
            return result;
        }
        catch (PeerMessageException e)
        {
            throw Fault(e.Code, e.Text);
        }
        catch (IOException e) when (_isAnswer && e is not InvokeBodyException)
        {
            throw Broken(e);
        }
    }

    /// <summary>False when more input is needed, or when the message that comes next has to be read as a whole.</summary>
    private bool TryTake(in ReadResult read, out ReadResult result)
    {
        var buffer = read.Buffer;
        if (read.IsCanceled)
        {
            _source.AdvanceTo(buffer.Start);
            result = new ReadResult(default, isCanceled: true, isCompleted: false);
            return true;
        }

        _missingBehind = _missing;
        var taken = Follow(buffer, ref _missingBehind, out var stop);
        if (taken > 0)
        {
            var isAll = taken == buffer.Length;
            _offered = isAll ? buffer : buffer.Slice(0, taken);
            HasEnded = isAll && read.IsCompleted && _missingBehind == 0;
            result = new ReadResult(_offered, isCanceled: false, isCompleted: HasEnded);
            return true;
        }

        if (stop != Stop.InputEnds)
        {
            _source.AdvanceTo(buffer.Start);
            ThrowIfWrong(stop, buffer);
            _isPackedNext = true;
            result = default;
            return false;
        }

        _source.AdvanceTo(buffer.Start, buffer.End);
        result = new ReadResult(default, isCanceled: false, isCompleted: read.IsCompleted);
        if (read.IsCompleted)
        {
            HasEnded = buffer.IsEmpty && _missing == 0;
            return HasEnded ? true : throw Fault(GrpcStatusCode.Internal, "unexpected EOF");
        }

        return false;
    }

    private enum Stop
    {
        InputEnds,
        UnknownFlag,
        TooLarge,
        Packed,
    }

    /// <summary>
    /// Goes from prefix to prefix and returns how many bytes may be handed out: whole prefixes that are in order, and what there is of
    /// their messages.
    /// </summary>
    private long Follow(in ReadOnlySequence<byte> buffer, ref long missing, out Stop stop)
    {
        stop = Stop.InputEnds;
        var length = buffer.Length;
        long taken = 0;
        Span<byte> copy = stackalloc byte[MessagePrefix.SizeBytes];
        while (true)
        {
            var step = Math.Min(missing, length - taken);
            taken += step;
            missing -= step;
            if (length - taken < MessagePrefix.SizeBytes)
            {
                return taken;
            }

            scoped ReadOnlySpan<byte> prefix;
            var first = buffer.FirstSpan;
            if (taken + MessagePrefix.SizeBytes <= first.Length)
            {
                prefix = first.Slice((int)taken, MessagePrefix.SizeBytes);
            }
            else
            {
                buffer.Slice(taken, MessagePrefix.SizeBytes).CopyTo(copy);
                prefix = copy;
            }

            var bytes = BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]);
            if (prefix[0] != 0 || bytes > _maxMessageBytes)
            {
                stop = bytes > _maxMessageBytes ? Stop.TooLarge : prefix[0] > 1 ? Stop.UnknownFlag : Stop.Packed;
                return taken;
            }

            taken += MessagePrefix.SizeBytes;
            missing = bytes;
        }
    }

    private void ThrowIfWrong(Stop stop, in ReadOnlySequence<byte> buffer)
    {
        Span<byte> prefix = stackalloc byte[MessagePrefix.SizeBytes];
        buffer.Slice(0, MessagePrefix.SizeBytes).CopyTo(prefix);
        switch (stop)
        {
            case Stop.UnknownFlag:
                throw Fault(GrpcStatusCode.Internal, $"grpc: received unexpected payload format {prefix[0]}");
            case Stop.TooLarge:
                var bytes = BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]);
                throw Fault(GrpcStatusCode.ResourceExhausted, $"grpc: received message larger than max ({bytes} vs. {_maxMessageBytes})");
            case Stop.Packed when _encoding.Refusal(byServer: !_isAnswer) is { } refusal:
                throw Fault(refusal.Code, refusal.Text);
        }
    }

    private InvokeBodyException Fault(GrpcStatusCode code, string text) =>
        new(_isAnswer ? ErrorTable.PeerStatus(code, text) : new InvokeError(ErrorSide.Client, code, text));

    private InvokeBodyException Broken(IOException failure) => new(Cause ?? GrpcFailure.Of(failure), failure);
}
