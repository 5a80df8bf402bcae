using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace FastSidecar.Transport.Sockets.Loop;

/// <summary>The system calls of the event loop (Linux; epoll(7), recv(2), sendmsg(2), accept4(2)).</summary>
internal static unsafe partial class Libc
{
    public const int DontWait = 0x40; // MSG_DONTWAIT
    public const int NoSignal = 0x4000; // MSG_NOSIGNAL
    public const int NonBlocking = 0x800; // SOCK_NONBLOCK
    public const int CloseOnExec = 0x80000; // SOCK_CLOEXEC, EPOLL_CLOEXEC

    public const uint In = 0x1; // EPOLLIN
    public const uint Out = 0x4; // EPOLLOUT
    public const uint Error = 0x8; // EPOLLERR
    public const uint HangUp = 0x10; // EPOLLHUP
    public const uint PeerHangUp = 0x2000; // EPOLLRDHUP
    public const uint EdgeTriggered = 0x8000_0000; // EPOLLET

    public const int ControlAdd = 1; // EPOLL_CTL_ADD
    public const int ControlDelete = 2; // EPOLL_CTL_DEL
    public const int ControlModify = 3; // EPOLL_CTL_MOD

    private const int InterruptedCall = 4; // EINTR
    private const int Again = 11; // EAGAIN
    private const int InProgressErrno = 115; // EINPROGRESS

    public static bool LastWasAgain => Marshal.GetLastPInvokeError() == Again;

    public static bool LastWasInterrupted => Marshal.GetLastPInvokeError() == InterruptedCall;

    public static bool LastWasInProgress => Marshal.GetLastPInvokeError() == InProgressErrno;

    /// <summary>The last call's errno in the words of System.Net.Sockets.</summary>
    public static SocketError LastError => ToSocketError(Marshal.GetLastPInvokeError());

    public static SocketError ToSocketError(int errno) => errno switch
    {
        0 => SocketError.Success,
        9 => SocketError.OperationAborted, // EBADF: closed here
        13 => SocketError.AccessDenied,
        23 or 24 => SocketError.TooManyOpenSockets, // ENFILE, EMFILE
        2 => SocketError.AddressNotAvailable, // ENOENT: no such socket file
        32 => SocketError.Shutdown, // EPIPE
        97 => SocketError.AddressFamilyNotSupported,
        98 => SocketError.AddressAlreadyInUse,
        99 => SocketError.AddressNotAvailable,
        100 => SocketError.NetworkDown,
        101 => SocketError.NetworkUnreachable,
        103 => SocketError.ConnectionAborted,
        104 => SocketError.ConnectionReset,
        105 => SocketError.NoBufferSpaceAvailable,
        107 => SocketError.NotConnected,
        110 => SocketError.TimedOut,
        111 => SocketError.ConnectionRefused,
        112 => SocketError.HostDown,
        113 => SocketError.HostUnreachable,
        _ => SocketError.SocketError,
    };

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    public static partial int EpollCreate(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    public static partial int EpollControl(int epoll, int operation, SafeSocketHandle socket, byte* polled);

    [LibraryImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    public static partial int EpollWait(int epoll, byte* events, int maxEvents, int timeoutMs);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    public static partial nint Receive(SafeSocketHandle socket, byte* buffer, nint length, int flags);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    public static partial nint Send(SafeSocketHandle socket, byte* buffer, nint length, int flags);

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    public static partial nint SendMessage(SafeSocketHandle socket, MessageHeader* message, int flags);

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    public static partial int CreateSocket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    public static partial int Connect(SafeSocketHandle socket, byte* address, int length);

    [LibraryImport("libc", EntryPoint = "accept4", SetLastError = true)]
    public static partial int Accept(SafeSocketHandle socket, byte* address, int* length, int flags);

    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    public static partial int GetOption(SafeSocketHandle socket, int level, int option, int* value, int* length);

    /// <summary>struct iovec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Vector
    {
        public byte* Base;
        public nint Length;
    }

    /// <summary>struct msghdr of 64-bit Linux.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct MessageHeader
    {
        public void* Name;
        public nint NameLength;
        public Vector* Vectors;
        public nint VectorCount;
        public void* Control;
        public nint ControlLength;
        public nint Flags;
    }
}
