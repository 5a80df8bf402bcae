using System.Buffers;
using System.IO.Pipelines;

namespace FastSidecar.Transport.Tls;

/// <summary>A transport's pipes as the stream under an SslStream. The owner of the transport closes it.</summary>
internal sealed class TransportStream(IDuplexPipe transport) : Stream
{
    /// <summary>
    /// As long as this is set, whoever reads goes on on the thread pool and not where the read completed: a handshake computes for more than
    /// a millisecond, and the socket thread has other connections.
    /// </summary>
    public bool LeavesThread { get; set; } = true;

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var input = transport.Input;
        var read = await input.ReadAsync(cancellationToken);
        var bytes = read.Buffer.Slice(0, Math.Min(read.Buffer.Length, buffer.Length));
        bytes.CopyTo(buffer.Span);
        var count = (int)bytes.Length;
        input.AdvanceTo(bytes.End);
        if (LeavesThread)
        {
            await Task.Yield();
        }

        return count;
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        transport.Output.Write(buffer.Span);
        await transport.Output.FlushAsync(cancellationToken);
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <summary>Every write is flushed.</summary>
    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("nothing here blocks");

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("nothing here blocks");

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
