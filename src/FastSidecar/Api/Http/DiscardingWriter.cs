using System.IO.Pipelines;

namespace FastSidecar.Api.Http;

/// <summary>
/// Where the content of an answer to HEAD goes: nowhere (RFC 9110 §9.3.2). A flush goes on to the stream, so that the head leaves when the
/// handler wants it to and not only when the content has ended.
/// </summary>
internal sealed class DiscardingWriter(PipeWriter stream) : PipeWriter
{
    private const int RoomBytes = 4096;

    private byte[] _room = [];

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => 0;

    public override void Advance(int bytes)
    {
    }

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        if (_room.Length < Math.Max(sizeHint, RoomBytes))
        {
            _room = new byte[Math.Max(sizeHint, RoomBytes)];
        }

        return _room;
    }

    public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => stream.FlushAsync(cancellationToken);

    public override void CancelPendingFlush() => stream.CancelPendingFlush();

    /// <summary>The stream ends with the exchange.</summary>
    public override void Complete(Exception? exception = null)
    {
    }
}
