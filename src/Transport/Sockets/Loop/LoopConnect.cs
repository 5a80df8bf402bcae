using System.Net;
using System.Net.Sockets;

namespace FastSidecar.Transport.Sockets.Loop;

/// <summary>Connects without the runtime's engine, which would go on watching the socket.</summary>
internal static class LoopConnect
{
    private const int Stream = 1; // SOCK_STREAM
    private const int Ipv4 = 2; // AF_INET
    private const int Ipv6 = 10; // AF_INET6
    private const int Unix = 1; // AF_UNIX

    /// <summary>A connected socket, which is the caller's.</summary>
    /// <exception cref="SocketException">The connection was not made.</exception>
    public static async ValueTask<Socket> ConnectAsync(EventLoop loop, EndPoint endPoint, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var handle = Create(endPoint.AddressFamily);
        if (!TryConnect(handle, endPoint))
        {
            await WaitAsync(loop, handle, cancellationToken);
        }

        // Around a descriptor that is connected the socket finds out who is at its ends.
        var socket = new Socket(new SafeSocketHandle(handle.DangerousGetHandle(), ownsHandle: true));
        handle.SetHandleAsInvalid();
        return socket;
    }

    private static SafeSocketHandle Create(AddressFamily family)
    {
        var domain = family switch
        {
            AddressFamily.InterNetwork => Ipv4,
            AddressFamily.InterNetworkV6 => Ipv6,
            AddressFamily.Unix => Unix,
            _ => throw new SocketException((int)SocketError.AddressFamilyNotSupported),
        };
        var descriptor = Libc.CreateSocket(domain, Stream | Libc.NonBlocking | Libc.CloseOnExec, 0);
        return descriptor >= 0 ? new SafeSocketHandle(descriptor, ownsHandle: true) : throw new SocketException((int)Libc.LastError);
    }

    /// <summary>False while the connection is being made.</summary>
    private static unsafe bool TryConnect(SafeSocketHandle handle, EndPoint endPoint)
    {
        var address = endPoint.Serialize();
        fixed (byte* start = address.Buffer.Span)
        {
            if (Libc.Connect(handle, start, address.Size) == 0)
            {
                return true;
            }
        }

        return Libc.LastWasInProgress ? false : throw new SocketException((int)Libc.LastError);
    }

    private static async ValueTask WaitAsync(EventLoop loop, SafeSocketHandle handle, CancellationToken cancellationToken)
    {
        var made = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var socket = new LoopSocket(loop, handle);
        socket.Writable.TryLower(); // a socket that connects has no room yet
        socket.Writable.TryWait();
        socket.Join(static () => { }, () => made.TrySetResult());
        try
        {
            await using (cancellationToken.UnsafeRegister(static source => ((TaskCompletionSource)source!).TrySetCanceled(), made))
            {
                await made.Task;
            }
        }
        finally
        {
            socket.Leave();
        }

        var error = socket.TakeError();
        if (error != SocketError.Success)
        {
            throw new SocketException((int)error);
        }
    }
}
