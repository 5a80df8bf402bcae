using System.IO.Pipelines;
using System.Net;
using FastSidecar.Transport.Sockets;

namespace FastSidecar.Transport.Http1;

/// <summary>What an <see cref="Http1Client"/> needs of a connection, so that it can also run over TLS or a test's pipe.</summary>
/// <param name="Pipe">The bytes both ways.</param>
/// <param name="Close">Closes both ways gracefully and ends pending operations; called once, from any thread, must not block or throw.</param>
/// <param name="LocalEndPoint">For error texts.</param>
/// <param name="RemoteEndPoint">For error texts.</param>
public sealed record Http1Wire(IDuplexPipe Pipe, Action Close, EndPoint? LocalEndPoint, EndPoint? RemoteEndPoint)
{
    /// <summary>
    /// Whether the server had closed before it took any byte but so many of the first; null where nobody can tell. Asked once, after a failure.
    /// </summary>
    public Func<long, bool>? RefusedBehind { get; init; }

    /// <param name="connection">Owned by the wire from here on.</param>
    /// <param name="remote">Where it was connected to. Not asked of the socket, which does not know it any more when the server was quick to reset.</param>
    internal static Http1Wire Over(SocketConnection connection, EndPoint remote) =>
        new(connection, () => connection.Abort(), connection.Socket.LocalEndPoint, remote) { RefusedBehind = connection.IsRefusedBehind };
}
