using System.Buffers;
using System.Diagnostics;
using System.Reflection;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Sockets;
using Xunit;

namespace FastSidecar.Transport.Tests.Sockets;

/// <summary>Tests that measure allocations of the whole process: nothing may run beside them.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class AllocationMeasurements
{
    public const string Name = "allocation measurements";

    private const int Rounds = 5;

    /// <summary>Bytes per operation in the best of a few rounds: the test runner allocates beside some of them.</summary>
    public static async Task<double> BestOfAsync(int operations, Func<Task> round)
    {
        var best = double.MaxValue;
        for (var i = 0; i < Rounds; i++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            await round();
            best = Math.Min(best, (GC.GetTotalAllocatedBytes(precise: true) - before) / (double)operations);
        }

        return best;
    }

    /// <summary>What counts as nothing. In a Debug build the state machine of an async method is an object, pooled builder or not.</summary>
    public static int Nothing(int perAsyncCall) =>
        typeof(SocketConnection).Assembly.GetCustomAttribute<DebuggableAttribute>() is { IsJITOptimizerDisabled: true } ? 8 + (200 * perAsyncCall) : 8;
}

[Collection(AllocationMeasurements.Name)]
public sealed class SocketAllocationTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task SteadyPingPong_AllocatesNothing(bool onEventLoop)
    {
        await using var pair = await SocketPair.OpenAsync(onEventLoop);
        var echo = Task.Run(() =>
        {
            var buffer = new byte[4096];
            int count;
            while ((count = pair.Peer.Receive(buffer)) > 0)
            {
                pair.Peer.Send(buffer.AsSpan(0, count));
            }
        });
        await Task.Run(() => PingPongAsync(pair.Connection, 300)).Within("warm-up");
        var best = await AllocationMeasurements.BestOfAsync(2000, () => Task.Run(() => PingPongAsync(pair.Connection, 2000)).Within("ping-pong"));
        await pair.Connection.Output.CompleteAsync();
        await echo.Within("echo end");
        Assert.True(best < AllocationMeasurements.Nothing(perAsyncCall: 0), $"{best:F1} bytes per round");
    }

    private static async Task PingPongAsync(SocketConnection connection, int rounds)
    {
        for (var i = 0; i < rounds; i++)
        {
            connection.Output.Write("ping "u8);
            connection.Output.Write("pong"u8);
            await connection.Output.FlushAsync();
            for (var missing = 9L; missing > 0;)
            {
                var result = await connection.Input.ReadAsync();
                missing -= result.Buffer.Length;
                connection.Input.AdvanceTo(result.Buffer.End);
            }
        }
    }
}
