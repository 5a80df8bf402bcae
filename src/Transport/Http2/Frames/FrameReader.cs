using System.Buffers;
using System.Diagnostics;

namespace FastSidecar.Transport.Http2.Frames;

/// <summary>Takes the frames that a <see cref="FrameReader"/> cuts out of the bytes of a connection, in their order.</summary>
internal interface IFrameReceiver
{
    /// <summary>A frame of another type than DATA; <paramref name="payload"/> is valid during the call.</summary>
    void OnFrame(FrameHeader header, ReadOnlySpan<byte> payload);

    /// <summary>A DATA frame begins. Its whole length, padding included, counts in flow control now.</summary>
    void OnDataStart(FrameHeader header);

    /// <summary>A piece of that frame's data, without padding.</summary>
    void OnData(ReadOnlySpan<byte> bytes);

    /// <summary>The DATA frame is over; <paramref name="paddingBytes"/> of its length carried no data.</summary>
    void OnDataEnd(int paddingBytes);
}

/// <summary>
/// Cuts frames out of pieces of bytes of any size, down to single ones. DATA goes through piece by piece, as it comes; every other frame is
/// handed over whole, copied only when it was split. So at most one frame other than DATA is held back, and the transport's blocks are
/// always used up at once.
/// </summary>
internal sealed class FrameReader
{
    /// <summary>What a client sends first (RFC 9113 §3.4).</summary>
    public static ReadOnlySpan<byte> ClientPreface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    private readonly IFrameReceiver _receiver;
    private readonly int _maxFrameBytes;
    private readonly byte[] _splitHeader = new byte[FrameHeader.Size];
    private byte[]? _splitPayload;
    private int _split;
    private State _state;
    private FrameHeader _header;
    private int _left;
    private int _padding;

    private enum State
    {
        Preface,
        Header,
        Payload,
        PadLength,
        Data,
        Padding,
        Skip,
    }

    /// <param name="receiver">Takes the frames.</param>
    /// <param name="maxFrameBytes">The SETTINGS_MAX_FRAME_SIZE that we announce: longer frames are an error of the connection.</param>
    /// <param name="expectPreface">Server: the client preface comes first.</param>
    public FrameReader(IFrameReceiver receiver, int maxFrameBytes, bool expectPreface)
    {
        _receiver = receiver;
        _maxFrameBytes = maxFrameBytes;
        _state = expectPreface ? State.Preface : State.Header;
    }

    /// <summary>Inside a DATA frame: the stream it belongs to, else 0.</summary>
    public int OpenDataStreamId => _state is State.PadLength or State.Data or State.Padding ? _header.StreamId : 0;

