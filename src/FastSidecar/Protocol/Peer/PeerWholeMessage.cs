using System.Buffers;
using System.IO.Pipelines;
using FastSidecar.Protocol.Grpc;

namespace FastSidecar.Protocol.Peer;

/// <summary>
/// The slow way through a message: all of it in memory of our own, so that it can be decompressed or searched; and the body bytes that come
/// out of it, or that a consumer could not be shown in place. Memory is from the shared pool and goes back on
/// <see cref="Clear"/>.
/// </summary>
internal sealed class PeerWholeMessage
{
    private const int InitialBytes = 4096;

    private byte[] _message = [];
    private int _messageBytes;
    private byte[] _body = [];
    private int _bodyStart;
    private int _bodyEnd;
    private bool _isExamined;

    /// <summary>The message, decompressed; valid until the next <see cref="ReadAsync"/> or <see cref="DropMessage"/>.</summary>
    public ReadOnlyMemory<byte> Message => _message.AsMemory(0, _messageBytes);

    public bool HasBody => _bodyEnd > _bodyStart;

    /// <summary>
    /// Takes the next message off the input, prefix and all, and decompresses it. The bytes are consumed as they come, so a message may be
    /// larger than the stream's window; memory grows with what has come, not with what was announced.
    /// </summary>
    public async ValueTask ReadAsync(PeerInput input, PeerHead head, CancellationToken cancellationToken)
    {
        byte flag;
        int messageBytes;
        while (!TryTakePrefix(await input.Bytes.ReadAsync(cancellationToken), input, head, out flag, out messageBytes))
        {
        }

        _messageBytes = 0;
        while (_messageBytes < messageBytes)
        {
            Take(await input.Bytes.ReadAsync(cancellationToken), input.Bytes, messageBytes);
        }

        if (flag == 1)
        {
            if (input.Encoding.Refusal(head.IsRequest) is { } refusal)
            {
                throw refusal;
            }

            Gunzip(input.MaxMessageBytes);
        }
    }

    /// <summary>Puts body bytes behind those not yet consumed.</summary>
    public void AppendBody(in ReadOnlySequence<byte> bytes)
    {
        foreach (var piece in bytes)
        {
            AppendBody(piece.Span);
        }
    }

    public void AppendBody(ReadOnlySpan<byte> bytes)
    {
        Ensure(ref _body, _bodyEnd, bytes.Length);
        bytes.CopyTo(_body.AsSpan(_bodyEnd));
        _bodyEnd += bytes.Length;
        _isExamined &= bytes.IsEmpty;
    }

    /// <summary>The body bytes; false when there are none, or none but those the consumer has seen and left.</summary>
    public bool TryGetBody(bool includeExamined, out ReadOnlySequence<byte> body)
    {
        body = new ReadOnlySequence<byte>(_body, _bodyStart, _bodyEnd - _bodyStart);
        return HasBody && (includeExamined || !_isExamined);
    }

    public void Consume(long bytes, bool examinedAll)
    {
        _bodyStart += (int)bytes;
        _isExamined = examinedAll;
        if (_bodyStart == _bodyEnd)
        {
            _bodyStart = 0;
            _bodyEnd = 0;
            _isExamined = false;
            Return(ref _body);
        }
    }

    public void DropMessage()
    {
        _messageBytes = 0;
        Return(ref _message);
    }

    public void Clear()
    {
        DropMessage();
        Consume(_bodyEnd - _bodyStart, examinedAll: false);
    }

    private static bool TryTakePrefix(in ReadResult result, in PeerInput input, PeerHead head, out byte flag, out int messageBytes)
    {
        var consumed = result.Buffer.Start;
        var examined = result.Buffer.End;
        messageBytes = 0;
        try
        {
            PeerFaults.ThrowIfCanceled(result);
            if (!MessagePrefix.TryPeek(new SequenceReader<byte>(result.Buffer), out flag, out var length))
            {
                PeerFaults.ThrowIfCut(result, input, head);
                return false;
            }

            PeerFaults.CheckPrefix(flag, length, input.MaxMessageBytes);
            messageBytes = (int)length;
            consumed = result.Buffer.GetPosition(MessagePrefix.SizeBytes);
            examined = consumed;
            return true;
        }
        finally
        {
            input.Bytes.AdvanceTo(consumed, examined);
        }
    }

    private void Take(in ReadResult result, PipeReader input, int messageBytes)
    {
        var buffer = result.Buffer;
        if (buffer.Length > messageBytes - _messageBytes)
        {
            buffer = buffer.Slice(0, messageBytes - _messageBytes);
        }

        Ensure(ref _message, _messageBytes, (int)buffer.Length);
        buffer.CopyTo(_message.AsSpan(_messageBytes));
        _messageBytes += (int)buffer.Length;
        var isCut = result.IsCompleted && buffer.IsEmpty;
        input.AdvanceTo(buffer.End);
        PeerFaults.ThrowIfCanceled(result);
        if (isCut)
        {
            throw PeerFaults.Cut();
        }
    }

    /// <summary>Replaces the gathered message by what gzip makes of it.</summary>
    private void Gunzip(int maxMessageBytes)
    {
        var inflated = GzipMessage.Unpack(_message, 0, _messageBytes, reserved: 0, maxMessageBytes, out var inflatedBytes);
        Return(ref _message);
        _message = inflated;
        _messageBytes = inflatedBytes;
    }

    private static void Ensure(ref byte[] array, int used, int more) => GzipMessage.Ensure(ref array, used, more, InitialBytes);

    private static void Return(ref byte[] array) => GzipMessage.Return(ref array);
}
