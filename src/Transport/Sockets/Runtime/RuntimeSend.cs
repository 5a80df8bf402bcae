using System.Net.Sockets;

namespace FastSidecar.Transport.Sockets.Runtime;

/// <summary>Sends by the runtime's socket engine.</summary>
internal sealed class RuntimeSend : SendOperation
{
    private readonly Socket _socket;
    private readonly Action _onSent;
    private readonly Operation _operation;
    private readonly List<ArraySegment<byte>> _gather = new(MaxGather);

    /// <param name="socket">Connected.</param>
    /// <param name="onSent">The writer's: a send has ended.</param>
    public RuntimeSend(Socket socket, Action onSent)
    {
        _socket = socket;
        _onSent = onSent;
        _operation = new Operation(this);
    }

    public override bool Start(List<SendPiece> pieces, int index)
    {
        Prepare(pieces, index);
        try
        {
            if (_socket.SendAsync(_operation))
            {
                return true;
            }
        }
        catch (ObjectDisposedException)
        {
            Count = 0;
            Error = SocketError.OperationAborted;
            return false;
        }

        TakeOutcome();
        return false;
    }

    public override void Dispose() => _operation.Dispose();

    private void Prepare(List<SendPiece> pieces, int index)
    {
        var count = Math.Min(pieces.Count - index, MaxGather);
        if (count == 1)
        {
            var piece = pieces[index];
            _operation.BufferList = null;
            _operation.SetBuffer(piece.Array, piece.Start, piece.Count);
            return;
        }

        _gather.Clear();
        for (var i = 0; i < count; i++)
        {
            var piece = pieces[index + i];
            _gather.Add(new ArraySegment<byte>(piece.Array, piece.Start, piece.Count));
        }

        if (_operation.Buffer is not null)
        {
            _operation.SetBuffer(null, 0, 0);
        }

        _operation.BufferList = _gather;
    }

    private void TakeOutcome()
    {
        Count = _operation.BytesTransferred;
        Error = _operation.SocketError;
        _gather.Clear();
    }

    private void OnCompleted()
    {
        TakeOutcome();
        _onSent();
    }

    private sealed class Operation(RuntimeSend send) : SocketAsyncEventArgs(true)
    {
        protected override void OnCompleted(SocketAsyncEventArgs e) => send.OnCompleted();
    }
}
