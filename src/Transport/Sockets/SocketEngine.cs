namespace FastSidecar.Transport.Sockets;

/// <summary>Which engine waits for the process's sockets. Decided before the first one.</summary>
public static class SocketEngine
{
    /// <summary>
    /// The name of the environment variable that decides: <c>runtime</c> for the runtime's engine (SocketAsyncEventArgs); anything else for our
    /// own event loop where there is one (Linux).
    /// </summary>
    public const string Variable = "FASTSIDECAR_SOCKETS";

    /// <summary>Our event loop: a batch of sockets shares one turn, and a receive is not tried twice.</summary>
    public static bool UsesEventLoop { get; } =
        OperatingSystem.IsLinux() && Environment.Is64BitProcess && Environment.GetEnvironmentVariable(Variable) != "runtime";
}
