using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using FastSidecar.Transport.Buffers;
using FastSidecar.Transport.Sockets;
using Microsoft.AspNetCore.Connections;

namespace FastSidecar.Api.Http;

/// <summary>
/// Gives Kestrel connections of our own event loop: their bytes go from the socket to Kestrel's parser without a pipe between, and what their
/// requests write to peers shares a turn with that of all other connections.
/// </summary>
/// <param name="bound">The sockets to listen on, by their end points; the listeners own them.</param>
/// <param name="time">For pauses after failed accepts.</param>
internal sealed class LoopTransport(IReadOnlyDictionary<EndPoint, Socket> bound, TimeProvider time) : IConnectionListenerFactory
{
    private readonly BlockPool _pool = new();

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
        ValueTask.FromResult<IConnectionListener>(new Listener(new SocketListener(bound[endpoint], time), _pool));

    private sealed class Listener : IConnectionListener
    {
        private readonly SocketListener _listener;

        // Its bound is the process's descriptors, of which each connection holds one: without one left the listener pauses.
        private readonly Channel<LoopConnection> _accepted =
            Channel.CreateUnbounded<LoopConnection>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });

        public Listener(SocketListener listener, BlockPool pool)
        {
            _listener = listener;
            listener.Start(socket => _accepted.Writer.TryWrite(new LoopConnection(socket, pool)));
        }

        public EndPoint EndPoint => _listener.LocalEndPoint;

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        {
            try
            {
                return await _accepted.Reader.ReadAsync(cancellationToken);
            }
            catch (ChannelClosedException)
            {
                return null;
            }
        }

        public async ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            await _listener.DisposeAsync();
            _accepted.Writer.TryComplete();
        }

        public async ValueTask DisposeAsync()
        {
            await UnbindAsync();
            while (_accepted.Reader.TryRead(out var connection))
            {
                await connection.DisposeAsync();
            }
        }
    }
}
