using System.Net.Sockets;

namespace FastSidecar.Transport.Sockets.Loop;

/// <summary>Accepts connections of a listening socket. One flow at a time.</summary>
internal sealed class LoopAccept
{
    private readonly LoopSocket _listener;
    private TaskCompletionSource _news = new();

    /// <exception cref="SocketException">The kernel does not watch the socket.</exception>
    public LoopAccept(EventLoop loop, SafeSocketHandle listener)
    {
        _listener = new LoopSocket(loop, listener);
        _listener.Join(OnReadable, static () => { });
    }

    /// <summary>The next connection. Goes on elsewhere than on the loop's thread: setting a connection up is no work for it.</summary>
    /// <exception cref="SocketException">It could not be accepted (out of file descriptors, …).</exception>
    /// <exception cref="ObjectDisposedException">Nothing is accepted any more.</exception>
    public async ValueTask<Socket> AcceptAsync()
    {
        while (true)
        {
            ObjectDisposedException.ThrowIf(_listener.IsAborted, this);
            _listener.Readable.TryLower();
            var descriptor = Accept();
            if (descriptor >= 0)
            {
                // There may be more, and one accept too many per burst tells.
                _listener.Readable.Keep();
                return new Socket(new SafeSocketHandle(descriptor, ownsHandle: true));
            }

            if (Libc.LastWasInterrupted)
            {
                continue;
            }

            if (!Libc.LastWasAgain)
            {
                var error = Libc.LastError;
                _listener.Readable.Keep();
                throw new SocketException((int)error);
            }

            _news = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (_listener.Readable.TryWait())
            {
                await _news.Task;
            }
        }
    }

    /// <summary>Ends the accepting, a pending one included.</summary>
    public void Abort() => _listener.Abort();

    private unsafe int Accept() => Libc.Accept(_listener.Handle, null, null, Libc.CloseOnExec | Libc.NonBlocking);

    private void OnReadable() => _news.TrySetResult();
}
