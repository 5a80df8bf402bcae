using System.Net.Sockets;

namespace FastSidecar.Transport.Sockets;

/// <summary>Receives into a connection's buffer, one receive at a time; by the runtime's socket engine, or by our event loop.</summary>
internal abstract class ReceiveOperation : IDisposable
{
    /// <summary>Bytes that the last receive brought; 0 at the peer's FIN.</summary>
    public int Count { get; protected set; }

    /// <summary>How the last receive ended.</summary>
    public SocketError Error { get; protected set; }

    /// <summary>The last receive went into the buffer's target, which is to be committed or dropped.</summary>
    public bool HasTarget { get; protected set; }

    /// <summary>Nobody wants more: a wait that ends is the last.</summary>
    public bool IsStopped { get; set; }

    /// <summary>Starts. True: it is under way, and the connection's reader is called when it has ended. False: it has ended at once.</summary>
    public abstract bool Start();

    /// <summary>As <see cref="Start"/>, but nothing is received before this thread's other sockets had their turn. It never ends at once.</summary>
    public abstract void StartLater();

    public abstract void Dispose();
}
