using System.Net.Sockets;

namespace FastSidecar.Transport.Sockets.Runtime;

/// <summary>Receives by the runtime's socket engine.</summary>
internal sealed class RuntimeReceive : ReceiveOperation
{
    private readonly Socket _socket;
    private readonly ReceiveBuffer _buffer;
    private readonly Action _onReceived;
    private readonly bool _idleWithoutBuffer;
    private readonly Operation _operation;
    private bool _probing;

    /// <param name="socket">Connected.</param>
    /// <param name="buffer">Where bytes go.</param>
    /// <param name="onReceived">The reader's: a receive has ended.</param>
    /// <param name="idleWithoutBuffer">First wait without a buffer for something to come, then fetch it.</param>
    public RuntimeReceive(Socket socket, ReceiveBuffer buffer, Action onReceived, bool idleWithoutBuffer)
    {
        _socket = socket;
        _buffer = buffer;
        _onReceived = onReceived;
        _idleWithoutBuffer = idleWithoutBuffer;
        _operation = new Operation(this);
    }

    public override bool Start()
    {
        _probing = _idleWithoutBuffer && _buffer.IsEmpty;
        return StartCore();
    }

    public override void Dispose() => _operation.Dispose();

    private bool StartCore()
    {
        do
        {
            HasTarget = !_probing;
            _operation.SetBuffer(HasTarget ? _buffer.Target() : default);
            try
            {
                if (_socket.ReceiveAsync(_operation))
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
        }
        while (Probed());
        TakeOutcome();
        return false;
    }

    /// <summary>The receive without a buffer said that something is there: it is to be fetched.</summary>
    private bool Probed()
    {
        if (!_probing)
        {
            return false;
        }

        _probing = false;
        return _operation.SocketError == SocketError.Success && !IsStopped;
    }

    private void TakeOutcome()
    {
        Count = _operation.BytesTransferred;
        Error = _operation.SocketError;
    }

    private void OnCompleted()
    {
        if (Probed())
        {
            if (StartCore())
            {
                return;
            }
        }
        else
        {
            TakeOutcome();
        }

        _onReceived();
    }

    private sealed class Operation(RuntimeReceive receive) : SocketAsyncEventArgs(true)
    {
        protected override void OnCompleted(SocketAsyncEventArgs e) => receive.OnCompleted();
    }
}
