using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using FastSidecar.Transport.Hpack;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Load;

/// <summary>
/// One cleartext HTTP/2 connection with unary gRPC calls (RFC 9113; grpc/grpc doc/PROTOCOL-HTTP2.md). Frames that one batch of answers
/// gives rise to leave in one piece. What a server of a measurement has no reason to do (pushing, going away, CONTINUATION) voids the
/// run.
/// </summary>
internal sealed class GrpcConnection : Connection
{
    /// <summary>Window for what comes: more than any answer of a run, so that no window of ours ever holds a server up.</summary>
    private const int ReceiveWindow = 1 << 30;
    private const int DefaultWindow = 65535;
    private const int DefaultFrame = 16384;
    private const int SettingHeaderTable = 1;
    private const int SettingPush = 2;
    private const int SettingStreams = 3;
    private const int SettingWindow = 4;
    private const int SettingFrame = 5;

    private readonly LoadSocket _socket;
    private readonly IAnswers _answers;
    private readonly HeaderList[] _heads;
    private readonly byte[] _message;
    private readonly GrpcFrames _output = new();
    private readonly ArrayBufferWriter<byte> _block = new(1024);
    private readonly HpackEncoder _encoder = new();
    private readonly HpackDecoder _decoder = new(64 * 1024);
    private readonly HeaderList _fields = new();
    private readonly Dictionary<int, GrpcCall> _calls;
    private readonly Stack<GrpcCall> _unused = new();
    private readonly Queue<GrpcCall> _blocked = new();
    private readonly byte[] _input = new byte[256 * 1024];
    private int _inputLength;
    private int _nextStream = 1;
    private long _window = DefaultWindow;
    private long _streamWindow = DefaultWindow;
    private int _frame = DefaultFrame;
    private int _received;
    private bool _reading;

