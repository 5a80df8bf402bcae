using System.Net;
using System.Net.Sockets;

namespace FastSidecar.Commands;

/// <summary>
/// Free ports for a sidecar that is about to start. Each is held until all were chosen, so that none comes twice; between
/// <see cref="Dispose"/> and the sidecar's own bind another program may take one, as with <c>dapr run</c>.
/// </summary>
internal sealed class FreePorts : IDisposable
{
    private readonly List<TcpListener> _held = [];

    public int Take()
    {
        var listener = new TcpListener(IPAddress.Any, 0);
        _held.Add(listener);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    public void Dispose() => _held.ForEach(static listener => listener.Dispose());
}
