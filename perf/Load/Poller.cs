using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace FastSidecar.Load;

/// <summary>epoll, level-triggered, with a timeout in nanoseconds (epoll_pwait2: Linux 5.11, glibc 2.35).</summary>
internal sealed unsafe class Poller : IDisposable
{
    /// <summary>Events taken with one call; what is ready beyond that comes with the next.</summary>
    private const int Capacity = 256;

    /// <summary>The kernel packs struct epoll_event on x86-64 only (include/uapi/linux/eventpoll.h).</summary>
    private static readonly int Stride = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;
    private static readonly int DataOffset = Stride - 8;

    private readonly int _epoll = Native.EpollCreate();
    private readonly byte[] _events = GC.AllocateArray<byte>(Capacity * 16, pinned: true);

    /// <summary>Adds or changes what is waited for. <paramref name="key"/> comes back with every event.</summary>
    public void Watch(int descriptor, int key, bool write, bool added)
    {
        var pollEvent = stackalloc byte[16];
        var bytes = new Span<byte>(pollEvent, 16);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, write ? Native.PollIn | Native.PollOut : Native.PollIn);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[DataOffset..], key);
        if (Native.epoll_ctl(_epoll, added ? Native.ControlModify : Native.ControlAdd, descriptor, pollEvent) != 0)
        {
            throw new LoadException($"epoll_ctl failed (errno {Marshal.GetLastPInvokeError()})");
        }
    }

    /// <summary>Waits for at most so many nanoseconds and gives the number of events.</summary>
    public int Wait(long nanoseconds)
    {
        var timeout = new Native.TimeSpec { Seconds = nanoseconds / Clock.Second, Nanoseconds = nanoseconds % Clock.Second };
        fixed (byte* events = _events)
        {
            var count = Native.epoll_pwait2(_epoll, events, Capacity, &timeout, null);
            if (count >= 0)
            {
                return count;
            }
        }

        return Marshal.GetLastPInvokeError() == Native.EIntr
            ? 0
            : throw new LoadException($"epoll_pwait2 failed (errno {Marshal.GetLastPInvokeError()})");
    }

    public (int Key, bool Read, bool Write) Event(int index)
    {
        var bytes = _events.AsSpan(index * Stride, Stride);
        var what = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        var broken = (what & (Native.PollError | Native.PollHangUp)) != 0;
        var key = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes[DataOffset..]);
        return (key, broken || (what & Native.PollIn) != 0, (what & Native.PollOut) != 0);
    }

    public void Dispose() => _ = Native.close(_epoll);
}
