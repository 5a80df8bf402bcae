using System.Runtime.InteropServices;

namespace FastSidecar.Load;

/// <summary>A non-blocking socket under the poller, with the part of a request that the kernel has not taken yet.</summary>
internal sealed unsafe class LoadSocket(Poller poller, LoadTarget target, int key) : IDisposable
{
    private int _descriptor = -1;
    private bool _watchesWrite;
    private ReadOnlyMemory<byte> _first;
    private ReadOnlyMemory<byte> _second;

    public void Connect()
    {
        Dispose();
        _descriptor = Native.Connect(target.AddressBigEndian, target.Port);
        _watchesWrite = true;
        poller.Watch(_descriptor, key, write: true, added: false);
    }

    /// <summary>
    /// Sends both parts, one behind the other; what does not fit follows in <see cref="Flush"/>. Both must stay as they are until then.
    /// </summary>
    public void Send(ReadOnlyMemory<byte> first, ReadOnlyMemory<byte> second)
    {
        if (_first.Length + _second.Length > 0)
        {
            throw new LoadException("a request was sent before the one in front of it had left");
        }

        _first = first;
        _second = second;
        Flush();
    }

    /// <summary>Sends what is left. True when nothing is.</summary>
    public bool Flush()
    {
        while (_first.Length + _second.Length > 0)
        {
            if (_first.Length == 0)
            {
                (_first, _second) = (_second, default);
            }

            var sent = Write(_first.Span);
            if (sent < 0)
            {
                WatchWrite(true);
                return false;
            }

            _first = _first[sent..];
        }

        WatchWrite(false);
        return true;
    }

    /// <summary>Sends what the kernel takes; -1 when it takes nothing now, and the poller tells when it does.</summary>
    public int SendSome(ReadOnlySpan<byte> bytes)
    {
        var sent = Write(bytes);
        WatchWrite(sent < bytes.Length);
        return sent;
    }

    /// <summary>Receives what is there: the number of bytes, 0 when the peer has closed, -1 when there is nothing now.</summary>
    public int Receive(Span<byte> buffer)
    {
        fixed (byte* start = buffer)
        {
            var count = Native.recv(_descriptor, start, (nuint)buffer.Length, 0);
            if (count >= 0)
            {
                return (int)count;
            }
        }

        var error = Marshal.GetLastPInvokeError();
        return error is Native.EAgain or Native.EIntr ? -1 : throw new LoadException($"a connection broke (errno {error} while receiving)");
    }

    public void Dispose()
    {
        if (_descriptor >= 0)
        {
            _ = Native.close(_descriptor);
            _descriptor = -1;
        }

        _first = _second = default;
    }

    private int Write(ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            var count = Native.send(_descriptor, start, (nuint)bytes.Length, Native.MessageNoSignal);
            if (count >= 0)
            {
                return (int)count;
            }
        }

        var error = Marshal.GetLastPInvokeError();
        return error is Native.EAgain or Native.EIntr ? -1 : throw new LoadException($"a connection broke (errno {error} while sending)");
    }

    private void WatchWrite(bool on)
    {
        if (_watchesWrite != on)
        {
            poller.Watch(_descriptor, key, on, added: true);
            _watchesWrite = on;
        }
    }
}
