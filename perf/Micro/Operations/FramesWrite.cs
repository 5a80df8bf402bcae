using FastSidecar.Transport.Buffers;
using FastSidecar.Transport.Http2.Frames;

namespace FastSidecar.Micro.Operations;

internal sealed class FramesWrite : Operation
{
    private const int StreamId = 77;

    private readonly PooledBufferWriter _output = new();
    private readonly byte[] _block = [0x83, 0x86, 0xc0, 0xbf, 0xbe, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5];
    private readonly byte[] _message = Content.OneKibibyte();

    public FramesWrite()
        : base("frames-write", "HTTP/2: HEADERS, DATA of 1 KiB, WINDOW_UPDATE, PING")
    {
    }

    /// <summary>What the last run wrote.</summary>
    public ReadOnlySpan<byte> Written => _output.WrittenSpan;

    public override int Run()
    {
        _output.Clear();
        var written = FrameWriter.WriteHeaderBlock(_output, StreamId, _block, endStream: false, FrameHeader.DefaultMaxLength);
        new FrameHeader(_message.Length, FrameType.Data, FrameFlags.EndStream, StreamId).Write(_output.GetSpan(FrameHeader.Size));
        _output.Advance(FrameHeader.Size);
        _output.Write(_message);
        written += FrameWriter.WriteWindowUpdate(_output, streamId: 0, _message.Length);
        return written + FrameWriter.WritePing(_output, opaque: 1, ack: true);
    }

    public override string Result()
    {
        var own = Run();
        return $"{own} bytes written, {_output.WrittenCount} with the data";
    }
}
