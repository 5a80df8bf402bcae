using System.Net.Sockets;

namespace FastSidecar.Transport.Sockets.Runtime;

/// <summary>Receives by the runtime's socket engine.</summary>
internal sealed class RuntimeReceive : ReceiveOperation, IThreadPoolWorkItem
{
    private readonly Socket _socket;
    private readonly ReceiveBuffer _buffer;
    private readonly Lock _gate;
    private readonly Action _onReceived;
    private readonly Operation _operation;

    /// <param name="socket">Connected.</param>
    /// <param name="buffer">Where bytes go.</param>
    /// <param name="gate">The reader's, under which the buffer is touched while a receive is under way.</param>
    /// <param name="onReceived">The reader's: a receive has ended.</param>
    public RuntimeReceive(Socket socket, ReceiveBuffer buffer, Lock gate, Action onReceived)
    {
        _socket = socket;
        _buffer = buffer;
        _gate = gate;
        _onReceived = onReceived;
        _operation = new Operation(this);
    }

    public override bool Start()
    {
        HasTarget = true;
        lock (_gate)
        {
            _operation.SetBuffer(_buffer.Target());
        }

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

    /// <summary>On the thread pool, behind what is queued there.</summary>
    public override void StartLater() => ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);

    void IThreadPoolWorkItem.Execute()
    {
        if (!Start())
        {
            _onReceived();
        }
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
