using System.Buffers;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Sockets;
using Xunit;

namespace FastSidecar.Transport.Tests.Sockets;

/// <summary>Tests that measure allocations of the whole process: nothing may run beside them.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class AllocationMeasurements
{
    public const string Name = "allocation measurements";
}

[Collection(AllocationMeasurements.Name)]
public sealed class SocketAllocationTests
{
    [Fact]
    public async Task SteadyPingPong_AllocatesNothing()
    {
        await using var pair = await SocketPair.OpenAsync();
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
        var before = GC.GetTotalAllocatedBytes(precise: true);
        await Task.Run(() => PingPongAsync(pair.Connection, 2000)).Within("ping-pong");
        var perRound = (GC.GetTotalAllocatedBytes(precise: true) - before) / 2000.0;
        await pair.Connection.Output.CompleteAsync();
        await echo.Within("echo end");
        Assert.True(perRound < 8, $"{perRound:F1} bytes per round");
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
