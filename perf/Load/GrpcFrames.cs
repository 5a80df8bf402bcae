using System.Buffers.Binary;

namespace FastSidecar.Load;

/// <summary>The frames that a client of unary calls writes (RFC 9113 §4.1, §6), behind each other in one growing buffer.</summary>
internal sealed class GrpcFrames
{
    public const int HeaderSize = 9;
    public const byte Data = 0;
    public const byte Headers = 1;
    public const byte Reset = 3;
    public const byte Settings = 4;
    public const byte PushPromise = 5;
    public const byte Ping = 6;
    public const byte GoAway = 7;
    public const byte WindowUpdate = 8;
    public const byte Continuation = 9;
    public const byte EndStream = 1;
    public const byte Ack = 1;
    public const byte EndHeaders = 4;
    public const byte Padded = 8;
    public const byte Priority = 32;

    private byte[] _buffer = new byte[64 * 1024];
    private int _start;
    private int _end;

    public ReadOnlySpan<byte> Pending => _buffer.AsSpan(_start, _end - _start);

    public void Sent(int bytes)
    {
        _start += bytes;
        if (_start == _end)
        {
            _start = _end = 0;
        }
    }

    public void WriteRaw(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Take(bytes.Length));

    public void Write(byte type, byte flags, int stream, ReadOnlySpan<byte> payload)
    {
        var frame = Take(HeaderSize + payload.Length);
        BinaryPrimitives.WriteUInt32BigEndian(frame, ((uint)payload.Length << 8) | type);
        frame[4] = flags;
        BinaryPrimitives.WriteInt32BigEndian(frame[5..], stream);
        payload.CopyTo(frame[HeaderSize..]);
    }

    public void WriteWindowUpdate(int stream, int increment)
    {
        Span<byte> payload = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(payload, increment);
        Write(WindowUpdate, 0, stream, payload);
    }

    private Span<byte> Take(int length)
    {
        if (_buffer.Length - _end < length)
        {
            var pending = _end - _start;
            var larger = _buffer.Length - pending < length ? new byte[Math.Max(_buffer.Length * 2, pending + length)] : _buffer;
            Pending.CopyTo(larger);
            (_buffer, _start, _end) = (larger, 0, pending);
        }

        _end += length;
        return _buffer.AsSpan(_end - length, length);
    }
}