    /// <param name="heads">Request fields, taken in turn.</param>
    /// <param name="message">With its prefix.</param>
    public GrpcConnection(LoadSocket socket, IAnswers answers, HeaderList[] heads, byte[] message, int slots)
    {
        _socket = socket;
        _answers = answers;
        _heads = heads;
        _message = message;
        Slots = slots;
        _calls = new Dictionary<int, GrpcCall>(slots);
        for (var i = 0; i < slots; i++)
        {
            _unused.Push(new GrpcCall());
        }

        _socket.Connect();
        _output.WriteRaw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8);
        Span<byte> settings = stackalloc byte[12];
        BinaryPrimitives.WriteUInt16BigEndian(settings, SettingPush);
        BinaryPrimitives.WriteUInt32BigEndian(settings[2..], 0);
        BinaryPrimitives.WriteUInt16BigEndian(settings[6..], SettingWindow);
        BinaryPrimitives.WriteUInt32BigEndian(settings[8..], ReceiveWindow);
        _output.Write(GrpcFrames.Settings, 0, 0, settings);
        _output.WriteWindowUpdate(0, ReceiveWindow - DefaultWindow);
    }

    public override int Slots { get; }

    /// <summary>The fields of a call of each path of the target.</summary>
    public static HeaderList[] Heads(LoadTarget target, IReadOnlyList<string> headers) =>
    [
        .. target.Paths.Select(path =>
        {
            var fields = new HeaderList();
            Add(":method", "POST");
            Add(":scheme", "http");
            Add(":path", path);
            Add(":authority", target.Authority);
            Add("te", "trailers");
            Add("content-type", "application/grpc");
            foreach (var header in headers)
            {
                var colon = header.IndexOf(':');
                Add(header[..colon].ToLowerInvariant(), header[(colon + 1)..].Trim());
            }

            return fields;

            void Add(string name, string value) =>
                fields.Add(System.Text.Encoding.ASCII.GetBytes(name), System.Text.Encoding.ASCII.GetBytes(value));
        }),
    ];

    /// <summary>A message behind its prefix.</summary>
    public static byte[] Message(ReadOnlySpan<byte> body)
    {
        var message = new byte[5 + body.Length];
        BinaryPrimitives.WriteInt32BigEndian(message.AsSpan(1), body.Length);
        body.CopyTo(message.AsSpan(5));
        return message;
    }

    public override void Begin(in Ticket ticket)
    {
        var call = _unused.Pop();
        call.Begin(_nextStream, ticket, _streamWindow);
        _nextStream += 2;
        _calls.Add(call.Stream, call);
        _block.ResetWrittenCount();
        _encoder.Encode(_heads[ticket.Number % _heads.Length], _block);
        _output.Write(GrpcFrames.Headers, GrpcFrames.EndHeaders, call.Stream, _block.WrittenSpan);
        SendMessage(call);
        if (!_reading)
        {
            OnWritable();
        }
    }

    public override void OnReadable()
    {
        var count = _socket.Receive(_input.AsSpan(_inputLength));
        if (count == 0)
        {
            throw new LoadException("a server closed an HTTP/2 connection");
        }

        _inputLength += Math.Max(0, count);
        _reading = true;
        var at = 0;
        while (_inputLength - at >= GrpcFrames.HeaderSize)
        {
            var frame = _input.AsSpan(at, _inputLength - at);
            var length = (int)(BinaryPrimitives.ReadUInt32BigEndian(frame) >> 8);
            if (frame.Length < GrpcFrames.HeaderSize + length)
            {
                break;
            }

            var stream = BinaryPrimitives.ReadInt32BigEndian(frame[5..]) & int.MaxValue;
            OnFrame(frame[3], frame[4], stream, frame.Slice(GrpcFrames.HeaderSize, length));
            at += GrpcFrames.HeaderSize + length;
        }

        _input.AsSpan(at, _inputLength - at).CopyTo(_input);
        _inputLength -= at;
        _reading = false;
        OnWritable();
    }

    public override void OnWritable()
    {
        while (_output.Pending.Length > 0)
        {
            var sent = _socket.SendSome(_output.Pending);
            if (sent < 0)
            {
                return;
            }

            _output.Sent(sent);
        }
    }

    public override void Dispose() => _socket.Dispose();

    private void OnFrame(byte type, byte flags, int stream, ReadOnlySpan<byte> payload)
    {
        switch (type)
        {
            case GrpcFrames.Data:
                OnData(flags, stream, payload);
                break;
            case GrpcFrames.Headers:
                OnHeaders(flags, stream, payload);
                break;
            case GrpcFrames.Settings when (flags & GrpcFrames.Ack) == 0:
                OnSettings(payload);
                break;
            case GrpcFrames.WindowUpdate:
                OnWindowUpdate(stream, BinaryPrimitives.ReadInt32BigEndian(payload) & int.MaxValue);
                break;
            case GrpcFrames.Ping when (flags & GrpcFrames.Ack) == 0:
                _output.Write(GrpcFrames.Ping, GrpcFrames.Ack, 0, payload);
                break;
            case GrpcFrames.Reset when _calls.ContainsKey(stream):
                throw new LoadException($"a call was reset with error {BinaryPrimitives.ReadUInt32BigEndian(payload)}");
            case GrpcFrames.GoAway:
                throw new LoadException($"a server sent GOAWAY with error {BinaryPrimitives.ReadUInt32BigEndian(payload[4..])}");
            case GrpcFrames.PushPromise or GrpcFrames.Continuation:
                throw new LoadException($"a server sent a frame of type {type}");
            default:
                break;
        }
    }

    private void OnData(byte flags, int stream, ReadOnlySpan<byte> payload)
    {
        _received += payload.Length;
        if (_received > ReceiveWindow / 4)
        {
            _output.WriteWindowUpdate(0, _received);
            _received = 0;
        }

        var call = CallOf(stream);
        call.Receive((flags & GrpcFrames.Padded) == 0 ? payload : payload[1..^payload[0]]);
        if ((flags & GrpcFrames.EndStream) != 0)
        {
            Complete(call);
        }
    }

    private void OnHeaders(byte flags, int stream, ReadOnlySpan<byte> payload)
    {
        if ((flags & GrpcFrames.EndHeaders) == 0)
        {
            throw new LoadException("a server's header block is longer than a frame");
        }

        payload = (flags & GrpcFrames.Padded) == 0 ? payload : payload[1..^payload[0]];
        payload = (flags & GrpcFrames.Priority) == 0 ? payload : payload[5..];
        _fields.Clear();
        _decoder.Decode(payload, _fields);
        var call = CallOf(stream);
        if (_fields.TryGet(":status"u8, out var status) && !status.SequenceEqual("200"u8))
        {
            throw new LoadException($"a call was answered with HTTP status {System.Text.Encoding.ASCII.GetString(status)}");
        }

        if (_fields.TryGet("grpc-status"u8, out var code))
        {
            call.Status = Utf8Parser.TryParse(code, out int number, out _) ? number : throw new LoadException("a grpc-status is no number");
        }

        if ((flags & GrpcFrames.EndStream) != 0)
        {
            Complete(call);
        }
    }

    private void OnSettings(ReadOnlySpan<byte> payload)
    {
        for (; payload.Length >= 6; payload = payload[6..])
        {
            var value = BinaryPrimitives.ReadUInt32BigEndian(payload[2..]);
            switch (BinaryPrimitives.ReadUInt16BigEndian(payload))
            {
                case SettingHeaderTable:
                    _encoder.SetPeerTableBytes(value);
                    break;
                case SettingStreams when value < Slots:
                    throw new LoadException($"the server takes {value} streams on a connection, --streams is {Slots}");
                case SettingWindow:
                    foreach (var call in _calls.Values)
                    {
                        call.Window += value - _streamWindow;
                    }

                    _streamWindow = value;
                    break;
                case SettingFrame:
                    _frame = (int)Math.Min(value, DefaultFrame * 4);
                    break;
                default:
                    break;
            }
        }

        _output.Write(GrpcFrames.Settings, GrpcFrames.Ack, 0, []);
        Unblock();
    }

    private void OnWindowUpdate(int stream, int increment)
    {
        if (stream == 0)
        {
            _window += increment;
        }
        else if (_calls.TryGetValue(stream, out var call))
        {
            call.Window += increment;
        }

        Unblock();
    }

    /// <summary>Frames as much of the message as both windows take.</summary>
    private void SendMessage(GrpcCall call)
    {
        while (call.Sent < _message.Length)
        {
            var length = (int)Math.Min(Math.Min(_message.Length - call.Sent, _frame), Math.Min(_window, call.Window));
            if (length <= 0)
            {
                if (!call.IsBlocked)
                {
                    call.IsBlocked = true;
                    _blocked.Enqueue(call);
                }

                return;
            }

            var last = call.Sent + length == _message.Length;
            _output.Write(GrpcFrames.Data, last ? GrpcFrames.EndStream : (byte)0, call.Stream, _message.AsSpan(call.Sent, length));
            call.Sent += length;
            call.Window -= length;
            _window -= length;
        }
    }

    private void Unblock()
    {
        for (var left = _blocked.Count; left > 0; left--)
        {
            var call = _blocked.Dequeue();
            call.IsBlocked = false;
            SendMessage(call);
        }
    }

    private GrpcCall CallOf(int stream) => _calls.TryGetValue(stream, out var call)
        ? call
        : throw new LoadException($"an answer came for stream {stream}, which nobody waits for");

    private void Complete(GrpcCall call)
    {
        if (call.Sent < _message.Length)
        {
            throw new LoadException("a call was answered before its message had left");
        }

        _calls.Remove(call.Stream);
        var (ticket, answer) = (call.Ticket, call.Answer);
        _unused.Push(call);
        _answers.OnAnswer(this, ticket, answer);
    }
}