    /// <exception cref="Http2ConnectionException">The bytes are not HTTP/2, or a frame is too large.</exception>
    public void Read(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            switch (_state)
            {
                case State.Preface:
                    ReadPreface(ref bytes);
                    break;
                case State.Header:
                    ReadHeader(ref bytes);
                    break;
                case State.Payload:
                    ReadPayload(ref bytes);
                    break;
                case State.PadLength:
                    ReadPadLength(ref bytes);
                    break;
                case State.Data:
                    ReadData(ref bytes);
                    break;
                case State.Padding:
                    if (Drop(ref bytes))
                    {
                        EndData();
                    }

                    break;
                case State.Skip:
                    if (Drop(ref bytes))
                    {
                        _state = State.Header;
                    }

                    break;
                default:
                    throw new UnreachableException();
            }
        }
    }

    /// <summary>Gives a split frame's buffer back when the connection ends.</summary>
    public void Release()
    {
        if (_splitPayload is { } buffer)
        {
            _splitPayload = null;
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void ReadPreface(ref ReadOnlySpan<byte> bytes)
    {
        var expected = ClientPreface[_split..];
        var length = Math.Min(expected.Length, bytes.Length);
        if (!bytes[..length].SequenceEqual(expected[..length]))
        {
            throw Http2Faults.Protocol("the client preface is not that of HTTP/2");
        }

        bytes = bytes[length..];
        _split += length;
        if (_split == ClientPreface.Length)
        {
            _split = 0;
            _state = State.Header;
        }
    }

    private void ReadHeader(ref ReadOnlySpan<byte> bytes)
    {
        if (_split == 0 && bytes.Length >= FrameHeader.Size)
        {
            var header = FrameHeader.Parse(bytes);
            bytes = bytes[FrameHeader.Size..];
            StartFrame(header);
            return;
        }

        var length = Math.Min(FrameHeader.Size - _split, bytes.Length);
        bytes[..length].CopyTo(_splitHeader.AsSpan(_split));
        bytes = bytes[length..];
        _split += length;
        if (_split == FrameHeader.Size)
        {
            _split = 0;
            StartFrame(FrameHeader.Parse(_splitHeader));
        }
    }

    private void StartFrame(FrameHeader header)
    {
        if (header.Length > _maxFrameBytes)
        {
            throw Http2Faults.TooLarge(header, _maxFrameBytes);
        }

        _header = header;
        _left = header.Length;
        if (header.Type == FrameType.Data)
        {
            StartData();
        }
        else if (header.Type > FrameType.Continuation)
        {
            // An extension we do not know (RFC 9113 §5.5): reported without its payload, because it may not come inside a header block.
            _receiver.OnFrame(header, default);
            _state = _left == 0 ? State.Header : State.Skip;
        }
        else if (_left == 0)
        {
            _state = State.Header;
            _receiver.OnFrame(header, default);
        }
        else
        {
            _state = State.Payload;
        }
    }

    private void ReadPayload(ref ReadOnlySpan<byte> bytes)
    {
        if (_splitPayload is null && bytes.Length >= _left)
        {
            var payload = bytes[.._left];
            bytes = bytes[_left..];
            _state = State.Header;
            _receiver.OnFrame(_header, payload);
            return;
        }

        _splitPayload ??= ArrayPool<byte>.Shared.Rent(_header.Length);
        var length = Math.Min(_left, bytes.Length);
        bytes[..length].CopyTo(_splitPayload.AsSpan(_header.Length - _left));
        bytes = bytes[length..];
        _left -= length;
        if (_left == 0)
        {
            _state = State.Header;
            _receiver.OnFrame(_header, _splitPayload.AsSpan(0, _header.Length));
            Release();
        }
    }

    private void StartData()
    {
        _padding = 0;
        _receiver.OnDataStart(_header);
        if (_header.Has(FrameFlags.Padded))
        {
            if (_left == 0)
            {
                throw Http2Faults.FrameSize("a padded DATA frame has no pad length");
            }

            _state = State.PadLength;
        }
        else if (_left == 0)
        {
            EndData();
        }
        else
        {
            _state = State.Data;
        }
    }

    private void ReadPadLength(ref ReadOnlySpan<byte> bytes)
    {
        var padding = bytes[0];
        bytes = bytes[1..];
        _left--;
        if (padding > _left)
        {
            throw Http2Faults.Protocol($"a DATA frame of {_header.Length} bytes claims {padding} bytes of padding");
        }

        _left -= padding;
        _padding = padding;
        _state = State.Data;
        if (_left == 0)
        {
            StartPadding();
        }
    }

    private void ReadData(ref ReadOnlySpan<byte> bytes)
    {
        var length = Math.Min(_left, bytes.Length);
        var data = bytes[..length];
        bytes = bytes[length..];
        _left -= length;
        _receiver.OnData(data);
        if (_left == 0)
        {
            StartPadding();
        }
    }

    private void StartPadding()
    {
        _left = _padding;
        _state = State.Padding;
        if (_left == 0)
        {
            EndData();
        }
    }

    private void EndData()
    {
        _state = State.Header;
        _receiver.OnDataEnd(_header.Has(FrameFlags.Padded) ? _padding + 1 : 0);
    }

    private bool Drop(ref ReadOnlySpan<byte> bytes)
    {
        var length = Math.Min(_left, bytes.Length);
        bytes = bytes[length..];
        _left -= length;
        return _left == 0;
    }
}
