namespace FastSidecar.Commands.Bench;

/// <summary>
/// A client's connection with one request in flight. It belongs to the generator's thread, which is told by poll when it may go
/// on.
/// </summary>
internal sealed class LoadConnection : IDisposable
{
    private readonly ReadOnlyMemory<byte> _request;
    private readonly AnswerReader _answer;
    private ReadOnlyMemory<byte> _unsent;
    private bool _inFlight;

    /// <summary>Connects.</summary>
    /// <param name="port">Of this machine.</param>
    /// <param name="request">Head and body of every request.</param>
    /// <param name="expected">The body of every answer.</param>
    public LoadConnection(int port, ReadOnlyMemory<byte> request, ReadOnlyMemory<byte> expected)
    {
        _request = request;
        _answer = new AnswerReader(expected);
        Descriptor = NativeSocket.Connect(port);
    }

    public int Descriptor { get; }

    /// <summary>A part of the request waits for room in the socket.</summary>
    public bool IsBlocked => !_unsent.IsEmpty;

    /// <summary>When the request in flight was to leave; in a closed loop, when it left.</summary>
    public long Intended { get; private set; }

    public void Begin(long intended)
    {
        Intended = intended;
        _inFlight = true;
        _answer.Reset();
        _unsent = _request;
        Flush();
    }

    /// <summary>Sends what the socket takes.</summary>
    public void Flush()
    {
        while (!_unsent.IsEmpty)
        {
            var sent = NativeSocket.Send(Descriptor, _unsent.Span);
            if (sent == NativeSocket.NotNow)
            {
                return;
            }

            _unsent = _unsent[sent..];
        }
    }

    /// <summary>Receives what is there, through <paramref name="buffer"/>; true when the answer is complete.</summary>
    public bool Receive(byte[] buffer)
    {
        var count = NativeSocket.Receive(Descriptor, buffer);
        if (count == NativeSocket.NotNow)
        {
            return false;
        }

        if (count == 0)
        {
            throw new BenchException("a connection was closed by the other side");
        }

        if (!_inFlight)
        {
            throw new BenchException("something came that nobody had asked for");
        }

        _answer.Read(buffer.AsSpan(0, count));
        if (!_answer.IsDone)
        {
            return false;
        }

        _inFlight = false;
        return IsBlocked ? throw new BenchException("an answer came before its request was sent") : true;
    }

    public void Dispose() => _ = NativeSocket.Close(Descriptor);
}
