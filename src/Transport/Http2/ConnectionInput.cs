using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics;
using FastSidecar.Transport.Http2.Frames;
using FastSidecar.Transport.Http2.Streams;

namespace FastSidecar.Transport.Http2;

/// <summary>
/// Everything that arrives on a connection: judges each frame and changes the state of streams, windows and settings. Runs under the
/// connection's lock for a whole read batch and runs no code of a caller: streams that have news are marked ready.
/// </summary>
/// <remarks>
/// An error of the connection is thrown as <see cref="Http2ConnectionException"/>; an error of a stream resets it and goes on (RFC 9113
/// §5.4).
/// </remarks>
internal sealed class ConnectionInput : IFrameReceiver
{
    private readonly Http2Connection _connection;
    private readonly FloodGuard _floods;
    private readonly PeerConduct _conduct;
    private readonly HeadInput _heads;
    private readonly DataInput _data;
    private readonly FrameReader _reader;

    public ConnectionInput(Http2Connection connection, Http2Options options, FloodGuard floods)
    {
        _connection = connection;
        _floods = floods;
        _conduct = new PeerConduct(connection.Streams, floods);
        _heads = new HeadInput(connection, _conduct, floods, options);
        _data = new DataInput(connection.Streams, connection.Output, _conduct, floods, options);
        _reader = new FrameReader(this, Math.Max(options.MaxFrameBytes, FrameHeader.DefaultMaxLength), expectPreface: connection.IsServer);
    }

    /// <summary>The peer's first SETTINGS have come.</summary>
    public bool HasSettings { get; private set; }

    /// <summary>Server: the request that the connection was upgraded with, as if it had come in frames.</summary>
    public void OpenUnsynchronized(UpgradedRequest request)
    {
        _connection.TakeUpgradeSettingsUnsynchronized(request.Settings.Span);
        if (_heads.Open(request.Head, endStream: request.Body.IsEmpty) is { } stream && !request.Body.IsEmpty)
        {
            _data.TakeWhole(stream, request.Body.Span);
        }
    }

    /// <summary>Takes one read batch.</summary>
    public void ReadUnsynchronized(in ReadOnlySequence<byte> bytes)
    {
        Debug.Assert(_connection.Gate.IsHeldByCurrentThread, "the connection's lock guards the input");
        if (_reader.OpenDataStreamId is var id and not 0)
        {
            _data.Resume(id);
        }

        foreach (var segment in bytes)
        {
            _reader.Read(segment.Span);
        }
    }

    /// <summary>Gives buffers back when the connection has ended.</summary>
    public void ReleaseUnsynchronized() => _reader.Release();

    /// <summary>So many received bytes are no longer buffered. True when a WINDOW_UPDATE was queued.</summary>
    public bool FreeUnsynchronized(int bytes) => _data.FreeUnsynchronized(bytes);

    public void OnFrame(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        CheckOrder(header);
        switch (header.Type)
        {
            case FrameType.Headers:
                _heads.Start(header, payload);
                break;
            case FrameType.Continuation:
                _heads.Continue(header, payload);
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
        _data.Start(header);
    }

    public void OnData(ReadOnlySpan<byte> bytes) => _data.Read(bytes);

    public void OnDataEnd(int paddingBytes) => _data.End(paddingBytes);

    /// <summary>The first frame is SETTINGS (RFC 9113 §3.4); a header block is not interrupted (§4.3).</summary>
    private void CheckOrder(FrameHeader header)
    {
        if (!HasSettings && (header.Type != FrameType.Settings || header.Has(FrameFlags.Ack)))
        {
            throw Http2Faults.Protocol("the first frame is not SETTINGS");
        }

        if (_heads.OpenBlockStreamId is var open and not 0 && (header.Type != FrameType.Continuation || header.StreamId != open))
        {
            throw Http2Faults.Protocol("a header block was interrupted by another frame");
        }
    }

    private void OnSettings(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        PeerConduct.RequireNoStream(header);
        if (header.Has(FrameFlags.Ack))
        {
            PeerConduct.RequireLength(header, payload.IsEmpty);
            _connection.OnSettingsAckUnsynchronized();
            return;
        }

        _floods.OnSettings();
        _connection.OnSettingsUnsynchronized(payload);
        HasSettings = true;
    }

    private void OnWindowUpdate(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        PeerConduct.RequireLength(header, payload.Length == sizeof(int));
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

        if (_connection.Streams.Find(header.StreamId) is not { } stream)
        {
            _conduct.RequireOpened(header);
        }
        else if (increment == 0)
        {
            _conduct.Break(stream, Http2ErrorCode.ProtocolError, "the peer sent a WINDOW_UPDATE of 0");
        }
        else if (!stream.SendWindow.TryShift(increment))
        {
            _conduct.Break(stream, Http2ErrorCode.FlowControlError, "the peer made the stream's window larger than 2^31 - 1");
        }
        else
        {
            _connection.Output.SendUnsynchronized(stream);
        }
    }

    private void OnReset(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        PeerConduct.RequireStream(header);
        PeerConduct.RequireLength(header, payload.Length == sizeof(uint));
        var code = (Http2ErrorCode)BinaryPrimitives.ReadUInt32BigEndian(payload);
        if (_connection.Streams.Find(header.StreamId) is not { } stream)
        {
            _conduct.RequireOpened(header);
            _floods.OnLateReset();
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
        PeerConduct.RequireNoStream(header);
        PeerConduct.RequireLength(header, payload.Length == sizeof(ulong));
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
        PeerConduct.RequireNoStream(header);
        PeerConduct.RequireLength(header, payload.Length >= 2 * sizeof(int));
        var lastStreamId = BinaryPrimitives.ReadInt32BigEndian(payload) & 0x7fffffff;
        var code = (Http2ErrorCode)BinaryPrimitives.ReadUInt32BigEndian(payload[4..]);
        _connection.OnGoAwayUnsynchronized(lastStreamId, code, payload[8..]);
    }

    /// <summary>Deprecated and without effect (RFC 9113 §5.3.2), but its form is still checked (§6.3).</summary>
    private void OnPriority(FrameHeader header)
    {
        PeerConduct.RequireStream(header);
        _floods.OnIdleFrame();
        if (header.Length == 5)
        {
            return;
        }

        if (_connection.Streams.Find(header.StreamId) is not { } stream)
        {
            throw Http2Faults.FrameSize($"PRIORITY of {header.Length} bytes");
        }

        _conduct.Break(stream, Http2ErrorCode.FrameSizeError, $"the peer sent PRIORITY of {header.Length} bytes");
    }
}
