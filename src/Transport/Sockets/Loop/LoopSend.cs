using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace FastSidecar.Transport.Sockets.Loop;

/// <summary>Sends at once, and waits for the loop only when the socket is full.</summary>
internal sealed class LoopSend : SendOperation
{
    private readonly LoopSocket _socket;
    private readonly Action _onSent;
    private List<SendPiece> _pieces = [];
    private int _index;

    /// <param name="socket">Connected.</param>
    /// <param name="onSent">The writer's: a send has ended.</param>
    public LoopSend(LoopSocket socket, Action onSent)
    {
        _socket = socket;
        _onSent = onSent;
    }

    public override bool Start(List<SendPiece> pieces, int index)
    {
        _pieces = pieces;
        _index = index;
        return Start();
    }

    /// <summary>The loop's: there is room, or the socket was aborted.</summary>
    public void OnWritable()
    {
        if (!Start())
        {
            _onSent();
        }
    }

    public override void Dispose()
    {
    }

    private bool Start()
    {
        while (!_socket.IsAborted)
        {
            // Usually there is room and nothing has to be lowered first; only a send that found none must not miss what the loop says next.
            if (_socket.Writable.IsReady && (Send() || (_socket.Writable.TryLower() && Send())))
            {
                return false;
            }

            if (_socket.Writable.TryWait())
            {
                return true;
            }
        }

        Count = 0;
        Error = SocketError.OperationAborted;
        return false;
    }

    /// <summary>False when the socket is full.</summary>
    private unsafe bool Send()
    {
        var gathered = Math.Min(_pieces.Count - _index, MaxGather);
        try
        {
            nint count;
            if (gathered == 1)
            {
                var piece = _pieces[_index];
                fixed (byte* start = &piece.Array[piece.Start])
                {
                    count = Libc.Send(_socket.Handle, start, piece.Count, Libc.DontWait | Libc.NoSignal);
                }
            }
            else
            {
                count = SendGathered(gathered);
            }

            if (count >= 0)
            {
                Count = (int)count;
                Error = SocketError.Success;
                _socket.Writable.Keep();
                return true;
            }

            if (Libc.LastWasInterrupted)
            {
                _socket.Writable.Keep();
                return false;
            }

            if (Libc.LastWasAgain)
            {
                return false;
            }

            Count = 0;
            Error = Libc.LastError;
            _socket.Failure = Error;
        }
        catch (ObjectDisposedException)
        {
            Count = 0;
            Error = SocketError.OperationAborted;
        }

        return true;
    }

    private unsafe nint SendGathered(int count)
    {
        var vectors = stackalloc Libc.Vector[MaxGather];
        Span<GCHandle> pins = stackalloc GCHandle[MaxGather];
        try
        {
            for (var i = 0; i < count; i++)
            {
                var piece = _pieces[_index + i];
                pins[i] = GCHandle.Alloc(piece.Array, GCHandleType.Pinned);
                vectors[i].Base = (byte*)pins[i].AddrOfPinnedObject() + piece.Start;
                vectors[i].Length = piece.Count;
            }

            var message = new Libc.MessageHeader { Vectors = vectors, VectorCount = count };
            return Libc.SendMessage(_socket.Handle, &message, Libc.DontWait | Libc.NoSignal);
        }
        finally
        {
            foreach (var pin in pins[..count])
            {
                if (pin.IsAllocated)
                {
                    pin.Free();
                }
            }
        }
    }
}
