using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Hpack;
using FastSidecar.Transport.Http2.FlowControl;
using FastSidecar.Transport.Http2.Frames;
using FastSidecar.Transport.Http2.Streams;

namespace FastSidecar.Transport.Http2;

/// <summary>
/// Everything that arrives on a connection: judges each frame and changes the state of streams, windows and settings. Runs under the connection's lock for a
/// whole read batch and runs no code of a caller: streams that have news are marked ready.
/// </summary>
/// <remarks>An error of the connection is thrown as <see cref="Http2ConnectionException"/>; an error of a stream resets it and goes on (RFC 9113 §5.4).</remarks>
internal sealed class ConnectionInput : IFrameReceiver
{
    /// <summary>A header block's buffer is kept between blocks up to this size.</summary>
    private const int KeptBlockBytes = 64 * 1024;

    /// <summary>
    /// CONTINUATION flood: so many small ones are let through, beyond that they must carry 1 KiB on average. An encoder that fills its frames sends 16 KiB in each.
    /// </summary>
    private const int FreeContinuations = 256;

    private const int MinContinuationBytes = 1024;
    private const int MinHardBlockBytes = 1024 * 1024;
    private const int MaxInterimHeads = 64;

    private readonly Http2Connection _connection;
    private readonly Http2Options _options;
    private readonly FloodGuard _floods;
    private readonly FrameReader _reader;
    private readonly HpackDecoder _decoder;
    private readonly HeaderList _dropped = new();
    private readonly long _maxBlockBytes;
    private ArrayBufferWriter<byte> _block = new();
    private FrameHeader _blockHeader;
    private int _continuations;
    private Http2Stream? _dataStream;
    private FrameHeader _dataHeader;
    private ReceiveWindow _window;
    private int _uncredited;

    public ConnectionInput(Http2Connection connection, Http2Options options, FloodGuard floods)
    {
        _connection = connection;
        _options = options;
        _floods = floods;
        _reader = new FrameReader(this, Math.Max(options.MaxFrameBytes, FrameHeader.DefaultMaxLength), expectPreface: connection.IsServer);
        _decoder = new HpackDecoder(options.MaxHeaderListBytes);
        _maxBlockBytes = options.MaxHeaderListBytes + (long)Math.Max(options.MaxHeaderListBytes, MinHardBlockBytes);
        _window = new ReceiveWindow(Math.Max(options.ConnectionWindowBytes, Window.InitialBytes));
    }

    /// <summary>The peer's first SETTINGS have come.</summary>
    public bool HasSettings { get; private set; }

    /// <summary>Server: the highest stream id that the client used.</summary>
    public int HighestStreamId { get; private set; }

    /// <summary>Takes one read batch.</summary>
    public void ReadUnsynchronized(in ReadOnlySequence<byte> bytes)
    {
        Debug.Assert(_connection.Gate.IsHeldByCurrentThread, "the connection's lock guards the input");
        if (_reader.OpenDataStreamId is var id and not 0)
        {
            // Between the batches the stream may have ended; then the rest of its frame is dropped.
            _dataStream = _connection.FindUnsynchronized(id);
        }

        foreach (var segment in bytes)
        {
            _reader.Read(segment.Span);
        }
    }

    /// <summary>Gives buffers back when the connection has ended.</summary>
    public void ReleaseUnsynchronized() => _reader.Release();

    /// <summary>So many received bytes are buffered no longer. True when a WINDOW_UPDATE was queued.</summary>
    public bool FreeUnsynchronized(int bytes)
    {
        _options.ReceiveBudget?.Remove(bytes);
        var due = Math.Min(bytes, _uncredited);
        _uncredited -= due;
        return due > 0 && GiveBack(due);
    }

    public void OnFrame(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        CheckOrder(header);
        switch (header.Type)
        {
            case FrameType.Headers:
                OnHeaders(header, payload);
                break;
            case FrameType.Continuation:
                OnContinuation(header, payload);
                break;
            case FrameType.Settings:
                OnSettings(header, payload);
                break;
            case FrameType.WindowUpdate:
                OnWindowUpdate(header, payload);
                break;
            case FrameType.RstStream:
                OnReset(header, payload);
                break;
            case FrameType.Ping:
                OnPing(header, payload);
                break;
            case FrameType.GoAway:
                OnGoAway(header, payload);
                break;
            case FrameType.Priority:
                OnPriority(header);
                break;
            case FrameType.PushPromise:
                throw Http2Faults.Protocol("PUSH_PROMISE was received, push is not supported");
            case FrameType.Data:
                throw new UnreachableException("DATA does not come as a whole frame");
            default:
                _floods.OnIdleFrame();
                break;
        }
    }

