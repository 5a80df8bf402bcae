using System.Net.Sockets;

namespace FastSidecar.Transport.Sockets.Runtime;

/// <summary>Receives by the runtime's socket engine.</summary>
internal sealed class RuntimeReceive : ReceiveOperation
{
    private readonly Socket _socket;
    private readonly ReceiveBuffer _buffer;
    private readonly Action _onReceived;
    private readonly Operation _operation;

    /// <param name="socket">Connected.</param>
    /// <param name="buffer">Where bytes go.</param>
    /// <param name="onReceived">The reader's: a receive has ended.</param>
    public RuntimeReceive(Socket socket, ReceiveBuffer buffer, Action onReceived)
    {
        _socket = socket;
        _buffer = buffer;
        _onReceived = onReceived;
        _operation = new Operation(this);
    }

    public override bool Start()
    {
        HasTarget = true;
        _operation.SetBuffer(_buffer.Target());
        try
        {
            if (_socket.ReceiveAsync(_operation))
            {
                return true;
            }

            TakeOutcome();
        }
        catch (ObjectDisposedException)
        {
            Count = 0;
            Error = SocketError.OperationAborted;
        }

        return false;
    }

    public override void Dispose() => _operation.Dispose();

    private void TakeOutcome()
    {
        Count = _operation.BytesTransferred;
        Error = _operation.SocketError;
    }

    private sealed class Operation(RuntimeReceive receive) : SocketAsyncEventArgs(true)
    {
        protected override void OnCompleted(SocketAsyncEventArgs e)
        {
            receive.TakeOutcome();
            receive._onReceived();
        }
    }
}
