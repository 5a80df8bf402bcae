using Microsoft.AspNetCore.Connections;

namespace FastSidecar.Api.Http;

/// <summary>
/// Whether an HTTP/1.1 connection carries a request, or is between two: then it may be closed. Lives as long as the connection, among whose
/// features it is.
/// </summary>
internal sealed class ConnectionUse(ConnectionContext connection)
{
    private const int Idle = 0;
    private const int Busy = 1;
    private const int Closed = 2;

    private int _state;

    /// <summary>A request's head is whole. False when the connection was closed just before: nobody may act on that request.</summary>
    public bool TryBegin() => Interlocked.CompareExchange(ref _state, Busy, Idle) != Closed;

    /// <summary>The request is answered.</summary>
    public void End() => Interlocked.CompareExchange(ref _state, Idle, Busy);

    /// <summary>Closes the connection unless it carries a request.</summary>
    public void CloseIfIdle()
    {
        if (Interlocked.CompareExchange(ref _state, Closed, Idle) == Idle)
        {
            connection.Abort(new ConnectionAbortedException("the server stops, and the connection carries no request"));
        }
    }
}
