using System.Globalization;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Http2;

/// <summary>What came on one stream.</summary>
internal sealed class Http2StreamSeen
{
    public List<(string Name, string Value)>? Headers { get; set; }

    public List<(string Name, string Value)>? Trailers { get; set; }

    public MemoryStream Body { get; } = new();

    public int? Reset { get; set; }

    public bool Ended { get; set; }

    public bool IsOver => Ended || Reset is not null;
}

/// <summary>
/// Either end of a raw HTTP/2 connection: answers SETTINGS and PING, grants large windows at once and keeps what came per stream. It
/// checks nothing, so that it can talk to a faulty peer.
/// </summary>
internal sealed class Http2Peer
{
    private const ushort InitialWindowSize = 4;
    private const int LargeWindow = 0x7fff_0000;

    private readonly RawConnection _connection;
    private readonly HpackReader _hpack = new();
    private readonly Dictionary<int, Http2StreamSeen> _streams = [];
    private readonly MemoryStream _block = new();
    private bool _blockEndsStream;

    public Http2Peer(RawConnection connection)
    {
        _connection = connection;
    }

    /// <summary>The first SETTINGS of the peer, by id.</summary>
    public JsonObject? Settings { get; private set; }

    public int? GoAway { get; private set; }

    public IReadOnlyDictionary<int, Http2StreamSeen> Streams => _streams;

    public static Http2Frame OwnSettings => Http2Frame.Settings((InitialWindowSize, LargeWindow));

    public async Task SendAsync(IEnumerable<Http2Frame> frames)
    {
        foreach (var frame in frames)
        {
            await _connection.SendAsync(frame.ToBytes());
        }
    }

    /// <summary>Our SETTINGS and a large connection window.</summary>
    public Task StartAsync() => SendAsync([OwnSettings, Http2Frame.WindowUpdate(0, LargeWindow - 65535)]);

    public Http2StreamSeen Stream(int id)
    {
        if (!_streams.TryGetValue(id, out var stream))
        {
            _streams[id] = stream = new Http2StreamSeen();
        }

        return stream;
    }

    /// <summary>Reads frames until <paramref name="done"/>, the end of the connection, or the time is over.</summary>
    public async Task<bool> ReadUntilAsync(Func<bool> done, TimeSpan patience)
    {
        var deadline = Clock.Now + patience.TotalSeconds;
        while (true)
        {
            while (NextFrame() is { } frame)
            {
                await TakeAsync(frame);
            }

            if (done())
            {
                return true;
            }

            var left = deadline - Clock.Now;
            if (left <= 0 || _connection.PeerEnd is not null)
            {
                return false;
            }

            await _connection.UntilAsync(
                () => _connection.PeerEnd is not null || _connection.Look(r => Http2Frame.TryRead(r.Span, out _) is not null), TimeSpan.FromSeconds(left));
        }
    }

    private Http2Frame? NextFrame()
    {
        var consumed = 0;
        var frame = _connection.Look(r => Http2Frame.TryRead(r.Span, out consumed));
        _connection.Consume(consumed);
        return frame;
    }

    private async Task TakeAsync(Http2Frame frame)
    {
        switch (frame.Type)
        {
            case Http2FrameType.Settings when !frame.Has(Http2Frame.Acknowledgement):
                Settings ??= ReadSettings(frame);
                await SendAsync([new Http2Frame(Http2FrameType.Settings, Http2Frame.Acknowledgement, 0, [])]);
                break;
            case Http2FrameType.Ping when !frame.Has(Http2Frame.Acknowledgement):
                await SendAsync([frame with { Flags = Http2Frame.Acknowledgement }]);
                break;
            case Http2FrameType.GoAway:
                GoAway = frame.ErrorCode;
                break;
            case Http2FrameType.RstStream:
                Stream(frame.Stream).Reset = frame.ErrorCode;
                break;
            case Http2FrameType.Data:
                Stream(frame.Stream).Body.Write(frame.Content);
                Stream(frame.Stream).Ended |= frame.Has(Http2Frame.EndStream);
                break;
            case Http2FrameType.Headers:
                _block.SetLength(0);
                _blockEndsStream = frame.Has(Http2Frame.EndStream);
                _block.Write(frame.Content);
                EndBlock(frame);
                break;
            case Http2FrameType.Continuation:
                _block.Write(frame.Payload);
                EndBlock(frame);
                break;
            default:
                break;
        }
    }

    private void EndBlock(Http2Frame frame)
    {
        if (!frame.Has(Http2Frame.EndHeaders))
        {
            return;
        }

        var fields = _hpack.Read(_block.ToArray());
        var stream = Stream(frame.Stream);
        if (stream.Headers is null || IsInterim(stream.Headers))
        {
            stream.Headers = fields;
        }
        else
        {
            stream.Trailers = fields;
        }

        stream.Ended |= _blockEndsStream;
    }

    private static bool IsInterim(List<(string Name, string Value)> fields) => fields.Exists(f => f.Name == ":status" && f.Value.StartsWith('1'));

    private static JsonObject ReadSettings(Http2Frame frame)
    {
        var settings = new JsonObject();
        for (var at = 0; at + 6 <= frame.Payload.Length; at += 6)
        {
            var id = System.Buffers.Binary.BinaryPrimitives.ReadUInt16BigEndian(frame.Payload.AsSpan(at));
            settings[id.ToString(CultureInfo.InvariantCulture)] = (long)System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(frame.Payload.AsSpan(at + 2));
        }

        return settings;
    }
}
