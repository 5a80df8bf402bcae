using System.Buffers;
using System.Net;
using System.Net.Sockets;
using FastSidecar.Load;
using FastSidecar.Load.Ticks;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Perf.Tests;

public sealed class TicksTests
{
    [Fact]
    public async Task Ticker_EveryNumberComes_AndBothSidesSpeak()
    {
        using var stop = new CancellationTokenSource();
        var port = FreePort();
        var server = new TickServer(1000, TimeProvider.System).RunAsync(port, stop.Token);
        var options = new LoadOptions
        {
            Url = $"http://127.0.0.1:{port}/perf.Ticker/Ticks", Streams = 10, Seconds = 1, Processes = [Environment.ProcessId],
        };

        var result = await new TickClient(options, TimeProvider.System).RunAsync().Within("the client");

        await stop.CancelAsync();
        await server.Within("the server's end");
        Assert.True(result.Messages > 1000, $"{result}");
        Assert.True(result.Answers > 10, $"{result}");
        Assert.Single(result.ResidentAfter);
    }

    [Fact]
    public void Message_InAnyPieces_IsReadAlike()
    {
        var output = new ArrayBufferWriter<byte>();
        TickMessage.Write(output, 7);
        TickMessage.Write(output, 8);
        for (var cut = 0; cut <= output.WrittenCount; cut++)
        {
            var buffer = new ReadOnlySequence<byte>(output.WrittenMemory[..cut]);
            var whole = cut / TickMessage.Bytes;
            for (var i = 0; i < whole; i++)
            {
                Assert.True(TickMessage.TryRead(ref buffer, out var number));
                Assert.Equal(7 + i, number);
            }

            Assert.False(TickMessage.TryRead(ref buffer, out _));
            Assert.Equal(cut % TickMessage.Bytes, buffer.Length);
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
