using System.Collections.Concurrent;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Channels;
using FastSidecar.Transport.Http2;
using FastSidecar.Transport.Sockets;
using FastSidecar.Transport.Tests.Http2;
using Xunit;

namespace FastSidecar.Transport.Tests.Channels;

/// <summary>Many calls at once over real sockets, to a peer that keeps sending its connections away.</summary>
public sealed class ChannelStressTests
{
    private const int Callers = 200;
    private const int CallsOfEach = 25;

    /// <summary>However fast the calls are, they go on until so many connections were sent away.</summary>
    private const int LeastDrains = 3;

    /// <summary>A call goes on to its end where it is, or was provably not looked at and is made once more: none fails.</summary>
    [Fact]
    public async Task PeerDrainsEveryConnectionAgainAndAgain_NoCallFails()
    {
        var connections = new ConcurrentQueue<Http2Connection>();
        await using var listener = new SocketListener(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Start(transport => connections.Enqueue(
            Http2Connection.StartServer(transport, new Http2Options(), new TestHandler(static stream => Handlers.EchoAsync(stream)), TimeProvider.System)));
        var endPoint = (IPEndPoint)listener.LocalEndPoint;
        var pool = new ChannelPool(new ChannelPoolOptions(), TimeProvider.System);
        var key = new ChannelKey($"127.0.0.1:{endPoint.Port}", "", "");
        using var over = new CancellationTokenSource();
        var drainsBegun = new StrongBox<int>();
        var draining = DrainAsync(connections, drainsBegun, over.Token);

        var again = 0;
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(async caller =>
        {
            await Task.Yield();
            for (var call = 0; call < CallsOfEach || Volatile.Read(ref drainsBegun.Value) < LeastDrains; call++)
            {
                var body = $"{caller}-{call}";
                string? answer = null;
                while (answer is null)
                {
                    answer = await TryCallAsync(pool, key, body);
                    again += answer is null ? 1 : 0;
                }

                Assert.Equal(body, answer);
            }
        })).Within($"{Callers * CallsOfEach} calls and {LeastDrains} drains");

        await over.CancelAsync();
        var drained = await draining.Within("the drains");
        Assert.True(again <= Callers * drained, $"{again} calls were made again for {drained} drains");
        await pool.DisposeAsync().AsTask().Within("the pool's end");
        foreach (var connection in connections)
        {
            await connection.DisposeAsync().AsTask().Within("a connection's end");
        }
    }

    /// <summary>Null when the peer has provably not looked at the call.</summary>
    private static async Task<string?> TryCallAsync(ChannelPool pool, ChannelKey key, string body)
    {
        using var stream = await pool.OpenStreamAsync(key, default);
        try
        {
            stream.WriteHead(Heads.Request(), endStream: false);
            Encoding.ASCII.GetBytes(body, stream.Output);
            stream.End(null);
            await stream.ReadHeadAsync(default);
            return Encoding.ASCII.GetString(await stream.ReadAllAsync());
        }
        catch (Http2StreamException e) when (e.NeverProcessed)
        {
            return null;
        }
    }

    /// <summary>Every 50 ms a GOAWAY on all connections there are. The number of connections it was sent on.</summary>
    private static async Task<int> DrainAsync(ConcurrentQueue<Http2Connection> connections, StrongBox<int> begun, CancellationToken over)
    {
        var drains = new Dictionary<Http2Connection, Task>();
        using var ticks = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        try
        {
            while (await ticks.WaitForNextTickAsync(over))
            {
                foreach (var connection in connections)
                {
                    if (!drains.ContainsKey(connection))
                    {
                        drains.Add(connection, connection.DrainAsync());
                        Volatile.Write(ref begun.Value, drains.Count);
                    }
                }
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(drains.Values);
        }

        return drains.Count;
    }
}
