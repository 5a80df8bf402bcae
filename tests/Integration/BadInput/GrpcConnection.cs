using System.Text;
using FastSidecar.Integration.Shared;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Hpack;

namespace FastSidecar.Integration.BadInput;

/// <summary>How a call by hand ended: with a status, or with the end of its stream or connection.</summary>
internal sealed class GrpcOutcome
{
    public Dictionary<string, string> Fields { get; } = [];

    public uint? Reset { get; set; }

    public bool Ended { get; set; }

    /// <summary>grpc-status, or −1 without one.</summary>
    public int Code => Fields.TryGetValue("grpc-status", out var code) ? int.Parse(code, System.Globalization.CultureInfo.InvariantCulture) : -1;

    public string Message => Fields.GetValueOrDefault("grpc-message", "");

    public string HttpStatus => Fields.GetValueOrDefault(":status", "");

    public override string ToString() => $"ended {Ended}, reset {Reset}, {string.Join(", ", Fields.Select(static field => $"{field.Key}: {field.Value}"))}";
}

/// <summary>A connection to a gRPC port on which calls are made by hand: whatever frames, right or wrong.</summary>
internal sealed class GrpcConnection : IDisposable
{
    private readonly HpackDecoder _decoder = new(1 << 20);
    private readonly Dictionary<int, GrpcOutcome> _outcomes = [];

    private GrpcConnection(RawConnection raw)
    {
        Raw = raw;
    }

    public RawConnection Raw { get; }

    /// <summary>The connection was ended by the server, or is being.</summary>
    public bool Ended { get; private set; }

    public static async Task<GrpcConnection> OpenAsync(int port)
    {
        var connection = new GrpcConnection(await RawConnection.ConnectAsync(port));
        await connection.Raw.SendAsync(Http2Frames.ClientStart);
        return connection;
    }

    public Task<bool> SendAsync(params IEnumerable<byte[]> frames) => Raw.SendAsync(frames.SelectMany(static frame => frame).ToArray());

    /// <summary>Waits until the stream, or the connection, has ended.</summary>
    public async Task<GrpcOutcome> EndAsync(int stream)
    {
        var outcome = OutcomeOf(stream);
        while (!outcome.Ended && !Ended)
        {
            Ended |= !await Raw.ReceiveAsync();
            foreach (var (type, flags, id, payload) in Http2Frames.Read(Raw.Received))
            {
                Raw.Take(9 + payload.Length);
                await TakeAsync(type, flags, id, payload);
            }
        }

        return outcome;
    }

    public void Dispose() => Raw.Dispose();

    private async Task TakeAsync(byte type, byte flags, int stream, byte[] payload)
    {
        switch (type)
        {
            case Http2Frames.HeadersType:
                var fields = new HeaderList();
                _decoder.Decode(payload, fields);
                for (var i = 0; i < fields.Count; i++)
                {
                    OutcomeOf(stream).Fields[Encoding.Latin1.GetString(fields.Name(i))] = Encoding.Latin1.GetString(fields.Value(i));
                }

                break;
            case Http2Frames.Data when payload.Length > 0:
                await SendAsync(Http2Frames.WindowUpdate(0, (uint)payload.Length));
                break;
            case Http2Frames.RstStream:
                var outcome = OutcomeOf(stream);
                outcome.Reset = System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(payload);
                outcome.Ended = true;
                break;
            case Http2Frames.GoAway:
                Ended = true;
                break;
            default:
                break;
        }

        if (type is Http2Frames.HeadersType or Http2Frames.Data && (flags & Http2Frames.EndStream) != 0)
        {
            OutcomeOf(stream).Ended = true;
        }
    }

    private GrpcOutcome OutcomeOf(int stream) => _outcomes.TryGetValue(stream, out var outcome) ? outcome : _outcomes[stream] = new GrpcOutcome();
}
