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
    private readonly Action _onReceived;

    /// <param name="socket">Connected.</param>
    /// <param name="buffer">Where bytes go.</param>
    /// <param name="onReceived">The reader's: a receive has ended.</param>
    public LoopReceive(LoopSocket socket, ReceiveBuffer buffer, Action onReceived)
    {
        _socket = socket;
        _buffer = buffer;
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

    public override void Dispose()
    {
    }

    /// <summary>False when nothing was there.</summary>
    private unsafe bool Receive()
    {
        var target = _buffer.Target();
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

        _buffer.DropTarget();
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
