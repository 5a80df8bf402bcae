using System.IO.Pipelines;
using FastSidecar.Transport.Sockets;

namespace FastSidecar.Transport.Http2;

/// <summary>How a connection lets go of its transport, so that what it said last reaches the peer.</summary>
internal sealed class Farewell
{
    /// <summary>
    /// The peer may read our last words in peace: an early close could destroy them on their way (the kernel resets a socket with unread
    /// input).
    /// </summary>
    public static readonly TimeSpan LingerTime = TimeSpan.FromSeconds(1);

    private readonly IDuplexPipe _transport;
    private readonly ConnectionOutput _output;
    private readonly Lock _gate;
    private bool _isSaid;

    public Farewell(IDuplexPipe transport, ConnectionOutput output, Lock gate)
    {
        _transport = transport;
        _output = output;
        _gate = gate;
    }

    /// <summary>
    /// Everything has left, or nothing more shall: ends our side of the transport, or, without lingering, the read loop at once.
    /// </summary>
    public void Say(bool linger)
    {
        lock (_gate)
        {
            if (_isSaid)
            {
                return;
            }

            _isSaid = true;
            _output.StopUnsynchronized();
        }

        if (!linger)
        {
            _transport.Input.CancelPendingRead();
            return;
        }

        _ = CompleteOutputAsync(); // the read loop, which waits for the peer's end now, completes it again
    }

    /// <summary>After the read loop: closes the transport.</summary>
    public async Task CloseAsync()
    {
        if (_output.IsFlushing)
        {
            await EndFlushAsync();
        }

        await CompleteOutputAsync();
        try
        {
            await _transport.Input.CompleteAsync();
            if (_transport is IAsyncDisposable transport)
            {
                await transport.DisposeAsync();
            }
        }
        catch (Exception)
        {
            // A transport that fails while it is closed is closed.
        }
    }

    private async Task CompleteOutputAsync()
    {
        try
        {
            await _transport.Output.CompleteAsync();
        }
        catch (Exception)
        {
            // The transport has failed: the read loop sees that too.
        }
    }

    /// <summary>
    /// A peer that takes nothing: the transport is closed under its flush. Nobody else may use its writer until that has ended.
    /// </summary>
    private async Task EndFlushAsync()
    {
        if (_transport is SocketConnection socket)
        {
            socket.Abort();
        }
        else
        {
            _transport.Output.CancelPendingFlush();
        }

        await _output.WaitForFlushAsync();
    }
}
