namespace FastSidecar.Load;

/// <summary>One HTTP/1.1 connection with one request in flight.</summary>
internal sealed class Http1Connection : Connection
{
    private readonly LoadSocket _socket;
    private readonly IAnswers _answers;
    private readonly ReadOnlyMemory<byte>[] _requests;
    private readonly ReadOnlyMemory<byte> _rest;
    private readonly byte[] _buffer;
    private readonly Http1Reader _reader = new();
    private Ticket _ticket;
    private bool _inFlight;
    private bool _closed;

    /// <param name="requests">Taken in turn, each in front of <paramref name="rest"/>.</param>
    /// <param name="buffer">Shared by all connections: nothing stays in it.</param>
    public Http1Connection(LoadSocket socket, IAnswers answers, ReadOnlyMemory<byte>[] requests, ReadOnlyMemory<byte> rest, byte[] buffer)
    {
        _socket = socket;
        _answers = answers;
        _requests = requests;
        _rest = rest;
        _buffer = buffer;
        _socket.Connect();
    }

    public override int Slots => 1;

    public override void Begin(in Ticket ticket)
    {
        if (_closed)
        {
            _closed = false;
            _socket.Connect();
            _answers.OnReconnect();
        }

        _ticket = ticket;
        _inFlight = true;
        _reader.Reset();

        _socket.Send(_requests[ticket.Number % _requests.Length], _rest);
    }

    public override void OnReadable()
    {
        var count = _socket.Receive(_buffer);
        if (count < 0)
        {
            return;
        }

        if (count == 0)
        {
            OnClosed();
            return;
        }

        if (!_inFlight)
        {
            throw new LoadException("a server sent something nobody had asked for");
        }

        _reader.Read(_buffer.AsSpan(0, count));
        if (_reader.IsComplete)
        {
            _inFlight = false;
            _closed = _reader.Closes;
            _answers.OnAnswer(this, _ticket, _reader.Answer);
        }
    }

    public override void OnWritable() => _socket.Flush();

    public override void Dispose() => _socket.Dispose();

    private void OnClosed()
    {
        if (_inFlight)
        {
            throw new LoadException("a server closed a connection before its answer was complete");
        }

        _closed = true;
        _socket.Dispose();
    }
}
