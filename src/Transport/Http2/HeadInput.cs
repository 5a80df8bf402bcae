using System.Buffers;
using System.Diagnostics;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Hpack;
using FastSidecar.Transport.Http2.Frames;
using FastSidecar.Transport.Http2.Streams;

namespace FastSidecar.Transport.Http2;

/// <summary>
/// The header blocks that arrive: puts them together, decodes them, and decides what they are: a request, a response, trailers, or nothing
/// that is wanted. Under the connection's lock.
/// </summary>
internal sealed class HeadInput
{
    /// <summary>A header block's buffer is kept between blocks up to this size.</summary>
    private const int KeptBlockBytes = 64 * 1024;

    /// <summary>Lists whose block was larger keep too much memory to be used again.</summary>
    private const int KeptListBytes = 8 * 1024;

    /// <summary>
    /// CONTINUATION flood: so many small ones are let through, beyond that they must carry 1 KiB on average. An encoder that fills its
    /// frames sends 16 KiB in each.
    /// </summary>
    private const int FreeContinuations = 256;

    private const int MinContinuationBytes = 1024;
    private const int MinHardBlockBytes = 1024 * 1024;
    private const int MaxInterimHeads = 64;

    private readonly Http2Connection _connection;
    private readonly Http2Options _options;
    private readonly PeerConduct _conduct;
    private readonly FloodGuard _floods;
    private readonly HeadDecoder _decoder;
    private readonly long _maxBlockBytes;
    private HeaderList _dropped = new();
    private ArrayBufferWriter<byte> _block = new();
    private FrameHeader _blockHeader;
    private int _continuations;

    public HeadInput(Http2Connection connection, PeerConduct conduct, FloodGuard floods, Http2Options options)
    {
        _connection = connection;
        _conduct = conduct;
        _floods = floods;
        _options = options;
        _decoder = new HeadDecoder(new HpackDecoder(options.MaxHeaderListBytes));
        _maxBlockBytes = options.MaxHeaderListBytes + (long)Math.Max(options.MaxHeaderListBytes, MinHardBlockBytes);
    }

    /// <summary>The stream whose header block is not complete, or 0. Only its CONTINUATION may come now (RFC 9113 §4.3).</summary>
    public int OpenBlockStreamId => _blockHeader.StreamId;

