using FastSidecar.Transport.Http2.FlowControl;
using FastSidecar.Transport.Http2.Frames;
using FastSidecar.Transport.Http2.Streams;

namespace FastSidecar.Transport.Http2;

/// <summary>The DATA that arrives, and the credit for it (RFC 9113 §6.1, §6.9). Under the connection's lock.</summary>
internal sealed class DataInput
{
    private readonly StreamSet _streams;
    private readonly ConnectionOutput _output;
    private readonly PeerConduct _conduct;
    private readonly FloodGuard _floods;
    private readonly ReceiveBudget? _budget;
    private Http2Stream? _stream;
    private FrameHeader _header;
    private ReceiveWindow _window;
    private int _uncredited;

    public DataInput(StreamSet streams, ConnectionOutput output, PeerConduct conduct, FloodGuard floods, Http2Options options)
    {
        _streams = streams;
        _output = output;
        _conduct = conduct;
        _floods = floods;
        _budget = options.ReceiveBudget;
        _window = new ReceiveWindow(Math.Max(options.ConnectionWindowBytes, Window.InitialBytes));
    }

    /// <summary>Between two batches the stream of a frame may have ended; then the rest of the frame is dropped.</summary>
    public void Resume(int streamId) => _stream = _streams.Find(streamId);

    /// <summary>A DATA frame begins. Its whole length counts against the windows now.</summary>
    public void Start(FrameHeader header)
    {
        PeerConduct.RequireStream(header);
        if (!_window.TryTake(header.Length))
        {
            throw Http2Faults.FlowControl($"DATA of {header.Length} bytes is more than the connection's window");
        }

        _header = header;
        _stream = null;
        if (header.Length == 0 && !header.Has(FrameFlags.EndStream))
        {
            _floods.OnIdleFrame();
        }

        if (_streams.Find(header.StreamId) is not { } stream)
        {
            _conduct.OnLateFrame(header);
        }
        else if (stream.InputEndedUnsynchronized)
        {
            _conduct.Break(stream, Http2ErrorCode.StreamClosed, "the peer sent DATA after its END_STREAM");
        }
        else if (!stream.HasHead)
        {
            _conduct.Break(stream, Http2ErrorCode.ProtocolError, "the peer sent DATA before a response head");
        }
        else if (!stream.ReceiveWindow.TryTake(header.Length))
        {
            var reason = $"the peer sent DATA of {header.Length} bytes, more than the stream's window";
            _conduct.Break(stream, Http2ErrorCode.FlowControlError, reason);
        }
        else
        {
            _stream = stream;
        }
    }

    public void Read(ReadOnlySpan<byte> bytes)
    {
        var stream = _stream;
        if (stream is not null)
        {
            _floods.OnProgress();
            stream.ReceivedBytes += bytes.Length;
            if (stream.ContentLength >= 0 && stream.ReceivedBytes > stream.ContentLength)
            {
                var reason = $"the peer sent more than its content-length of {stream.ContentLength}";
                _conduct.Break(stream, Http2ErrorCode.ProtocolError, reason);
                _stream = stream = null;
            }
        }

        if (stream is null)
        {
            GiveBack(bytes.Length);
            return;
        }

        if (stream.InputPipe.IsCompleted)
        {
            // Nobody reads: the rest of the body passes by, so that a peer that must send it first comes to its end.
            stream.GiveBackUnsynchronized(bytes.Length);
            GiveBack(bytes.Length);
            return;
        }

        _budget?.Add(bytes.Length);
        if (_budget is { IsExceeded: true })
        {
            _uncredited += bytes.Length;
        }
        else
        {
            GiveBack(bytes.Length);
        }

        stream.InputPipe.AppendUnsynchronized(bytes);
    }

    /// <summary>A body that did not come in frames, so that no window was promised for it.</summary>
    public void TakeWhole(Http2Stream stream, ReadOnlySpan<byte> body)
    {
        _budget?.Add(body.Length);
        stream.ReceivedBytes = body.Length;
        stream.InputPipe.AppendUnsynchronized(body);
        _conduct.EndInput(stream);
    }

    public void End(int paddingBytes)
    {
        var stream = _stream;
        _stream = null;
        if (paddingBytes > 0)
        {
            GiveBack(paddingBytes);
            stream?.GiveBackUnsynchronized(paddingBytes);
        }

        if (stream is not null && _header.Has(FrameFlags.EndStream))
        {
            _conduct.EndInput(stream);
        }
    }

    /// <summary>So many received bytes wait for their reader no longer. True when a WINDOW_UPDATE was queued.</summary>
    public bool FreeUnsynchronized(int bytes)
    {
        _budget?.Remove(bytes);
        var due = Math.Min(bytes, _uncredited);
        _uncredited -= due;
        return due > 0 && GiveBack(due);
    }

    private bool GiveBack(int bytes)
    {
        var update = _window.GiveBack(bytes);
        if (update > 0)
        {
            _output.WriteWindowUpdateUnsynchronized(0, update);
        }

        return update > 0;
    }
}