    public void OnDataStart(FrameHeader header)
    {
        CheckOrder(header);
        RequireStream(header);
        if (!_window.TryTake(header.Length))
        {
            throw Http2Faults.FlowControl($"DATA of {header.Length} bytes is more than the connection's window");
        }

        _dataHeader = header;
        _dataStream = null;
        if (header.Length == 0 && !header.Has(FrameFlags.EndStream))
        {
            _floods.OnIdleFrame();
        }

        if (_connection.FindUnsynchronized(header.StreamId) is not { } stream)
        {
            OnLateFrame(header);
        }
        else if (stream.InputEndedUnsynchronized)
        {
            Break(stream, Http2ErrorCode.StreamClosed, "the peer sent DATA after its END_STREAM");
        }
        else if (!stream.HasHead)
        {
            Break(stream, Http2ErrorCode.ProtocolError, "the peer sent DATA before a response head");
        }
        else if (!stream.ReceiveWindow.TryTake(header.Length))
        {
            Break(stream, Http2ErrorCode.FlowControlError, $"the peer sent DATA of {header.Length} bytes, more than the stream's window");
        }
        else
        {
            _dataStream = stream;
        }
    }

    public void OnData(ReadOnlySpan<byte> bytes)
    {
        var stream = _dataStream;
        if (stream is not null)
        {
            _floods.OnProgress();
            stream.ReceivedBytes += bytes.Length;
            if (stream.ContentLength >= 0 && stream.ReceivedBytes > stream.ContentLength)
            {
                Break(stream, Http2ErrorCode.ProtocolError, $"the peer sent more than its content-length of {stream.ContentLength}");
                _dataStream = stream = null;
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

        _options.ReceiveBudget?.Add(bytes.Length);
        if (_options.ReceiveBudget is { IsExceeded: true })
        {
            _uncredited += bytes.Length;
        }
        else
        {
            GiveBack(bytes.Length);
        }

        stream.InputPipe.AppendUnsynchronized(bytes);
    }

    public void OnDataEnd(int paddingBytes)
    {
        var stream = _dataStream;
        _dataStream = null;
        if (paddingBytes > 0)
        {
            GiveBack(paddingBytes);
            stream?.GiveBackUnsynchronized(paddingBytes);
        }

        if (stream is not null && _dataHeader.Has(FrameFlags.EndStream))
        {
            EndInput(stream);
        }
    }

    private bool GiveBack(int bytes)
    {
        var update = _window.GiveBack(bytes);
        if (update > 0)
        {
            _connection.Output.WriteWindowUpdateUnsynchronized(0, update);
        }

        return update > 0;
    }

    /// <summary>The first frame is SETTINGS (RFC 9113 §3.4); a header block is not interrupted (§4.3).</summary>
    private void CheckOrder(FrameHeader header)
    {
        if (!HasSettings && (header.Type != FrameType.Settings || header.Has(FrameFlags.Ack)))
        {
            throw Http2Faults.Protocol("the first frame is not SETTINGS");
        }

        if (_blockHeader.StreamId != 0 && (header.Type != FrameType.Continuation || header.StreamId != _blockHeader.StreamId))
        {
            throw Http2Faults.Protocol("a header block was interrupted by another frame");
        }
    }

    // HEADERS: [pad length (8)] [exclusive, dependency (32), weight (8)] block [padding] (RFC 9113 §6.2)
    private void OnHeaders(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        RequireStream(header);
        var padding = 0;
        if (header.Has(FrameFlags.Padded))
        {
            RequireLength(header, payload.Length >= 1);
            padding = payload[0];
            payload = payload[1..];
        }

        if (header.Has(FrameFlags.Priority))
        {
            RequireLength(header, payload.Length >= 5);
            payload = payload[5..];
        }

        if (padding > payload.Length)
        {
            throw Http2Faults.Protocol($"HEADERS of {header.Length} bytes claims {padding} bytes of padding");
        }

        payload = payload[..^padding];
        if (header.Has(FrameFlags.EndHeaders))
        {
            OnHeaderBlock(header, payload);
            return;
        }

        _blockHeader = header;
        _continuations = 0;
        AppendToBlock(payload);
    }

    private void OnContinuation(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (_blockHeader.StreamId == 0)
        {
            throw Http2Faults.Protocol("CONTINUATION without HEADERS before it");
        }

        if (++_continuations > FreeContinuations + (_block.WrittenCount / MinContinuationBytes))
        {
            throw Http2Faults.Calm($"{_continuations} CONTINUATION frames for {_block.WrittenCount} bytes of header block");
        }

        AppendToBlock(payload);
        if (!header.Has(FrameFlags.EndHeaders))
        {
            return;
        }

        var first = _blockHeader;
        _blockHeader = default;
        OnHeaderBlock(first, _block.WrittenSpan);
        if (_block.Capacity > KeptBlockBytes)
        {
            _block = new ArrayBufferWriter<byte>();
        }
        else
        {
            _block.ResetWrittenCount();
        }
    }

    private void AppendToBlock(ReadOnlySpan<byte> fragment)
    {
        if (_block.WrittenCount + fragment.Length > _maxBlockBytes)
        {
            throw Http2Faults.Calm($"a header block of more than {_maxBlockBytes} bytes");
        }

        _block.Write(fragment);
    }

    private void OnHeaderBlock(FrameHeader header, ReadOnlySpan<byte> block)
    {
        if (_connection.FindUnsynchronized(header.StreamId) is { } stream)
        {
            if (stream.InputEndedUnsynchronized)
            {
                DecodeDropped(block);
                Break(stream, Http2ErrorCode.StreamClosed, "the peer sent HEADERS after its END_STREAM");
            }
            else if (stream.HasHead)
            {
                OnTrailers(stream, header, block);
            }
            else
            {
                OnResponseHead(stream, header, block);
            }
        }
        else if (_connection.IsServer && header.StreamId > HighestStreamId)
        {
            OnRequestHead(header, block);
        }
        else
        {
            DecodeDropped(block);
            OnLateFrame(header);
        }
    }

    private void OnRequestHead(FrameHeader header, ReadOnlySpan<byte> block)
    {
        if ((header.StreamId & 1) == 0)
        {
            throw Http2Faults.Protocol($"a client opened stream {header.StreamId}");
        }

        HighestStreamId = header.StreamId;
        if (_connection.IsPastLastStreamUnsynchronized(header.StreamId))
        {
            // Above the last stream of our GOAWAY: the client knows that nothing will come of it.
            DecodeDropped(block);
            _connection.RememberClosedUnsynchronized(header.StreamId);
            return;
        }

        if (!_connection.TryAcceptUnsynchronized(out var stream))
        {
            DecodeDropped(block);
            _floods.OnReset();
            _connection.RememberClosedUnsynchronized(header.StreamId);
            _connection.Output.WriteResetUnsynchronized(header.StreamId, Http2ErrorCode.RefusedStream, isAnswer: true);
            return;
        }

        _floods.OnProgress();
        Decode(block, stream.Headers);
        long contentLength = -1;
        var reason = _decoder.TooLarge ? MalformedReason.TooLarge : HeadRules.CheckRequest(stream.Headers, out contentLength);
        var endStream = header.Has(FrameFlags.EndStream);
        if (reason == MalformedReason.None && endStream && contentLength > 0)
        {
            reason = MalformedReason.ContentLength;
        }

        if (reason != MalformedReason.None && _options.MalformedRequests == MalformedRequestHandling.Reset)
        {
            _floods.OnReset();
            _connection.RememberClosedUnsynchronized(header.StreamId);
            _connection.Output.WriteResetUnsynchronized(header.StreamId, ResetCode(reason), isAnswer: true);
            _connection.TakeBackUnsynchronized(stream);
            return;
        }

        stream.HasHead = true;
        stream.MalformedReason = reason;
        stream.ContentLength = reason == MalformedReason.None ? contentLength : -1;
        _connection.OpenUnsynchronized(stream, header.StreamId);
        _connection.MarkReadyUnsynchronized(stream, StreamWork.Arrived);
        if (endStream)
        {
            stream.EndedWithHeaders = true;
            stream.OnInputEndUnsynchronized();
        }
    }

    private void OnResponseHead(Http2Stream stream, FrameHeader header, ReadOnlySpan<byte> block)
    {
        stream.Headers.Clear();
        Decode(block, stream.Headers);
        var status = 0;
        long contentLength = -1;
        var reason = _decoder.TooLarge ? MalformedReason.TooLarge : HeadRules.CheckResponse(stream.Headers, out status, out contentLength);
        var endStream = header.Has(FrameFlags.EndStream);
        var interim = status is >= 100 and < 200;
        if (reason != MalformedReason.None)
        {
            Break(stream, ResetCode(reason), $"the response head is malformed: {reason}");
        }
        else if (interim && (endStream || status == 101 || ++stream.InterimHeads > MaxInterimHeads))
        {
            Break(stream, Http2ErrorCode.ProtocolError, $"an interim response {status} that ends the stream, switches protocols or comes too often");
        }
        else if (interim)
        {
            stream.Headers.Clear();
        }
        else
        {
            // These never have a body, whatever their content-length says (RFC 9110 §8.6).
            stream.ContentLength = stream.IsHeadRequest || status is 204 or 304 ? 0 : contentLength;
            stream.EndedWithHeaders = endStream;
            stream.OnHeadUnsynchronized();
            if (endStream)
            {
                EndInput(stream);
            }
        }
    }

    private void OnTrailers(Http2Stream stream, FrameHeader header, ReadOnlySpan<byte> block)
    {
        if (!header.Has(FrameFlags.EndStream))
        {
            DecodeDropped(block);
            Break(stream, Http2ErrorCode.ProtocolError, "the peer sent HEADERS behind the head that do not end the stream");
            return;
        }

        Decode(block, stream.Trailers);
        var reason = _decoder.TooLarge ? MalformedReason.TooLarge : HeadRules.CheckTrailers(stream.Trailers);
        if (reason != MalformedReason.None)
        {
            stream.Trailers.Clear();
            Break(stream, ResetCode(reason), $"the trailers are malformed: {reason}");
            return;
        }

        EndInput(stream);
    }

    /// <summary>END_STREAM came: the body must be as long as was said (RFC 9113 §8.1.1).</summary>
    private void EndInput(Http2Stream stream)
    {
        if (stream.ContentLength >= 0 && stream.ReceivedBytes != stream.ContentLength)
        {
            Break(
                stream,
                Http2ErrorCode.ProtocolError,
                $"the peer's content-length is {stream.ContentLength}, it sent {stream.ReceivedBytes} bytes");
            return;
        }

        stream.OnInputEndUnsynchronized();
    }

    private void OnSettings(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        RequireNoStream(header);
        if (header.Has(FrameFlags.Ack))
        {
            RequireLength(header, payload.IsEmpty);
            _connection.OnSettingsAckUnsynchronized();
            return;
        }

        _floods.OnSettings();
        _connection.OnSettingsUnsynchronized(payload);
        HasSettings = true;
    }

    private void OnWindowUpdate(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        RequireLength(header, payload.Length == sizeof(int));
        var increment = BinaryPrimitives.ReadInt32BigEndian(payload) & 0x7fffffff;
        if (header.StreamId == 0)
        {
            if (increment == 0)
            {
                throw Http2Faults.Protocol("WINDOW_UPDATE of 0 for the connection");
            }

            if (!_connection.Output.TryGrowWindowUnsynchronized(increment))
            {
                throw Http2Faults.FlowControl("the connection's window was made larger than 2^31 - 1");
            }

            return;
        }

        if (_connection.FindUnsynchronized(header.StreamId) is not { } stream)
        {
            RequireOpened(header);
        }
        else if (increment == 0)
        {
            Break(stream, Http2ErrorCode.ProtocolError, "the peer sent a WINDOW_UPDATE of 0");
        }
        else if (!stream.SendWindow.TryShift(increment))
        {
            Break(stream, Http2ErrorCode.FlowControlError, "the peer made the stream's window larger than 2^31 - 1");
        }
        else
        {
            _connection.Output.SendUnsynchronized(stream);
        }
    }

    private void OnReset(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        RequireStream(header);
        RequireLength(header, payload.Length == sizeof(uint));
        var code = (Http2ErrorCode)BinaryPrimitives.ReadUInt32BigEndian(payload);
        if (_connection.FindUnsynchronized(header.StreamId) is not { } stream)
        {
            RequireOpened(header);
            _floods.OnIdleFrame();
            return;
        }

        if (_connection.IsServer && !stream.HeadWritten)
        {
            _floods.OnReset();
        }

        stream.FailUnsynchronized(StreamFault.ResetByPeer, code, null);
    }

    private void OnPing(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        RequireNoStream(header);
        RequireLength(header, payload.Length == sizeof(ulong));
        var opaque = BinaryPrimitives.ReadUInt64BigEndian(payload);
        if (header.Has(FrameFlags.Ack))
        {
            _connection.OnPingAckUnsynchronized(opaque);
            return;
        }

        _floods.OnPing();
        _connection.Output.WritePingAckUnsynchronized(opaque);
    }

    private void OnGoAway(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        RequireNoStream(header);
        RequireLength(header, payload.Length >= 2 * sizeof(int));
        var lastStreamId = BinaryPrimitives.ReadInt32BigEndian(payload) & 0x7fffffff;
        var code = (Http2ErrorCode)BinaryPrimitives.ReadUInt32BigEndian(payload[4..]);
        _connection.OnGoAwayUnsynchronized(lastStreamId, code, payload[8..]);
    }

    /// <summary>Deprecated and without effect (RFC 9113 §5.3.2), but its form is still checked (§6.3).</summary>
    private void OnPriority(FrameHeader header)
    {
        RequireStream(header);
        _floods.OnIdleFrame();
        if (header.Length == 5)
        {
            return;
        }

        if (_connection.FindUnsynchronized(header.StreamId) is not { } stream)
        {
            throw Http2Faults.FrameSize($"PRIORITY of {header.Length} bytes");
        }

        Break(stream, Http2ErrorCode.FrameSizeError, $"the peer sent PRIORITY of {header.Length} bytes");
    }

    /// <summary>DATA or HEADERS for a stream that is not open (RFC 9113 §5.1, idle and closed).</summary>
    private void OnLateFrame(FrameHeader header)
    {
        RequireOpened(header);
        switch (_connection.FindClosedUnsynchronized(header.StreamId))
        {
            case ClosedStreamFact.NeverOpened:
                throw Http2Faults.Protocol($"{header.Type} for stream {header.StreamId}, which was passed over");
            case ClosedStreamFact.Ended:
                throw Http2Faults.StreamClosed($"{header.Type} for stream {header.StreamId}, which is closed");
            default:
                _floods.OnIdleFrame();
                break;
        }
    }

    /// <summary>The stream must have been opened at some time: frames for idle streams are an error of the connection.</summary>
    private void RequireOpened(FrameHeader header)
    {
        if (_connection.IsServer ? (header.StreamId & 1) == 0 || header.StreamId > HighestStreamId : !_connection.HasOpenedUnsynchronized(header.StreamId))
        {
            throw Http2Faults.Protocol($"{header.Type} for stream {header.StreamId}, which is idle");
        }
    }

    /// <summary>An error of the stream that the peer caused (RFC 9113 §5.4.2).</summary>
    private void Break(Http2Stream stream, Http2ErrorCode code, string reason)
    {
        _floods.OnReset();
        stream.ResetUnsynchronized(code, reason);
    }

    private void Decode(ReadOnlySpan<byte> block, HeaderList target)
    {
        try
        {
            _decoder.Decode(block, target);
        }
        catch (HpackException malformed)
        {
            throw Http2Faults.Compression(malformed.Message, malformed);
        }
    }

    /// <summary>The peer's HPACK table must follow even blocks that nobody wants.</summary>
    private void DecodeDropped(ReadOnlySpan<byte> block)
    {
        Decode(block, _dropped);
        _dropped.Clear();
    }

    private static Http2ErrorCode ResetCode(MalformedReason reason) =>
        reason == MalformedReason.TooLarge ? Http2ErrorCode.FrameSizeError : Http2ErrorCode.ProtocolError;

    private static void RequireStream(FrameHeader header)
    {
        if (header.StreamId == 0)
        {
            throw Http2Faults.Protocol($"{header.Type} on stream 0");
        }
    }

    private static void RequireNoStream(FrameHeader header)
    {
        if (header.StreamId != 0)
        {
            throw Http2Faults.Protocol($"{header.Type} on stream {header.StreamId}");
        }
    }

    private static void RequireLength(FrameHeader header, bool isRight)
    {
        if (!isRight)
        {
            throw Http2Faults.FrameSize($"{header.Type} of {header.Length} bytes");
        }
    }
}
