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
    private const int LeastAnswers = 20;

    /// <summary>Less was no flood.</summary>
    private const long LeastFlood = 1_000_000;

    private static readonly TimeSpan Span = TimeSpan.FromSeconds(3);

    /// <summary>With the flood first every answer takes seconds; a single one that did is the machine's.</summary>
    private static readonly TimeSpan MostOfMedian = TimeSpan.FromMilliseconds(500);

    private long _flooded;

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

        // On until there was a flood and answers beside it, however slow the machine is.
        var clock = Stopwatch.StartNew();
        var times = new List<TimeSpan>();
        while (clock.Elapsed < Span || times.Count < LeastAnswers || Interlocked.Read(ref _flooded) < LeastFlood)
        {
            Assert.True(clock.Elapsed < TestTimeouts.Default, $"{times.Count} answers beside {_flooded} bytes of the flood's in {clock.Elapsed}");
            var asked = clock.Elapsed;
            await other.SendAsync(Request);
            Assert.Equal(204, (await other.AnswerAsync())?.Status);
            times.Add(clock.Elapsed - asked);
        }

        flood.Reset();
        await sending.Within("the flood's end");
        await receiving.Within("the end of the flood's answers");
        times.Sort();
        var median = times[times.Count / 2];
        Assert.True(median < MostOfMedian, $"{times.Count} answers, half of them after {median} and more");
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

    private void Receive(Socket socket)
    {
        var buffer = new byte[1024 * 1024];
        try
        {
            while (socket.Receive(buffer) is > 0 and var count)
            {
                Interlocked.Add(ref _flooded, count);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Closed here.
        }
    }
}
