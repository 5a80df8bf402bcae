using System.Collections.Concurrent;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text;
using System.Threading.Channels;
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

    /// <summary>The calls go on until so many connections were sent away.</summary>
    private const int LeastDrains = 3;

    /// <summary>
    /// After so many a connection is sent away. By calls and not by the clock: one that is sent away before it was ready is a dial that failed, and a
    /// slow machine would have no other. So many that each caller gets its turn on a connection, whatever the scheduler does.
    /// </summary>
    private const int CallsOfAConnection = 500;

    /// <summary>A call goes on to its end where it is, or was provably not looked at and is made once more: none fails.</summary>
    [Fact]
    public async Task PeerDrainsEveryConnectionAgainAndAgain_NoCallFails()
    {
        var connections = new ConcurrentQueue<Http2Connection>();
        var worn = System.Threading.Channels.Channel.CreateUnbounded<Task<Http2Connection>>();
        await using var listener = new SocketListener(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Start(transport =>
        {
            var calls = 0;
            var started = new TaskCompletionSource<Http2Connection>(TaskCreationOptions.RunContinuationsAsynchronously);
            var handler = new TestHandler(stream =>
            {
                if (Interlocked.Increment(ref calls) == CallsOfAConnection)
                {
                    worn.Writer.TryWrite(started.Task);
                }

                return Handlers.EchoAsync(stream);
            });
            var connection = Http2Connection.StartServer(transport, new Http2Options(), handler, TimeProvider.System);
            connections.Enqueue(connection);
            started.SetResult(connection);
        });
        var endPoint = (IPEndPoint)listener.LocalEndPoint;
        var pool = new ChannelPool(new ChannelPoolOptions(), TimeProvider.System);
        var key = new ChannelKey($"127.0.0.1:{endPoint.Port}", "", "");
        var drainsBegun = new StrongBox<int>();
        var draining = DrainAsync(worn.Reader, drainsBegun);

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
                    Interlocked.Add(ref again, answer is null ? 1 : 0);
                }

                Assert.Equal(body, answer);
            }
        })).Within($"{Callers * CallsOfEach} calls and {LeastDrains} drains");

        worn.Writer.Complete();
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

    /// <summary>A GOAWAY on each connection that has served enough. Their number.</summary>
    private static async Task<int> DrainAsync(ChannelReader<Task<Http2Connection>> worn, StrongBox<int> begun)
    {
        var drains = new List<Task>();
        await foreach (var connection in worn.ReadAllAsync())
        {
            drains.Add((await connection).DrainAsync());
            Volatile.Write(ref begun.Value, drains.Count);
        }

        await Task.WhenAll(drains);
        return drains.Count;
    }
}
