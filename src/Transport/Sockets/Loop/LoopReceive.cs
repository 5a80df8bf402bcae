using System.Net.Sockets;

namespace FastSidecar.Transport.Sockets.Loop;

/// <summary>
/// Receives when the loop said that something is there. A receive that does not fill its buffer has emptied the socket, so no second one is
/// spent on hearing that (epoll(7), on short reads); and while nothing is there no buffer is held.
/// </summary>
internal sealed class LoopReceive : ReceiveOperation
{
    private readonly LoopSocket _socket;
    private readonly ReceiveBuffer _buffer;
    private readonly Lock _gate;
    private readonly Action _onReceived;

    /// <param name="socket">Connected.</param>
    /// <param name="buffer">Where bytes go.</param>
    /// <param name="gate">The reader's, under which the buffer is touched while a receive is under way.</param>
    /// <param name="onReceived">The reader's: a receive has ended.</param>
    public LoopReceive(LoopSocket socket, ReceiveBuffer buffer, Lock gate, Action onReceived)
    {
        _socket = socket;
        _buffer = buffer;
        _gate = gate;
        _onReceived = onReceived;
    }

    public override bool Start()
    {
        HasTarget = false;
        while (!IsStopped)
        {
            if (_socket.IsAborted)
            {
                return Ended(0, SocketError.OperationAborted);
            }

            if (!_socket.Readable.TryLower())
            {
                if (_socket.Readable.TryWait())
                {
                    return true;
                }
            }
            else if (Receive())
            {
                return false;
            }
        }

        return Ended(0, SocketError.Success);
    }

    /// <summary>The loop's: something is there, or the socket was aborted.</summary>
    public void OnReadable()
    {
        if (!Start())
        {
            _onReceived();
        }
    }

    /// <summary>Waits, and asks the loop to say once more what it has said already; that comes behind the news of other sockets.</summary>
    public override void StartLater()
    {
        _socket.Readable.TryLower();
        if (!_socket.IsAborted && _socket.Readable.TryWait())
        {
            _socket.AskAgain();
            return;
        }

        // Aborted, or raised meanwhile: there is nothing to wait for.
        ThreadPool.UnsafeQueueUserWorkItem(static receive => receive.OnReadable(), this, preferLocal: false);
    }

    public override void Dispose()
    {
    }

    /// <summary>False when nothing was there.</summary>
    private unsafe bool Receive()
    {
        Memory<byte> target;
        lock (_gate)
        {
            // The reading flow may be giving bytes back: it need not wait for a receive to do that.
            target = _buffer.Target();
        }

        HasTarget = true;
        try
        {
            nint count;
            fixed (byte* start = target.Span)
            {
                count = Libc.Receive(_socket.Handle, start, target.Length, Libc.DontWait);
            }

            if (count < 0)
            {
                return Failed();
            }

            if (count == target.Length || _socket.IsPeerClosed)
            {
                _socket.Readable.Keep();
            }

            Ended((int)count, count == 0 ? _socket.Failure : SocketError.Success);
        }
        catch (ObjectDisposedException)
        {
            Ended(0, SocketError.OperationAborted);
        }

        return true;
    }

    private bool Failed()
    {
        if (Libc.LastWasInterrupted)
        {
            _socket.Readable.Keep();
        }
        else if (!Libc.LastWasAgain)
        {
            Ended(0, Libc.LastError);
            _socket.Failure = Error;
            return true;
        }

        lock (_gate)
        {
            _buffer.DropTarget();
        }

        HasTarget = false;
        return false;
    }

    private bool Ended(int count, SocketError error)
    {
        Count = count;
        Error = error;
        return false;
    }
}
