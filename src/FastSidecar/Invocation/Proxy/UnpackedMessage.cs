using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using FastSidecar.Protocol.Grpc;
using FastSidecar.Protocol.Peer;

namespace FastSidecar.Invocation.Proxy;

/// <summary>
/// A compressed message that is gathered, unpacked and then handed out with a plain prefix, as Dapr's proxy passes it on. Memory is from the
/// shared pool, grows with what has come rather than with what was announced, and goes back when the message was consumed.
/// </summary>
internal sealed class UnpackedMessage
{
    private const int InitialBytes = 4096;

    private byte[] _bytes = [];
    private int _count;
    private int _start;
    private bool _isReady;

    /// <summary>The message, prefix and all, was gathered.</summary>
    public bool IsComplete =>
        _count >= MessagePrefix.SizeBytes && _count == MessagePrefix.SizeBytes + BinaryPrimitives.ReadUInt32BigEndian(_bytes.AsSpan(1));

    /// <summary>Takes what belongs to the message and returns where that ends. The prefix was looked at before.</summary>
    public SequencePosition Append(ReadOnlySequence<byte> bytes)
    {
        if (_count < MessagePrefix.SizeBytes)
        {
            bytes = Take(bytes, MessagePrefix.SizeBytes - _count);
        }

        if (_count >= MessagePrefix.SizeBytes)
        {
            bytes = Take(bytes, MessagePrefix.SizeBytes + (int)BinaryPrimitives.ReadUInt32BigEndian(_bytes.AsSpan(1)) - _count);
        }

        return bytes.Start;
    }

    /// <summary>Replaces the message by what it unpacks to.</summary>
    /// <exception cref="PeerMessageException">It does not, or to more than the limit.</exception>
    public void Unpack(int maxMessageBytes)
    {
        const int prefix = MessagePrefix.SizeBytes;
        var packed = _bytes;
        _bytes = [];
        try
        {
            _bytes = GzipMessage.Unpack(packed, prefix, _count - prefix, reserved: prefix, maxMessageBytes, out var unpacked);
            _count = prefix + unpacked;
            _bytes[0] = 0;
            BinaryPrimitives.WriteUInt32BigEndian(_bytes.AsSpan(1), (uint)unpacked);
            _start = 0;
            _isReady = true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(packed);
        }
    }

    /// <summary>What was unpacked and not consumed; false when there is nothing.</summary>
    public bool TryRead(out ReadResult result)
    {
        result = _isReady ? new ReadResult(Rest, isCanceled: false, isCompleted: false) : default;
        return _isReady;
    }

    /// <summary>Consumes; false when nothing of this was handed out.</summary>
    public bool TryAdvance(SequencePosition consumed)
    {
        if (!_isReady)
        {
            return false;
        }

        _start += (int)Rest.Slice(0, consumed).Length;
        if (_start == _count)
        {
            Clear();
        }

        return true;
    }

    public void Clear()
    {
        var bytes = _bytes;
        _bytes = [];
        _count = 0;
        _start = 0;
        _isReady = false;
        if (bytes.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }

    private ReadOnlySequence<byte> Rest => new(_bytes, _start, _count - _start);

    private ReadOnlySequence<byte> Take(ReadOnlySequence<byte> bytes, int most)
    {
        var count = (int)Math.Min(bytes.Length, most);
        GzipMessage.Ensure(ref _bytes, _count, count, InitialBytes);
        bytes.Slice(0, count).CopyTo(_bytes.AsSpan(_count));
        _count += count;
        return bytes.Slice(count);
    }
}
