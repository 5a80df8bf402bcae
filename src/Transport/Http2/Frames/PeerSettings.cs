using System.Buffers.Binary;
using FastSidecar.Transport.Http2.FlowControl;

namespace FastSidecar.Transport.Http2.Frames;

/// <summary>What the peer announced; the protocol's defaults until then.</summary>
internal sealed class PeerSettings
{
    private const int EntrySize = 6;

    /// <summary>The most of the peer's MAX_FRAME_SIZE that we use: longer frames would let one stream hold the connection.</summary>
    private const int LongestSentFrameBytes = 128 * 1024;

    private readonly bool _peerIsServer;

    public PeerSettings(bool peerIsServer)
    {
        _peerIsServer = peerIsServer;
    }

    public uint HeaderTableBytes { get; private set; } = 4096;

    /// <summary>How many streams the peer lets us have open; no limit unless it says so.</summary>
    public int MaxConcurrentStreams { get; private set; } = int.MaxValue;

    public int InitialWindowBytes { get; private set; } = Window.InitialBytes;

    public int MaxFrameBytes { get; private set; } = FrameHeader.DefaultMaxLength;

    /// <summary>Advice only (RFC 9113 §6.5.2).</summary>
    public uint MaxHeaderListBytes { get; private set; } = uint.MaxValue;

    /// <summary>Takes the entries of a SETTINGS frame in their order.</summary>
    /// <exception cref="Http2ConnectionException">The length or a value is illegal.</exception>
    public void Apply(ReadOnlySpan<byte> payload)
    {
        if (payload.Length % EntrySize != 0)
        {
            throw Http2Faults.FrameSize($"a SETTINGS frame has {payload.Length} bytes");
        }

        for (; !payload.IsEmpty; payload = payload[EntrySize..])
        {
            var id = (SettingId)BinaryPrimitives.ReadUInt16BigEndian(payload);
            Apply(id, BinaryPrimitives.ReadUInt32BigEndian(payload[2..]));
        }
    }

    private void Apply(SettingId id, uint value)
    {
        switch (id)
        {
            case SettingId.HeaderTableSize:
                HeaderTableBytes = value;
                break;
            case SettingId.EnablePush:
                if (value > 1 || (_peerIsServer && value == 1))
                {
                    throw Http2Faults.Protocol($"SETTINGS_ENABLE_PUSH is {value}");
                }

                break;
            case SettingId.MaxConcurrentStreams:
                MaxConcurrentStreams = (int)Math.Min(value, int.MaxValue);
                break;
            case SettingId.InitialWindowSize:
                if (value > Window.MaxBytes)
                {
                    throw Http2Faults.FlowControl($"SETTINGS_INITIAL_WINDOW_SIZE is {value}");
                }

                InitialWindowBytes = (int)value;
                break;
            case SettingId.MaxFrameSize:
                if (value is < FrameHeader.DefaultMaxLength or > FrameHeader.MaxLength)
                {
                    throw Http2Faults.Protocol($"SETTINGS_MAX_FRAME_SIZE is {value}");
                }

                MaxFrameBytes = (int)Math.Min(value, LongestSentFrameBytes);
                break;
            case SettingId.MaxHeaderListSize:
                MaxHeaderListBytes = value;
                break;
            default:
                break;
        }
    }
}
