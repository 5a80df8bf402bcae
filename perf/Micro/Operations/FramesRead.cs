using System.Text;
using FastSidecar.Transport.Http2.Frames;

namespace FastSidecar.Micro.Operations;

/// <summary>The frames of one small call as they come in one read: a head, a message, the window's credit, and a ping's answer.</summary>
internal sealed class FramesRead : Operation, IFrameReceiver
{
    private readonly FrameReader _reader;
    private readonly byte[] _bytes;
    private StringBuilder? _log;
    private int _sum;

    public FramesRead()
        : base("frames-read", "HTTP/2: HEADERS, DATA of 1 KiB, WINDOW_UPDATE, PING")
    {
        _reader = new FrameReader(this, FrameHeader.DefaultMaxLength, expectPreface: false);
        var frames = new FramesWrite();
        frames.Run();
        _bytes = frames.Written.ToArray();
    }

    public override int Run()
    {
        _sum = 0;
        _reader.Read(_bytes);
        return _sum;
    }

    public override string Result()
    {
        _log = new StringBuilder();
        Run();
        var text = _log.ToString();
        _log = null;
        return text;
    }

    void IFrameReceiver.OnFrame(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        _sum += payload.Length + header.StreamId;
        _log?.Append($"{header.Type} {header.Flags} {header.StreamId} {payload.Length}\n");
    }

    void IFrameReceiver.OnDataStart(FrameHeader header)
    {
        _sum += header.StreamId;
        _log?.Append($"{header.Type} {header.Flags} {header.StreamId} {header.Length}\n");
    }

    void IFrameReceiver.OnData(ReadOnlySpan<byte> bytes)
    {
        _sum += bytes.Length;
        _log?.Append($"{bytes.Length} bytes\n");
    }

    void IFrameReceiver.OnDataEnd(int paddingBytes)
    {
        _sum += paddingBytes;
        _log?.Append($"{paddingBytes} padding\n");
    }
}
