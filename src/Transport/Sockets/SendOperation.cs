using System.Net.Sockets;

namespace FastSidecar.Transport.Sockets;

/// <summary>Sends pieces in one gather write, one send at a time; by the runtime's socket engine, or by our event loop.</summary>
internal abstract class SendOperation : IDisposable
{
    /// <summary>So many pieces go into one system call.</summary>
    public const int MaxGather = 8;

    /// <summary>Bytes that the last send took.</summary>
    public int Count { get; protected set; }

    /// <summary>How the last send ended.</summary>
    public SocketError Error { get; protected set; }

    /// <summary>
    /// Sends what it can of <paramref name="pieces"/> from <paramref name="index"/> on; they stay as they are until it has ended. True: it is
    /// under way, and the connection's writer is called when it has ended. False: it has ended at once.
    /// </summary>
    public abstract bool Start(List<SendPiece> pieces, int index);

    public abstract void Dispose();
}
