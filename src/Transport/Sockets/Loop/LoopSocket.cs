using System.Net.Sockets;

namespace FastSidecar.Transport.Sockets.Loop;

/// <summary>
/// A socket on an <see cref="EventLoop"/>: what is known of its two directions, and who waits for them. Added to the loop once, edge-triggered
/// for everything, so that a request costs no epoll_ctl.
/// </summary>
internal sealed class LoopSocket
{
    private const int SocketLevel = 1; // SOL_SOCKET
    private const int ErrorOption = 4; // SO_ERROR

    private readonly EventLoop _loop;
    private Action? _onReadable;
    private Action? _onWritable;
    private Action? _onPeerClosed;
    private volatile bool _peerClosed;
    private volatile bool _aborted;

    /// <summary>Of the receiving flow.</summary>
    public Readiness Readable = new();

    /// <summary>Of the sending flow.</summary>
    public Readiness Writable = new();

    public LoopSocket(EventLoop loop, SafeSocketHandle handle)
    {
        _loop = loop;
        Handle = handle;
    }

    public SafeSocketHandle Handle { get; }

    /// <summary>The loop's number for it; negative while it is not there.</summary>
    public long Ticket { get; set; } = -1;

    /// <summary>The peer's FIN or a failure of the connection was reported: receives go on until they say so.</summary>
    public bool IsPeerClosed => _peerClosed;

    /// <summary>How the connection failed. The kernel says it once, to whichever direction asks first; the other would take it for a FIN.</summary>
    public SocketError Failure { get; set; }

    /// <summary>Nothing of the socket is tried any more.</summary>
    public bool IsAborted => _aborted;

    /// <summary>Starts to hear of the socket.</summary>
    /// <param name="onReadable">Called on the loop's thread when the receiving flow waits.</param>
    /// <param name="onWritable">Called on the loop's thread when the sending flow waits.</param>
    /// <exception cref="SocketException">The kernel does not take it (out of memory, limit of watches).</exception>
    public void Join(Action onReadable, Action onWritable)
    {
        _onReadable = onReadable;
        _onWritable = onWritable;
        if (Ticket < 0)
        {
            _loop.Add(this);
        }
    }

    /// <summary>
    /// Calls once, on the thread pool, when the peer has sent its FIN or the connection has failed, whether or not anybody reads; at once if
    /// that was so before.
    /// </summary>
    public void WatchPeer(Action onPeerClosed)
    {
        _onPeerClosed = onPeerClosed;
        Interlocked.MemoryBarrier(); // either the loop sees the callback or we see its news
        if (_peerClosed)
        {
            TellPeerClosed();
        }
    }

    /// <summary>Leaves the loop; nobody may wait.</summary>
    public void Leave() => _loop.Remove(this);

    /// <summary>Leaves the loop before the socket is closed; flows that wait are called, on the thread pool, and find it aborted.</summary>
    public void Abort()
    {
        _aborted = true;
        _loop.Remove(this);
        if (Readable.Raise())
        {
            ThreadPool.UnsafeQueueUserWorkItem(static socket => socket._onReadable!(), this, preferLocal: false);
        }

        if (Writable.Raise())
        {
            ThreadPool.UnsafeQueueUserWorkItem(static socket => socket._onWritable!(), this, preferLocal: false);
        }
    }

    /// <summary>
    /// For a receiving flow that began to wait though more may be there: the loop says so at its next wait, after what it has in hand.
    /// </summary>
    public void AskAgain()
    {
        // A socket that was aborted is not there any more, and its flow has been called.
        if (!_loop.Report(this) && Readable.Raise())
        {
            ThreadPool.UnsafeQueueUserWorkItem(static socket => socket._onReadable!(), this, preferLocal: false);
        }
    }

    /// <summary>What a connect came to (SO_ERROR).</summary>
    public unsafe SocketError TakeError()
    {
        var errno = 0;
        var length = sizeof(int);
        return Libc.GetOption(Handle, SocketLevel, ErrorOption, &errno, &length) == 0 ? Libc.ToSocketError(errno) : Libc.LastError;
    }

    /// <summary>On the loop's thread: something is new.</summary>
    public void OnEvents(uint events)
    {
        const uint Gone = Libc.Error | Libc.HangUp;
        var peerClosed = (events & (Gone | Libc.PeerHangUp)) != 0;
        if (peerClosed)
        {
            _peerClosed = true; // before the readers are told: a short read is not the last then
        }

        if ((events & (Libc.Out | Gone)) != 0 && Writable.Raise())
        {
            _onWritable!();
        }

        if ((events & (Libc.In | Libc.PeerHangUp | Gone)) != 0 && Readable.Raise())
        {
            _onReadable!();
        }

        if (peerClosed)
        {
            TellPeerClosed();
        }
    }

    private void TellPeerClosed()
    {
        if (Interlocked.Exchange(ref _onPeerClosed, null) is { } onPeerClosed)
        {
            // Elsewhere: what a token's callbacks do is not the loop's time.
            ThreadPool.UnsafeQueueUserWorkItem(static callback => callback(), onPeerClosed, preferLocal: false);
        }
    }
}
