using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace FastSidecar.Transport.Sockets.Loop;

/// <summary>
/// One thread that waits for sockets (epoll) and runs what waits for them. All of one wait is one <see cref="Turn"/>: what its continuations
/// write to shared connections leaves once, at the end, however many sockets had news. The runtime's own engine ends a turn with each socket,
/// which costs a send per request where this needs one per batch.
/// </summary>
internal sealed class EventLoop
{
    /// <summary>Sockets of one wait. More would let those at the end wait long for their turn.</summary>
    private const int MaxEvents = 64;

    private readonly int _epoll;
    private readonly Lock _lock = new();
    private LoopSocket?[] _sockets = new LoopSocket?[64];
    private readonly Stack<int> _free = new();
    private int _used;
    private uint _generation;

    private EventLoop()
    {
        _epoll = Libc.EpollCreate(Libc.CloseOnExec);
        if (_epoll < 0)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        }

        var thread = new Thread(Run) { IsBackground = true, Name = "sockets" };
        thread.UnsafeStart();
    }

    /// <summary>
    /// The process's loop; lives as long as the process. One is enough for what a sidecar carries, and only sockets of one loop share a turn.
    /// </summary>
    public static EventLoop Shared { get; } = new();

    /// <summary>Starts to watch the socket.</summary>
    /// <exception cref="SocketException">The kernel does not take it.</exception>
    public void Add(LoopSocket socket)
    {
        lock (_lock)
        {
            if (!_free.TryPop(out var index))
            {
                index = _used++;
                if (index == _sockets.Length)
                {
                    var larger = new LoopSocket?[index * 2];
                    _sockets.CopyTo(larger, 0);
                    Volatile.Write(ref _sockets, larger);
                }
            }

            // The generation tells news of a socket from news, still in the batch, of one that had its place before.
            var ticket = ((long)(++_generation & int.MaxValue) << 32) | (uint)index;
            socket.Ticket = ticket;
            Volatile.Write(ref _sockets[index], socket);
            if (!Control(Libc.ControlAdd, socket))
            {
                var error = Libc.LastError;
                Forget(socket);
                throw new SocketException((int)error);
            }
        }
    }

    /// <summary>Stops watching it. News that are on their way are dropped.</summary>
    public void Remove(LoopSocket socket)
    {
        lock (_lock)
        {
            if (socket.Ticket < 0)
            {
                return;
            }

            Forget(socket);
            try
            {
                _ = Control(Libc.ControlDelete, socket); // what is asked for does not matter
            }
            catch (ObjectDisposedException)
            {
                // Closed behind our back; the kernel has forgotten it by itself.
            }
        }
    }

    /// <summary>
    /// Says once more, with the next wait, what the socket is ready for (epoll_ctl(2): a modified watch is looked at anew, edge-triggered or
    /// not). False when it is not watched.
    /// </summary>
    public bool Report(LoopSocket socket)
    {
        lock (_lock)
        {
            try
            {
                return socket.Ticket >= 0 && Control(Libc.ControlModify, socket);
            }
            catch (ObjectDisposedException)
            {
                return false;
            }
        }
    }

    private unsafe bool Control(int operation, LoopSocket socket)
    {
        var polled = stackalloc byte[EpollEvents.Size];
        EpollEvents.Write(polled, Libc.In | Libc.Out | Libc.PeerHangUp | Libc.EdgeTriggered, (ulong)socket.Ticket);
        return Libc.EpollControl(_epoll, operation, socket.Handle, polled) == 0;
    }

    private void Forget(LoopSocket socket)
    {
        var index = (int)(uint)socket.Ticket;
        socket.Ticket = -1;
        Volatile.Write(ref _sockets[index], null);
        _free.Push(index);
    }

    private unsafe void Run()
    {
        var events = (byte*)NativeMemory.Alloc(MaxEvents, (nuint)EpollEvents.Size);
        while (true)
        {
            var count = Libc.EpollWait(_epoll, events, MaxEvents, timeoutMs: -1);
            if (count < 0)
            {
                if (Libc.LastWasInterrupted)
                {
                    continue;
                }

                throw new Win32Exception(Marshal.GetLastPInvokeError());
            }

            var turn = Turn.Current;
            turn.TryBegin();
            try
            {
                for (var i = 0; i < count; i++)
                {
                    var polled = events + (i * EpollEvents.Size);
                    Find((long)EpollEvents.Data(polled))?.OnEvents(EpollEvents.Events(polled));
                }
            }
            finally
            {
                turn.End();
            }
        }
    }

    private LoopSocket? Find(long ticket)
    {
        var socket = Volatile.Read(ref Volatile.Read(ref _sockets)[(int)(uint)ticket]);
        return socket is not null && socket.Ticket == ticket ? socket : null;
    }
}
