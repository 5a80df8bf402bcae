using System.Buffers.Binary;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Http2;
using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Grpc;

/// <summary>One stream: what came, and what we may still send.</summary>
internal sealed class GrpcStream(int id)
{
    public int Id { get; } = id;

    public Http2StreamSeen Seen { get; } = new();

    /// <summary>The first header block ended the stream.</summary>
    public bool EndedByHeaders { get; set; }

    /// <summary>We have ended our side, or reset the stream.</summary>
    public bool IsDoneHere { get; set; }

    /// <summary>The peer reset it while our answer was not over.</summary>
    public bool WasResetEarly { get; set; }

    public long SendWindow { get; set; }

    /// <summary>Whole messages so far.</summary>
    public int MessageCount
    {
        get
        {
            var body = Seen.Body.GetBuffer().AsSpan(0, (int)Seen.Body.Length);
            var count = 0;
            for (long at = 0; at + 5 <= body.Length; count++)
            {
                at += 5 + BinaryPrimitives.ReadUInt32BigEndian(body[((int)at + 1)..]);
                if (at > body.Length)
                {
                    break;
                }
            }

            return count;
        }
    }
}

/// <summary>
/// Either end of an HTTP/2 connection for scripts of several streams: reads in the background, answers SETTINGS and PING, keeps to the peer's
/// windows, checks nothing.
/// </summary>
internal sealed class GrpcPeer(RawConnection connection, bool isServer) : IDisposable
{
    private const int DefaultWindow = 65535;
    private const int MostFrameBytes = 16 * 1024;
    private static readonly TimeSpan Forever = TimeSpan.FromHours(1);

    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _sending = new(1);
    private readonly HpackReader _hpack = new();
    private readonly MemoryStream _block = new();
    private readonly Dictionary<int, GrpcStream> _streams = [];
    private readonly List<string> _frames = [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _blockEndsStream;
    private bool _isSilent;
    private long _sendWindow = DefaultWindow;
    private long _initialWindow = DefaultWindow;

    public RawConnection Connection => connection;

    public JsonObject? GoAway { get; private set; }

    /// <summary>Tells of a stream that the other side opened.</summary>
    public Action<GrpcStream>? Opened { get; init; }

    /// <summary>Every frame that came, in words.</summary>
    public IReadOnlyList<string> Frames
    {
        get
        {
            lock (_lock)
            {
                return [.. _frames];
            }
        }
    }

    /// <summary>Preface, SETTINGS and a large connection window; then reads until the end.</summary>
    public async Task StartAsync()
    {
        byte[] hello =
        [
            .. isServer ? [] : Http2Frame.Preface.ToArray(), .. Http2Peer.OwnSettings.ToBytes(), .. Http2Frame.WindowUpdate(0, int.MaxValue - DefaultWindow).ToBytes(),
        ];
        await connection.SendAsync(hello);
        _ = Task.Run(() => ReadAsync(isServer ? Http2Frame.Preface.Length : 0));
    }

    /// <summary>Only reads and never answers: the script sends the preface, or what it has in its place.</summary>
    public void Listen()
    {
        _isSilent = true;
        _ = Task.Run(() => ReadAsync(0));
    }

    public GrpcStream Stream(int id)
    {
        lock (_lock)
        {
            return StreamLocked(id);
        }
    }

    /// <summary>Waits until <paramref name="condition"/> holds, the connection ends or the time is over.</summary>
    public async Task<bool> UntilAsync(Func<bool> condition, TimeSpan patience)
    {
        var deadline = Clock.Now + patience.TotalSeconds;
        while (true)
        {
            Task changed;
            lock (_lock)
            {
                if (condition())
                {
                    return true;
                }

                changed = _changed.Task;
            }

            var left = deadline - Clock.Now;
            if (left <= 0 || IsOver)
            {
                return condition();
            }

            await Task.WhenAny(changed, Task.Delay(TimeSpan.FromSeconds(Math.Min(left, 3600))));
        }
    }

    public bool IsOver { get; private set; }

    public async Task SendAsync(IEnumerable<Http2Frame> frames)
    {
        await _sending.WaitAsync();
        try
        {
            await connection.SendAsync(frames.SelectMany(f => f.ToBytes()).ToArray());
        }
        finally
        {
            _sending.Release();
        }
    }

    /// <summary>DATA as far as the windows allow, waiting for more; gives up when the stream or the connection has ended.</summary>
    public async Task SendDataAsync(GrpcStream stream, ReadOnlyMemory<byte> data, bool endStream)
    {
        do
        {
            var size = 0;
            await UntilAsync(() => stream.Seen.Reset is not null || data.Length == 0 || Math.Min(_sendWindow, stream.SendWindow) > 0, Forever);
            lock (_lock)
            {
                size = (int)Math.Min(Math.Min(_sendWindow, stream.SendWindow), Math.Min(data.Length, MostFrameBytes));
                _sendWindow -= Math.Max(size, 0);
                stream.SendWindow -= Math.Max(size, 0);
            }

            if (IsOver || stream.Seen.Reset is not null || (size <= 0 && data.Length > 0))
            {
                return;
            }

            var last = size == data.Length;
            await SendAsync([new Http2Frame(Http2FrameType.Data, last && endStream ? Http2Frame.EndStream : (byte)0, stream.Id, data[..size].ToArray())]);
            data = data[size..];
        }
        while (data.Length > 0);
    }

    public void Dispose() => connection.Dispose();

    private GrpcStream StreamLocked(int id)
    {
        if (!_streams.TryGetValue(id, out var stream))
        {
            _streams[id] = stream = new GrpcStream(id) { SendWindow = _initialWindow };
        }

        return stream;
    }

    private async Task ReadAsync(int skip)
    {
        await connection.UntilAsync(() => connection.PeerEnd is not null || connection.Count >= skip, Forever);
        connection.Consume(skip);
        try
        {
            while (true)
            {
                await connection.UntilAsync(() => connection.PeerEnd is not null || connection.Look(r => Http2Frame.TryRead(r.Span, out _) is not null), Forever);
                var consumed = 0;
                if (connection.Look(r => Http2Frame.TryRead(r.Span, out consumed)) is not { } frame)
                {
                    break;
                }

                connection.Consume(consumed);
                GrpcStream? opened;
                lock (_lock)
                {
                    _frames.Add(FrameText.Of(frame));
                    opened = Take(frame);
                }

                Signal();
                if (opened is not null)
                {
                    Opened?.Invoke(opened);
                }

                if (!_isSilent && (frame.Type is Http2FrameType.Settings or Http2FrameType.Ping) && !frame.Has(Http2Frame.Acknowledgement))
                {
                    await SendAsync([frame with { Flags = Http2Frame.Acknowledgement, Payload = frame.Type == Http2FrameType.Ping ? frame.Payload : [] }]);
                }
            }
        }
        catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException or ObjectDisposedException)
        {
            // The other side went away.
        }

        IsOver = true;
        Signal();
    }

