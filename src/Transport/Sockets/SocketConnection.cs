using System.IO.Pipelines;
using System.Net.Sockets;

namespace FastSidecar.Transport.Sockets;

/// <summary>A connected socket as a duplex pipe. Reads and writes go straight to the socket: there is no thread hop and no second copy.</summary>
public sealed class SocketConnection : IDuplexPipe, IAsyncDisposable
{
    public SocketConnection(Socket socket)
    {
        _ = socket;
        throw new NotImplementedException();
    }

    public Socket Socket => throw new NotImplementedException();

    /// <summary>Reads into pooled blocks; ReadAsync issues one receive when nothing is buffered.</summary>
    public PipeReader Input => throw new NotImplementedException();

    /// <summary>
    /// Buffers until FlushAsync, which sends everything buffered in one gather write. <c>WriteAsync(memory)</c> joins large memory to that write without
    /// copying it; the memory must stay unchanged until the call completes.
    /// </summary>
    public PipeWriter Output => throw new NotImplementedException();

    /// <summary>Closes both ways; pending reads and writes end. A reset instead of a FIN when <paramref name="reset"/>.</summary>
    public void Abort(bool reset = false) => throw new NotImplementedException();

    public ValueTask DisposeAsync() => throw new NotImplementedException();
}
