using System.Runtime.InteropServices;

namespace FastSidecar.Load;

/// <summary>
/// The system calls of the generator, without the runtime's socket engine between: one thread, one epoll, nothing queued.
/// </summary>
internal static unsafe partial class Native
{
    public const int EAgain = 11;
    public const int EIntr = 4;
    public const int EInProgress = 115;
    public const uint PollIn = 1;
    public const uint PollOut = 4;
    public const uint PollError = 8;
    public const uint PollHangUp = 16;
    public const int ControlAdd = 1;
    public const int ControlDelete = 2;
    public const int ControlModify = 3;
    public const int MessageNoSignal = 0x4000;
    private const int CloseOnExec = 0x80000;
    private const int InternetFamily = 2;
    private const int StreamNonBlocking = 1 | 0x800 | CloseOnExec;
    private const int TcpLevel = 6;
    private const int TcpNoDelay = 1;
    private const int SocketLevel = 1;
    private const int SocketError = 4;
    private const int SetTimerSlack = 29;

    [StructLayout(LayoutKind.Sequential)]
    public struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct InternetAddress
    {
        public ushort Family;
        public ushort PortBigEndian;
        public uint AddressBigEndian;
        public ulong Zero;
    }

    public static int EpollCreate() => epoll_create1(CloseOnExec);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int epoll_ctl(int epoll, int operation, int descriptor, void* pollEvent);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int epoll_pwait2(int epoll, void* events, int count, TimeSpec* timeout, void* signals);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint recv(int descriptor, void* buffer, nuint length, int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint send(int descriptor, void* buffer, nuint length, int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int close(int descriptor);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int clock_gettime(int clock, TimeSpec* time);

    /// <summary>A non-blocking TCP socket without Nagle's delay, connecting.</summary>
    public static int Connect(uint addressBigEndian, int port)
    {
        var descriptor = socket(InternetFamily, StreamNonBlocking, 0);
        if (descriptor < 0)
        {
            throw new LoadException($"no socket (errno {Marshal.GetLastPInvokeError()}): raise the limit of open files (ulimit -n)");
        }

        var one = 1;
        _ = setsockopt(descriptor, TcpLevel, TcpNoDelay, &one, sizeof(int));
        var address = new InternetAddress
        {
            Family = InternetFamily,
            PortBigEndian = (ushort)((port << 8) | (port >> 8)),
            AddressBigEndian = addressBigEndian,
        };
        if (connect(descriptor, &address, (uint)sizeof(InternetAddress)) != 0 && Marshal.GetLastPInvokeError() is var error
            && error != EInProgress)
        {
            _ = close(descriptor);
            throw new LoadException($"could not connect to port {port} (errno {error})");
        }

        return descriptor;
    }

    /// <summary>What became of a connect; 0 when it succeeded.</summary>
    public static int ConnectError(int descriptor)
    {
        int error;
        var length = (uint)sizeof(int);
        return getsockopt(descriptor, SocketLevel, SocketError, &error, &length) == 0 ? error : Marshal.GetLastPInvokeError();
    }

    /// <summary>Timers of this thread fire on time: the default lets them be 50 µs late.</summary>
    public static void TimersWithoutSlack() => _ = prctl(SetTimerSlack, 1, 0, 0, 0);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int epoll_create1(int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int socket(int family, int type, int protocol);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int connect(int descriptor, void* address, uint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int setsockopt(int descriptor, int level, int option, void* value, uint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int getsockopt(int descriptor, int level, int option, void* value, uint* length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int prctl(int option, nuint a, nuint b, nuint c, nuint d);
}
