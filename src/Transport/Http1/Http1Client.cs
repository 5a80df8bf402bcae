using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using FastSidecar.Transport.Async;
using FastSidecar.Transport.Sockets;

namespace FastSidecar.Transport.Http1;

/// <summary>A pool of HTTP/1.1 connections to one endpoint.</summary>
public sealed class Http1Client : IAsyncDisposable
{
    private readonly Http1ConnectionPool _pool;

    public Http1Client(EndPoint endPoint, Http1ClientOptions options, TimeProvider time)
        : this(options, time, cancellationToken => ConnectAsync(endPoint, options, time, cancellationToken))
    {
    }

    /// <param name="options">Limits.</param>
    /// <param name="time">The clock of the idle timeout.</param>
    /// <param name="connect">Opens a connection; its exceptions come out of <see cref="OpenAsync(CancellationToken)"/>. <see cref="Http1ClientOptions.ConnectTimeout"/> is its own business.</param>
    public Http1Client(Http1ClientOptions options, TimeProvider time, Func<CancellationToken, ValueTask<Http1Wire>> connect)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(connect);
        _pool = new Http1ConnectionPool(options, time, connect);
    }

    /// <summary>Connections open or being opened.</summary>
    public int OpenConnections => _pool.OpenCount;

    /// <summary>Connections kept for the next request.</summary>
    public int IdleConnections => _pool.IdleCount;

    /// <summary>
    /// A pooled idle connection, or a new one; waits when all connections are in use. Throws <see cref="SocketException"/> when connecting
    /// failed. The exchange must be disposed, once, and not be touched after that.
    /// </summary>
    public ValueTask<Http1Exchange> OpenAsync(CancellationToken cancellationToken) => OpenAsync(fresh: false, cancellationToken);

    /// <summary>As <see cref="OpenAsync(CancellationToken)"/>, and not an idle connection when <paramref name="fresh"/>: for a request that just met a stale one.</summary>
    public ValueTask<Http1Exchange> OpenAsync(bool fresh, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<Http1Exchange>(cancellationToken);
        }

        var rent = _pool.RentAsync(fresh, cancellationToken);
        return rent.IsCompletedSuccessfully ? ValueTask.FromResult(rent.Result.Exchange) : OpenAwaitedAsync(rent);
    }

    /// <summary>Closes idle connections and refuses further requests; connections in use are closed when their exchange ends.</summary>
    public ValueTask DisposeAsync()
    {
        _pool.Dispose();
        return ValueTask.CompletedTask;
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder<>))]
    private static async ValueTask<Http1Exchange> OpenAwaitedAsync(ValueTask<Http1Connection> rent) => (await rent).Exchange;

    private static async ValueTask<Http1Wire> ConnectAsync(EndPoint endPoint, Http1ClientOptions options, TimeProvider time, CancellationToken cancellationToken)
    {
        try
        {
            return Http1Wire.Over(await SocketConnector.ConnectAsync(endPoint, options.ConnectTimeout, time, cancellationToken), endPoint);
        }
        catch (TimeoutException)
        {
            throw new SocketException((int)SocketError.TimedOut);
        }
    }
}
