using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using FastSidecar.Integration.Shared;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Integration.HttpApi;

/// <summary>A client that pipelines without a pause gets its answers, and so does everybody else.</summary>
public sealed class FloodTests(SidecarPair pair) : PairTests<SidecarPair>(pair)
{
    private static readonly TimeSpan Span = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Limit = TimeSpan.FromMilliseconds(500);

    [Fact]
    public async Task EndlessPipeline_OtherClientsAreAnsweredInTime()
    {
        const string Request = "GET /v1.0/healthz HTTP/1.1\r\nHost: x\r\n\r\n";
        using var flood = await RawConnection.ConnectAsync(Pair.Caller.HttpPort);
        using var other = await RawConnection.ConnectAsync(Pair.Caller.HttpPort);
        // Threads of their own, so that the flood has no pause of our making.
        var requests = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(Request, 20_000)));
        var sending = Task.Factory.StartNew(() => Send(flood.Socket, requests), TaskCreationOptions.LongRunning);
        var receiving = Task.Factory.StartNew(() => Receive(flood.Socket), TaskCreationOptions.LongRunning);

        var clock = Stopwatch.StartNew();
        var times = new List<TimeSpan>();
        while (clock.Elapsed < Span)
        {
            var asked = clock.Elapsed;
            await other.SendAsync(Request);
            Assert.Equal(204, (await other.AnswerAsync())?.Status);
            times.Add(clock.Elapsed - asked);
        }

        flood.Reset();
        await sending.Within("the flood's end");
        var answered = await receiving.Within("the end of the flood's answers");
        Assert.True(answered > 1_000_000, $"only {answered} bytes of answers: that was no flood");

        // One slow answer is the machine's; with the flood first every answer takes seconds.
        times.Sort();
        var slowest = times[Math.Max(0, times.Count - 2)];
        Assert.True(times.Count > 1 && slowest < Limit, $"{times.Count} answers, the slowest but one after {slowest}");
    }

    private static void Send(Socket socket, byte[] requests)
    {
        try
        {
            while (true)
            {
                socket.Send(requests);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Closed here.
        }
    }

    private static long Receive(Socket socket)
    {
        var buffer = new byte[1024 * 1024];
        var received = 0L;
        try
        {
            while (socket.Receive(buffer) is > 0 and var count)
            {
                received += count;
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Closed here.
        }

        return received;
    }
}
