using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Pipelines;
using FastSidecar.Protocol.Grpc;
using FastSidecar.Protocol.Peer;

namespace FastSidecar.Invocation.Proxy;

/// <summary>
/// Plain messages for a caller that has sent gzip: each one is gathered and packed, as grpc-go's server answers in the encoding it was asked
/// in. An empty one stays as it is. Not for the hot path.
/// </summary>
internal sealed class PackedMessages
{
    private const int InitialBytes = 4096;

    private byte[] _message = [];
    private int _count;

    public async ValueTask<bool> SendAsync(PipeWriter output, ReadOnlySequence<byte> data, CancellationToken cancellationToken)
    {
        while (!data.IsEmpty)
        {
            data = Take(data, MessagePrefix.SizeBytes - _count);
            if (_count < MessagePrefix.SizeBytes)
            {
                break;
            }

            var length = MessagePrefix.SizeBytes + (int)BinaryPrimitives.ReadUInt32BigEndian(_message.AsSpan(1));
            data = Take(data, length - _count);
            if (_count == length)
            {
                Write(output);
                _count = 0;
            }
        }

        return output.UnflushedBytes > InitialBytes && (await output.FlushAsync(cancellationToken)).IsCompleted;
    }

    public void Clear()
    {
        _count = 0;
        GzipMessage.Return(ref _message);
    }

    private ReadOnlySequence<byte> Take(in ReadOnlySequence<byte> data, int most)
    {
        var count = (int)Math.Clamp(most, 0, data.Length);
        GzipMessage.Ensure(ref _message, _count, count, InitialBytes);
        data.Slice(0, count).CopyTo(_message.AsSpan(_count));
        _count += count;
        return data.Slice(count);
    }

    private void Write(PipeWriter output)
    {
        if (_count == MessagePrefix.SizeBytes)
        {
            output.Write(_message.AsSpan(0, _count));
            return;
        }

        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(_message, MessagePrefix.SizeBytes, _count - MessagePrefix.SizeBytes);
        }

        Span<byte> prefix = stackalloc byte[MessagePrefix.SizeBytes];
        prefix[0] = 1;
        BinaryPrimitives.WriteUInt32BigEndian(prefix[1..], (uint)packed.Length);
        output.Write(prefix);
        output.Write(packed.GetBuffer().AsSpan(0, (int)packed.Length));
    }
}
