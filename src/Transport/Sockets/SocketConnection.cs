using System.IO.Pipelines;
using System.Net.Sockets;
using FastSidecar.Transport.Sockets.Loop;

namespace FastSidecar.Transport.Sockets;

/// <summary>A connected socket as a duplex pipe. Reads and writes go straight to the socket: there is no thread hop and no second copy.</summary>
/// <remarks>
/// One flow reads, one flow writes; <see cref="Abort"/> may come from any thread. A FIN of the peer is a completed read; every other end is an
/// <see cref="IOException"/> whose inner <see cref="SocketException"/> says which (a reset is <see cref="SocketError.ConnectionReset"/>).
/// Continuations run inline on the thread that completed the socket operation.
/// </remarks>
public sealed class SocketConnection : IDuplexPipe, IAsyncDisposable
{
    // What a peer may have sent unread before a graceful close stops looking: beyond it the kernel's reset is the honest answer.
    private const int DrainLimitBytes = 256 * 1024;

    private readonly SocketPipeReader _input;
    private readonly SocketPipeWriter _output;
    private int _closed;

    /// <param name="socket">A connected stream socket; owned by the connection from here on.</param>
    /// <exception cref="SocketException">The kernel does not watch it.</exception>
    public SocketConnection(Socket socket)
        : this(socket, SocketEngine.UsesEventLoop)
    {
    }

    /// <param name="socket">A connected stream socket; owned by the connection from here on.</param>
    /// <param name="onEventLoop">Our event loop waits for it; else the runtime's engine.</param>
    internal SocketConnection(Socket socket, bool onEventLoop)
    {
        ArgumentNullException.ThrowIfNull(socket);
        Socket = socket;
        LoopSocket = onEventLoop ? new LoopSocket(EventLoop.Shared, socket.SafeHandle) : null;
        _input = new SocketPipeReader(this);
        _output = new SocketPipeWriter(this);
        LoopSocket?.Join(_input.OnReadable, _output.OnWritable);
    }

    public Socket Socket { get; }

    /// <summary>Reads into pooled blocks; ReadAsync issues one receive when nothing is buffered.</summary>
    /// <remarks>A canceled ReadAsync leaves the receive under way, and the next ReadAsync waits for it: no byte is lost.</remarks>
    public PipeReader Input => _input;

    /// <summary>
    /// Buffers until FlushAsync, which sends everything buffered in one gather write. <c>WriteAsync(memory)</c> joins large memory to that write without
    /// copying it; the memory must stay unchanged until the call completes.
    /// </summary>
    /// <remarks>
    /// More may be buffered while a flush is pending (it goes with the next one), but only one flush may be pending. Canceling a pending flush aborts the
    /// connection, because part of the bytes may have left. CompleteAsync flushes and sends a FIN; Complete drops what was not flushed.
    /// </remarks>
    public PipeWriter Output => _output;

    /// <summary>Its place in the event loop; null when the runtime's engine serves it.</summary>
    internal LoopSocket? LoopSocket { get; }

    /// <summary>Abort or DisposeAsync was called.</summary>
    public bool IsClosed => Volatile.Read(ref _closed) != 0;

    /// <summary>Closes both ways; pending reads and writes end. A reset instead of a FIN when <paramref name="reset"/>.</summary>
    public void Abort(bool reset = false)
    {
        if (Interlocked.Exchange(ref _closed, 1) != 0)
        {
            return;
        }

        LoopSocket?.Abort();
        try
        {
            if (reset)
            {
                Socket.LingerState = new LingerOption(true, 0);
            }
            else
            {
                // Without the explicit shutdown a close with an operation pending resets the connection (SafeSocketHandle does that on Unix).
                Socket.Shutdown(SocketShutdown.Send);
                DrainUnread();
            }
        }
        catch (SocketException)
        {
            // The peer was faster: the connection is gone already.
        }
        catch (ObjectDisposedException)
        {
            // The socket was closed behind our back: nothing is left to say to the peer.
        }

        Socket.Dispose();
    }

    /// <summary>
    /// Calls once, on the thread pool, when the peer has sent its FIN or the connection has failed, whether or not anybody reads. Only an event
    /// loop can tell; without one nothing is called.
    /// </summary>
    public void WatchPeer(Action onPeerClosed) => LoopSocket?.WatchPeer(onPeerClosed);

    /// <summary>Closes both ways with a FIN and gives buffers back. Neither pipe may be in use by another flow any more, a pending operation apart.</summary>
    public ValueTask DisposeAsync()
    {
        Abort();
        _input.Complete();
        _output.Complete();
        return ValueTask.CompletedTask;
    }

    /// <summary>
    /// The peer's FIN has come, and a reset behind it for what we sent afterwards, of which its kernel has taken nothing: no program can have read
    /// more than the first <paramref name="bytes"/> bytes of this connection. False wherever that cannot be proved.
    /// </summary>
    /// <remarks>
    /// To be asked after the read side has ended. A FIN acknowledges what came before it, so what it leaves open was never delivered; the closed state
    /// behind it is the reset, by which the peer's kernel says that the socket is gone. A reset alone proves nothing: its acknowledgement is not counted.
    /// </remarks>
    internal bool IsRefusedBehind(long bytes) =>
        !IsClosed && OperatingSystem.IsLinux() && TcpState.TryRead(Socket, out var state) && state.IsClosed && state.AcknowledgedBytes <= bytes;

    internal static IOException Failure(SocketError error, bool closedHere)
    {
        // After Abort a pending operation ends with whatever the kernel makes of it; the cause is the Abort.
        var cause = new SocketException((int)(closedHere ? SocketError.OperationAborted : error));
        return new IOException(closedHere ? "the connection was closed on this side" : cause.Message, cause);
    }

    /// <summary>Linux resets a connection that is closed with unread bytes in it; a peer in the middle of its answer shall see a FIN.</summary>
    private void DrainUnread()
    {
        // A pending receive may take the bytes first: this one must not wait for others then.
        Socket.Blocking = false;
        Span<byte> scratch = stackalloc byte[4096];
        for (var drained = 0; drained < DrainLimitBytes && Socket.Available > 0;)
        {
            var received = Socket.Receive(scratch, SocketFlags.None, out var error);
            if (received <= 0 || error != SocketError.Success)
            {
                return;
            }

            drained += received;
        }
    }
}