    // HEADERS: [pad length (8)] [exclusive, dependency (32), weight (8)] block [padding] (RFC 9113 §6.2)
    public void Start(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        PeerConduct.RequireStream(header);
        var padding = 0;
        if (header.Has(FrameFlags.Padded))
        {
            PeerConduct.RequireLength(header, payload.Length >= 1);
            padding = payload[0];
            payload = payload[1..];
        }

        if (header.Has(FrameFlags.Priority))
        {
            PeerConduct.RequireLength(header, payload.Length >= 5);
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

    public void Continue(FrameHeader header, ReadOnlySpan<byte> payload)
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

    /// <summary>
    /// Server: stream 1 of an upgraded connection, with a head that came as HTTP/1.1 and is judged like any other. Null when it was refused.
    /// </summary>
    public Http2Stream? Open(HeaderList head, bool endStream)
    {
        const int UpgradedStreamId = 1;
        _connection.Streams.SawPeerId(UpgradedStreamId);
        if (!_connection.TryAcceptUnsynchronized(out var stream))
        {
            throw new UnreachableException("a new connection has room for a stream");
        }

        head.CopyTo(stream.Headers);
        var facts = HeadFacts.None;
        var reason = HeadRules.Check(HeadKind.Request, head, 0, head.Count, ref facts);
        reason = reason == MalformedReason.None ? HeadRules.CheckWhole(HeadKind.Request, facts) : reason;
        return OpenRequest(stream, UpgradedStreamId, reason, facts, endStream);
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
        if (_connection.Streams.Find(header.StreamId) is { } stream)
        {
            stream.IsBulky |= block.Length > KeptListBytes;
            if (stream.InputEndedUnsynchronized)
            {
                DecodeDropped(block);
                _conduct.Break(stream, Http2ErrorCode.StreamClosed, "the peer sent HEADERS after its END_STREAM");
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
        else if (_connection.IsServer && header.StreamId > _connection.Streams.HighestPeerId)
        {
            OnRequestHead(header, block);
        }
        else
        {
            DecodeDropped(block);
            _conduct.OnLateFrame(header);
        }
    }

    private void OnRequestHead(FrameHeader header, ReadOnlySpan<byte> block)
    {
        if ((header.StreamId & 1) == 0)
        {
            throw Http2Faults.Protocol($"a client opened stream {header.StreamId}");
        }

        _connection.Streams.SawPeerId(header.StreamId);
        if (_connection.IsPastLastStreamUnsynchronized(header.StreamId))
        {
            // Above the last stream of our GOAWAY: the client knows that nothing will come of it.
            DecodeDropped(block);
            _connection.Streams.RememberRefused(header.StreamId);
            return;
        }

        if (!_connection.TryAcceptUnsynchronized(out var stream))
        {
            DecodeDropped(block);
            _floods.OnReset();
            _connection.Streams.RememberRefused(header.StreamId);
            _connection.Output.WriteResetUnsynchronized(header.StreamId, Http2ErrorCode.RefusedStream, isAnswer: true);
            return;
        }

        _floods.OnProgress();
        _floods.OnStream();
        stream.IsBulky = block.Length > KeptListBytes;
        var reason = _decoder.Read(HeadKind.Request, block, stream.Headers, out var facts);
        OpenRequest(stream, header.StreamId, reason, facts, header.Has(FrameFlags.EndStream));
    }

    private Http2Stream? OpenRequest(Http2Stream stream, int id, MalformedReason reason, in HeadFacts facts, bool endStream)
    {
        if (reason == MalformedReason.None && endStream && facts.ContentLength > 0)
        {
            reason = MalformedReason.ContentLength;
        }

        if (reason != MalformedReason.None && _options.MalformedRequests == MalformedRequestHandling.Reset)
        {
            _floods.OnReset();
            _connection.Streams.RememberRefused(id);
            _connection.Output.WriteResetUnsynchronized(id, ResetCode(reason), isAnswer: true);
            _connection.Streams.TakeBack(stream);
            return null;
        }

        stream.HasHead = true;
        stream.MalformedReason = reason;
        stream.ContentLength = reason == MalformedReason.None ? facts.ContentLength : -1;
        _connection.OpenUnsynchronized(stream, id);
        _connection.MarkReadyUnsynchronized(stream, StreamWork.Arrived);
        if (endStream)
        {
            stream.EndedWithHeaders = true;
            stream.OnInputEndUnsynchronized();
        }

        return stream;
    }

    private void OnResponseHead(Http2Stream stream, FrameHeader header, ReadOnlySpan<byte> block)
    {
        _floods.OnStream();
        stream.Headers.Clear();
        var reason = _decoder.Read(HeadKind.Response, block, stream.Headers, out var facts);
        var endStream = header.Has(FrameFlags.EndStream);
        var status = facts.Status;
        var interim = status is >= 100 and < 200;
        if (reason != MalformedReason.None)
        {
            _conduct.Break(stream, ResetCode(reason), $"the response head is malformed: {reason}");
        }
        else if (interim && (endStream || status == 101 || ++stream.InterimHeads > MaxInterimHeads))
        {
            var fault = $"an interim response {status} that ends the stream, switches protocols or comes too often";
            _conduct.Break(stream, Http2ErrorCode.ProtocolError, fault);
        }
        else if (interim)
        {
            stream.Headers.Clear();
        }
        else
        {
            // These never have a body, whatever their content-length says (RFC 9110 §8.6).
            stream.ContentLength = !_options.ChecksContentLength ? -1
                : stream.IsHeadRequest || status is 204 or 304 ? 0
                : facts.ContentLength;
            stream.EndedWithHeaders = endStream;
            stream.OnHeadUnsynchronized();
            if (endStream)
            {
                _conduct.EndInput(stream);
            }
        }
    }

    private void OnTrailers(Http2Stream stream, FrameHeader header, ReadOnlySpan<byte> block)
    {
        if (!header.Has(FrameFlags.EndStream))
        {
            DecodeDropped(block);
            _conduct.Break(stream, Http2ErrorCode.ProtocolError, "the peer sent HEADERS behind the head that do not end the stream");
            return;
        }

        var reason = _decoder.Read(HeadKind.Trailers, block, stream.Trailers, out _);
        if (reason != MalformedReason.None)
        {
            stream.Trailers.Clear();
            _conduct.Break(stream, ResetCode(reason), $"the trailers are malformed: {reason}");
            return;
        }

        _conduct.EndInput(stream);
    }

    /// <summary>The peer's HPACK table must follow even blocks that nobody wants.</summary>
    private void DecodeDropped(ReadOnlySpan<byte> block)
    {
        _decoder.Skip(block, _dropped);
        if (block.Length > KeptListBytes)
        {
            _dropped = new HeaderList();
        }
        else
        {
            _dropped.Clear();
        }
    }

    private static Http2ErrorCode ResetCode(MalformedReason reason) =>
        reason == MalformedReason.TooLarge ? Http2ErrorCode.FrameSizeError : Http2ErrorCode.ProtocolError;
}
