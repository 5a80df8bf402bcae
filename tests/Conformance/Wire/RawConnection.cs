using System.Net.Security;
using System.Net.Sockets;

namespace FastSidecar.Conformance.Wire;

/// <summary>
/// One end of a TCP (or TLS, or unix) connection that reads everything in the background, so that a script can look at what has come
/// so far, when it came and how the peer ended the connection.
/// </summary>
internal sealed class RawConnection : IDisposable
{
    private readonly Socket _socket;
    private readonly Stream _stream;
    private readonly Lock _lock = new();
    private readonly Task _reading;
    private byte[] _buffer = new byte[16 * 1024];
    private int _start;
    private int _end;
    private TaskCompletionSource _changed = NewSignal();
    private volatile bool _closedHere;

    public RawConnection(Socket socket, Stream? tls = null)
    {
        _socket = socket;
        if (socket.ProtocolType == ProtocolType.Tcp)
        {
            socket.NoDelay = true;
        }

        _stream = tls ?? new NetworkStream(socket, ownsSocket: false);
        _reading = Task.Run(ReadAllAsync);
    }

    /// <summary>How the peer ended it: <c>fin</c>, <c>rst</c>, <c>local</c> (we did); null while it is open.</summary>
    public string? PeerEnd { get; private set; }

    /// <summary>When <see cref="PeerEnd"/> was noticed, as a <see cref="Clock"/> time.</summary>
    public double PeerEndAt { get; private set; }

    /// <summary>When the first byte came, as a <see cref="Clock"/> time.</summary>
    public double? FirstByteAt { get; private set; }

    /// <summary>Number of bytes that came and were not consumed yet.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _end - _start;
            }
        }
    }

    /// <summary>A copy of what came and was not consumed yet.</summary>
    public byte[] Received()
    {
        lock (_lock)
        {
            return _buffer.AsSpan(_start, _end - _start).ToArray();
        }
    }

    /// <summary>Looks at what has come without copying; <paramref name="look"/> runs under the lock.</summary>
    public T Look<T>(Func<ReadOnlyMemory<byte>, T> look)
    {
        lock (_lock)
        {
            return look(_buffer.AsMemory(_start, _end - _start));
        }
    }

    public void Consume(int count)
    {
        lock (_lock)
        {
            _start += Math.Min(count, _end - _start);
        }
    }

    /// <summary>Waits until <paramref name="condition"/> holds (asked after every arrival and at the end); false when the time was over first.</summary>
    public async Task<bool> UntilAsync(Func<bool> condition, TimeSpan patience)
    {
        var deadline = Clock.Now + patience.TotalSeconds;
        while (true)
        {
            Task changed;
            lock (_lock)
            {
                if (condition())
                {
                    return true;
                }

                changed = _changed.Task;
            }

            var left = deadline - Clock.Now;
            if (left <= 0)
            {
                lock (_lock)
                {
                    return condition();
                }
            }

            try
            {
                await changed.WaitAsync(TimeSpan.FromSeconds(Math.Min(left, 3600)));
            }
            catch (TimeoutException)
            {
                // The condition is asked once more above.
            }
        }
    }

    public Task SendAsync(ReadOnlyMemory<byte> bytes) => _stream.WriteAsync(bytes).AsTask();

    /// <summary>Ends our direction only.</summary>
    public void HalfClose() => _socket.Shutdown(SocketShutdown.Send);

    /// <summary>Ends the connection with a FIN in both directions.</summary>
    public void Close()
    {
        _closedHere = true;
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The peer, or a step of the script, was faster.
        }

        _socket.Close();
    }

    /// <summary>Ends the connection with a RST (a zero linger time).</summary>
    public void Reset()
    {
        _closedHere = true;
        _socket.LingerState = new LingerOption(true, 0);
        _socket.Close(0);
    }

    /// <summary>Shuts both directions down without giving up the socket: the loop that owns it sees the end and closes it.</summary>
    public void ShutDown()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Already gone.
        }
    }

    public void Dispose() => Close();

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task ReadAllAsync()
    {
        var chunk = new byte[64 * 1024];
        while (true)
        {
            int count;
            string? end = null;
            try
            {
                count = await _stream.ReadAsync(chunk);
                end = count == 0 ? "fin" : null;
            }
            catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
            {
                count = 0;
                end = EndOf(e);
            }

            TaskCompletionSource changed;
            lock (_lock)
            {
                if (end is not null)
                {
                    PeerEndAt = Clock.Now;
                    PeerEnd = end;
                }
                else
                {
                    FirstByteAt ??= Clock.Now;
                    Append(chunk.AsSpan(0, count));
                }

                changed = _changed;
                _changed = NewSignal();
            }

            changed.SetResult();
            if (end is not null)
            {
                return;
            }
        }
    }

    private string EndOf(Exception exception)
    {
        if (_closedHere)
        {
            return "local";
        }

        var socketError = (exception as SocketException ?? exception.InnerException as SocketException)?.SocketErrorCode;
        return socketError switch
        {
            SocketError.ConnectionReset or SocketError.Shutdown or SocketError.ConnectionAborted => "rst",
            null when _stream is SslStream && exception is IOException => "fin",
            _ => "local",
        };
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        if (_buffer.Length - _end < bytes.Length)
        {
            var held = _end - _start;
            var bigger = held + bytes.Length > _buffer.Length / 2 ? new byte[Math.Max(_buffer.Length * 2, (held + bytes.Length) * 2)] : _buffer;
            Buffer.BlockCopy(_buffer, _start, bigger, 0, held);
            (_buffer, _start, _end) = (bigger, 0, held);
        }

        bytes.CopyTo(_buffer.AsSpan(_end));
        _end += bytes.Length;
    }
}
