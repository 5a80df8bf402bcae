using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using FastSidecar.Protocol.Peer;
using FastSidecar.Transport.Async;

namespace FastSidecar.Protocol.Grpc;

/// <summary>
/// Reads the messages of a call as a server, one at a time and each as a whole, into memory of its own. Reused by its owner. Throws
/// <see cref="PeerMessageException"/> with grpc-go's words for what is no message.
/// </summary>
internal sealed class GrpcMessageReader
{
    private const int InitialBytes = 4096;

    /// <summary>A buffer up to this size stays from one call to the next; so much a pooled call holds.</summary>
    private const int HeldBytes = 4096;

    private PipeReader _input = null!;
    private PeerEncoding _encoding;
    private int _maxMessageBytes;
    private byte[] _bytes = [];
    private int _count;
    private int _missing;
    private bool _inMessage;
    private bool _isPacked;

    /// <summary>The message, unpacked; valid until the next is read, or until <see cref="Release"/>.</summary>
    public ReadOnlyMemory<byte> Message => _bytes.AsMemory(0, _count);

    /// <summary>Begins a call.</summary>
    public void Start(PipeReader input, PeerEncoding encoding, int maxMessageBytes)
    {
        _input = input;
        _encoding = encoding;
        _maxMessageBytes = maxMessageBytes;
        _inMessage = false;
    }

    /// <summary>Reads the next message; false when there is none, and the caller has ended its side.</summary>
    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder<>))]
    public async ValueTask<bool> ReadAsync(CancellationToken cancellationToken)
    {
        _count = 0;
        while (true)
        {
            if (!_input.TryRead(out var read))
            {
                read = await _input.ReadAsync(cancellationToken);
            }

            switch (Take(read))
            {
                case Step.Message:
                    if (_isPacked)
                    {
                        Unpack();
                    }

                    return true;
                case Step.End:
                    return false;
            }
        }
    }

    /// <summary>The call has ended, and nobody looks at the message any longer.</summary>
    public void Release()
    {
        _input = null!;
        _count = 0;
        if (_bytes.Length > HeldBytes)
        {
            Replace([]);
        }
    }

    /// <summary>
    /// Takes what there is of one message off the input. The bytes are consumed as they come, so a message may be larger than the stream's
    /// window; memory grows with what has come, not with what was announced.
    /// </summary>
    private Step Take(in ReadResult read)
    {
        var buffer = read.Buffer;
        var consumed = buffer.Start;
        var examined = buffer.End;
        try
        {
            PeerFaults.ThrowIfCanceled(read);
            if (!_inMessage)
            {
                if (!MessagePrefix.TryPeek(new SequenceReader<byte>(buffer), out var flag, out var length))
                {
                    return !read.IsCompleted ? Step.More : buffer.IsEmpty ? Step.End : throw PeerFaults.Cut();
                }

                PeerFaults.CheckPrefix(flag, length, _maxMessageBytes);
                _isPacked = flag == 1;
                _missing = (int)length;
                _inMessage = true;
                buffer = buffer.Slice(MessagePrefix.SizeBytes);
            }

            var piece = buffer.Length > _missing ? buffer.Slice(0, _missing) : buffer;
            Append(piece);
            consumed = piece.End;
            examined = consumed;
            _missing -= (int)piece.Length;
            _inMessage = _missing > 0;
            return !_inMessage ? Step.Message : read.IsCompleted ? throw PeerFaults.Cut() : Step.More;
        }
        finally
        {
            _input.AdvanceTo(consumed, examined);
        }
    }

    private void Append(in ReadOnlySequence<byte> piece)
    {
        var count = _count + (int)piece.Length;
        if (count > _bytes.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(Math.Max(count, _bytes.Length * 2), InitialBytes));
            _bytes.AsSpan(0, _count).CopyTo(larger);
            Replace(larger);
        }

        piece.CopyTo(_bytes.AsSpan(_count));
        _count = count;
    }

    private void Unpack()
    {
        if (_encoding.Refusal(byServer: true) is { } refusal)
        {
            throw refusal;
        }

        var unpacked = GzipMessage.Unpack(_bytes, 0, _count, reserved: 0, _maxMessageBytes, out _count);
        Replace(unpacked);
    }

    private void Replace(byte[] bytes)
    {
        var old = _bytes;
        _bytes = bytes;
        if (old.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(old);
        }
    }

    private enum Step
    {
        More,
        Message,
        End,
    }
}