    private void Signal()
    {
        TaskCompletionSource changed;
        lock (_lock)
        {
            changed = _changed;
            _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        changed.SetResult();
    }

    /// <returns>The stream that this frame opened.</returns>
    private GrpcStream? Take(Http2Frame frame)
    {
        switch (frame.Type)
        {
            case Http2FrameType.Settings when !frame.Has(Http2Frame.Acknowledgement):
                TakeSettings(frame);
                break;
            case Http2FrameType.GoAway:
                GoAway = FrameText.GoAway(frame);
                break;
            case Http2FrameType.WindowUpdate when frame.Stream == 0:
                _sendWindow += BinaryPrimitives.ReadUInt32BigEndian(frame.Payload);
                break;
            case Http2FrameType.WindowUpdate:
                StreamLocked(frame.Stream).SendWindow += BinaryPrimitives.ReadUInt32BigEndian(frame.Payload);
                break;
            case Http2FrameType.RstStream:
                var reset = StreamLocked(frame.Stream);
                reset.WasResetEarly = !reset.IsDoneHere;
                reset.Seen.Reset = frame.ErrorCode;
                break;
            case Http2FrameType.Data:
                StreamLocked(frame.Stream).Seen.Body.Write(frame.Content);
                StreamLocked(frame.Stream).Seen.Ended |= frame.Has(Http2Frame.EndStream);
                break;
            case Http2FrameType.Headers:
                _block.SetLength(0);
                _blockEndsStream = frame.Has(Http2Frame.EndStream);
                _block.Write(frame.Content);
                return EndBlock(frame);
            case Http2FrameType.Continuation:
                _block.Write(frame.Payload);
                return EndBlock(frame);
            default:
                break;
        }

        return null;
    }

    private GrpcStream? EndBlock(Http2Frame frame)
    {
        if (!frame.Has(Http2Frame.EndHeaders))
        {
            return null;
        }

        var fields = _hpack.Read(_block.ToArray());
        var stream = StreamLocked(frame.Stream);
        var isFirst = stream.Seen.Headers is null;
        if (isFirst)
        {
            stream.Seen.Headers = fields;
            stream.EndedByHeaders = _blockEndsStream;
        }
        else
        {
            stream.Seen.Trailers = fields;
        }

        stream.Seen.Ended |= _blockEndsStream;
        return isFirst ? stream : null;
    }

    private void TakeSettings(Http2Frame frame)
    {
        const int InitialWindowSize = 4;
        for (var at = 0; at + 6 <= frame.Payload.Length; at += 6)
        {
            if (BinaryPrimitives.ReadUInt16BigEndian(frame.Payload.AsSpan(at)) == InitialWindowSize)
            {
                long window = BinaryPrimitives.ReadUInt32BigEndian(frame.Payload.AsSpan(at + 2));
                foreach (var stream in _streams.Values)
                {
                    stream.SendWindow += window - _initialWindow;
                }

                _initialWindow = window;
            }
        }
    }
}
