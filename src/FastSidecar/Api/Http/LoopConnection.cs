using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Net;
using FastSidecar.Transport.Buffers;
using FastSidecar.Transport.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;

namespace FastSidecar.Api.Http;

/// <summary>A connection of our event loop as Kestrel knows connections.</summary>
internal sealed class LoopConnection : ConnectionContext, IConnectionIdFeature, IConnectionTransportFeature, IConnectionItemsFeature,
    IConnectionLifetimeFeature, IConnectionEndPointFeature, IMemoryPoolFeature
{
    private static long s_lastId;

    private readonly SocketConnection _socket;
    private readonly BlockPool _pool;
    private readonly CancellationTokenSource _closed = new();
    private string? _id;

    public LoopConnection(SocketConnection socket, BlockPool pool)
    {
        _socket = socket;
        _pool = pool;
        Transport = socket;
        ConnectionClosed = _closed.Token;
        LocalEndPoint = socket.Socket.LocalEndPoint;
        RemoteEndPoint = socket.Socket.RemoteEndPoint;
        var features = new FeatureCollection();
        features.Set<IConnectionIdFeature>(this);
        features.Set<IConnectionTransportFeature>(this);
        features.Set<IConnectionItemsFeature>(this);
        features.Set<IConnectionLifetimeFeature>(this);
        features.Set<IConnectionEndPointFeature>(this);
        features.Set<IMemoryPoolFeature>(this);
        Features = features;
        socket.WatchPeer(OnPeerClosed);
    }

    public override IDuplexPipe Transport { get; set; }

    public override string ConnectionId
    {
        get => _id ??= Interlocked.Increment(ref s_lastId).ToString(CultureInfo.InvariantCulture);
        set => _id = value;
    }

    public override IFeatureCollection Features { get; }

    public override IDictionary<object, object?> Items { get; set; } = new ConnectionItems();

    /// <summary>Cancelled when the client has closed its side or is gone, and at our own end.</summary>
    public override CancellationToken ConnectionClosed { get; set; }

    public override EndPoint? LocalEndPoint { get; set; }

    public override EndPoint? RemoteEndPoint { get; set; }

    public MemoryPool<byte> MemoryPool => _pool;

    public override void Abort() => Abort(new ConnectionAbortedException());

    /// <summary>With a reset: the client must not take what it has for the whole.</summary>
    public override void Abort(ConnectionAbortedException abortReason)
    {
        _socket.Abort(reset: true);
        OnPeerClosed();
    }

    public override async ValueTask DisposeAsync()
    {
        await _socket.DisposeAsync();
        OnPeerClosed();
    }

    private void OnPeerClosed()
    {
        try
        {
            _closed.Cancel();
        }
        catch (AggregateException)
        {
            // What one callback throws must not keep the others, or the process, from their end.
        }
    }
}
