namespace FastSidecar.Transport.Sockets;

/// <summary>Which engine waits for the process's sockets. Decided before the first one.</summary>
public static class SocketEngine
{
    /// <summary>
    /// Our event loop, where there is one (64-bit Linux): a batch of sockets shares one turn, and a receive is not tried twice. Otherwise the
    /// runtime's engine (SocketAsyncEventArgs).
    /// </summary>
    public static bool UsesEventLoop { get; private set; } = OperatingSystem.IsLinux() && Environment.Is64BitProcess;

    /// <summary>The runtime's engine from now on.</summary>
    public static void UseRuntime() => UsesEventLoop = false;
}
