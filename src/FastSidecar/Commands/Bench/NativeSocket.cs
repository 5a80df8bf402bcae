using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace FastSidecar.Commands.Bench;

/// <summary>
/// A TCP socket of the generator's thread, and the wait for many of them that ends to the microsecond, which no method of the
/// framework does. Its synchronous sockets are nowhere else in the binary, so these few calls of the kernel take their place.
/// </summary>
internal static unsafe partial class NativeSocket
{
    public const short Readable = 1;
    public const short Writable = 4;

    /// <summary>Nothing could be sent or received now.</summary>
    public const int NotNow = -1;

    private const int Internet = 2;
    private const int StreamCloseOnExec = 1 | 0x80000;
    private const int TcpLevel = 6;
    private const int NoDelay = 1;
    private const int DoNotWaitNorSignal = 0x40 | 0x4000;
    private const int AddressBytes = 16;

    /// <summary>PR_SET_TIMERSLACK.</summary>
    private const int TimerSlack = 29;

    private const int Interrupted = 4;
    private const int TryAgain = 11;
    private const long NanosecondsPerSecond = 1_000_000_000;

    /// <summary>struct pollfd.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct PollEntry
    {
        public int Descriptor;
        public short Wanted;
        public short Happened;
    }

    /// <summary>Connects to a port of 127.0.0.1; gives the descriptor.</summary>
    public static int Connect(int port)
    {
        var descriptor = Create(Internet, StreamCloseOnExec, 0);
        if (descriptor < 0)
        {
            throw new BenchException($"no socket (errno {Marshal.GetLastPInvokeError()})");
        }

        var on = 1;
        _ = SetOption(descriptor, TcpLevel, NoDelay, &on, sizeof(int));

        // struct sockaddr_in: family, port, address.
        var address = stackalloc byte[AddressBytes];
        var bytes = new Span<byte>(address, AddressBytes);
        bytes.Clear();
        BitConverter.TryWriteBytes(bytes, (ushort)Internet);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[2..], (ushort)port);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[4..], 0x7f000001);
        if (Connect(descriptor, address, AddressBytes) == 0)
        {
            return descriptor;
        }

        var error = Marshal.GetLastPInvokeError();
        Close(descriptor);
        throw new BenchException($"no connection to port {port} (errno {error})");
    }

    /// <summary>The number of bytes the socket took, or <see cref="NotNow"/>.</summary>
    public static int Send(int descriptor, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* first = bytes)
        {
            return Result(Send(descriptor, first, (nuint)bytes.Length, DoNotWaitNorSignal));
        }
    }

    /// <summary>The number of bytes that were there, 0 when the other side has closed, or <see cref="NotNow"/>.</summary>
    public static int Receive(int descriptor, Span<byte> buffer)
    {
        fixed (byte* first = buffer)
        {
            return Result(Receive(descriptor, first, (nuint)buffer.Length, DoNotWaitNorSignal));
        }
    }

    /// <summary>Timers of this thread end on time: the kernel may otherwise let them be 50 µs late.</summary>
    public static void SetPreciseTimers() => _ = Control(TimerSlack, 1, 0, 0, 0);

    /// <summary>Waits for at most so long; the number of entries to which something happened.</summary>
    public static int Wait(Span<PollEntry> entries, long nanoseconds)
    {
        var timeout = stackalloc long[] { nanoseconds / NanosecondsPerSecond, nanoseconds % NanosecondsPerSecond };
        fixed (PollEntry* first = entries)
        {
            var count = Poll(first, (nuint)entries.Length, timeout, null);
            var error = count < 0 ? Marshal.GetLastPInvokeError() : 0;
            return error is 0 or Interrupted ? Math.Max(0, count) : throw new BenchException($"ppoll failed (errno {error})");
        }
    }

    [LibraryImport("libc", EntryPoint = "close")]
    public static partial int Close(int descriptor);

    private static int Result(nint count)
    {
        var error = count < 0 ? Marshal.GetLastPInvokeError() : 0;
        return error switch
        {
            0 => (int)count,
            TryAgain or Interrupted => NotNow,
            _ => throw new BenchException($"a connection broke (errno {error})"),
        };
    }

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int Create(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "setsockopt")]
    private static partial int SetOption(int descriptor, int level, int option, void* value, uint length);

    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    private static partial int Connect(int descriptor, byte* address, uint length);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static partial nint Send(int descriptor, byte* bytes, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    private static partial nint Receive(int descriptor, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "ppoll", SetLastError = true)]
    private static partial int Poll(PollEntry* entries, nuint count, long* timeout, void* signals);

    [LibraryImport("libc", EntryPoint = "prctl")]
    private static partial int Control(int option, nuint a, nuint b, nuint c, nuint d);
}
