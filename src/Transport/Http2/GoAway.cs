using System.Text;
using FastSidecar.Transport.Http2.Streams;

namespace FastSidecar.Transport.Http2;

/// <summary>
/// The orderly end of a connection, announced by either side (RFC 9113 §6.8). Guarded by the connection's lock. A server goes in two steps,
/// as grpc-go does: a GOAWAY that names the highest id and a PING, then, when the PING's answer shows that the client has heard of it, a
/// GOAWAY with the last stream that will be served.
/// </summary>
internal sealed class GoAway
{
    public const int MaxStreamId = int.MaxValue;

    private const ulong DrainPing = 0x6472_6169_6e00_0001;

    private readonly Http2Connection _connection;
    private readonly StreamSet _streams;
    private int _lastStreamId = MaxStreamId;

    public GoAway(Http2Connection connection, StreamSet streams)
    {
        _connection = connection;
        _streams = streams;
    }

    /// <summary>Client: the peer opens no streams of ours any more.</summary>
    public bool IsReceived { get; private set; }

    /// <summary>Server: the client knows the last stream. Client: nothing needs to be known.</summary>
    public bool IsFinal { get; private set; }

    /// <summary>Server: our GOAWAY said that the stream will not be looked at.</summary>
    public bool IsPastLast(int id) => IsFinal && id > _lastStreamId;

    /// <summary>Begins to drain; the connection takes no new streams from here on.</summary>
    public void Announce(string debugText)
    {
        if (!_connection.IsServer)
        {
            IsFinal = true;
            return;
        }

        _connection.Output.WriteGoAwayUnsynchronized(MaxStreamId, Http2ErrorCode.NoError, debugText);
        _connection.Output.WritePingUnsynchronized(DrainPing);
    }

    /// <summary>True when this was the answer to the announcement, and the last stream is now told.</summary>
    public bool OnPingAck(ulong opaque)
    {
        if (opaque != DrainPing || IsFinal || !_connection.IsServer)
        {
            return false;
        }

        Finish();
        return true;
    }

    /// <summary>Server: tells the last stream that will be served.</summary>
    public void Finish()
    {
        IsFinal = true;
        _lastStreamId = _streams.HighestPeerId;
        _connection.Output.WriteGoAwayUnsynchronized(_lastStreamId, Http2ErrorCode.NoError, "");
    }

    /// <summary>Client: fails the streams that the peer will not look at. The others go on.</summary>
    public void OnReceived(int lastStreamId, Http2ErrorCode code, ReadOnlySpan<byte> debugText)
    {
        IsReceived = true;
        IsFinal = true;
        _lastStreamId = Math.Min(_lastStreamId, lastStreamId); // never up again
        var reason = $"the peer went away with {code.WireName()} {Encoding.UTF8.GetString(debugText)}".TrimEnd();
        foreach (var stream in _streams.ToArray())
        {
            if (stream.Id > _lastStreamId)
            {
                stream.FailUnsynchronized(StreamFault.NeverProcessed, code, reason);
            }
        }
    }
}
