using System.Text;
using FastSidecar.Integration.Shared;
using Xunit;

namespace FastSidecar.Integration.BadInput;

/// <summary>Clients that end at every byte of what they send and of what they are sent.</summary>
public sealed class ClientCutTests(SidecarPair pair) : PairTests<SidecarPair>(pair)
{
    private const int AtOnce = 32;

    public enum Ending
    {
        /// <summary>FIN: nothing more will come, but an answer could be read.</summary>
        Fin,

        /// <summary>RST.</summary>
        Rst,
    }

    [Theory]
    [InlineData(Ending.Fin)]
    [InlineData(Ending.Rst)]
    public Task RequestOfKnownLength_EndsAtEveryByte_TheAppNeverSeesAWholeOne(Ending ending) =>
        CutAsync(Pair.Caller.HttpPort, $"POST {Pair.PathTo("count")} HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n01234567890123456789", ending);

    [Theory]
    [InlineData(Ending.Fin)]
    [InlineData(Ending.Rst)]
    public Task ChunkedRequest_EndsAtEveryByte_TheAppNeverSeesAWholeOne(Ending ending) =>
        CutAsync(
            Pair.Caller.HttpPort,
            $"POST {Pair.PathTo("count")} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\na;x=y\r\n0123456789\r\n5\r\n01234\r\n0\r\nX-Trailer: 1\r\n\r\n",
            ending);

    [Theory]
    [InlineData(Ending.Fin)]
    [InlineData(Ending.Rst)]
    public Task Http2Request_EndsAtEveryByte_TheAppNeverSeesAWholeOne(Ending ending) =>
        CutAsync(
            Pair.Caller.HttpPort,
            Encoding.Latin1.GetString(
            [
                .. Http2Frames.ClientStart,
                .. Http2Frames.Headers(1, 0, [(":method", "POST"), (":scheme", "http"), (":path", Pair.PathTo("count")), (":authority", "x")]),
                .. Http2Frames.Frame(Http2Frames.Data, 0, 1, [1, 2, 3, 4, 5, 6, 7, 8]),
                .. Http2Frames.Frame(Http2Frames.Data, Http2Frames.EndStream, 1, [9]),
            ]),
            ending);

    [Theory]
    [InlineData(Ending.Fin)]
    [InlineData(Ending.Rst)]
    public Task CallToTheInternalPort_EndsAtEveryByte_TheAppNeverSeesAWholeOne(Ending ending) =>
        CutAsync(Pair.Callee.InternalPort, Encoding.Latin1.GetString(PeerMessages.Call("count", "0123456789")), ending);

    [Theory]
    [InlineData("echo", Ending.Fin)]
    [InlineData("echo", Ending.Rst)]
    [InlineData("produce?bytes=300", Ending.Rst)]
    [InlineData("status?code=404", Ending.Rst)]
    public async Task Answer_ClientEndsAfterEveryByte_NothingStays(string method, Ending ending)
    {
        var request = $"POST {Pair.PathTo(method)} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n0123456789";
        using var whole = await RawConnection.ConnectAsync(Pair.Caller.HttpPort);
        await whole.SendAsync(request);
        var length = (await whole.AnswerAsync())!.Bytes;

        await Parallel.ForAsync(0, length, Options, async (bytes, _) => await ReadAsync(request, bytes, ending));
    }

    [Theory]
    [InlineData(Ending.Fin)]
    [InlineData(Ending.Rst)]
    public Task LargeAnswer_ClientEndsSomewhere_TheAppIsStopped(Ending ending) =>
        Parallel.ForAsync(
            0, 64, Options, async (i, _) => await ReadAsync($"GET {Pair.PathTo("endless")} HTTP/1.1\r\nHost: x\r\n\r\n", i * 9973, ending));

    private static ParallelOptions Options { get; } = new() { MaxDegreeOfParallelism = AtOnce };

    /// <summary>Sends every prefix that is not the whole.</summary>
    private async Task CutAsync(int port, string request, Ending ending)
    {
        var bytes = Encoding.Latin1.GetBytes(request);
        var completed = Pair.App.Completed;

        await Parallel.ForAsync(0, bytes.Length, Options, async (length, _) =>
        {
            using var connection = await RawConnection.ConnectAsync(port);
            await connection.SendAsync(bytes.AsMemory(0, length));
            if (ending == Ending.Rst)
            {
                connection.Reset();
                return;
            }

            connection.FinishSending();
            await connection.ToEndAsync();
        });

        Assert.Equal(completed, Pair.App.Completed);

        // The whole of it is one that is served: it is the cut that was refused.
        using var whole = await RawConnection.ConnectAsync(port);
        await whole.SendAsync(bytes);
        await whole.ReceiveAsync();
        await Eventually.TrueAsync(() => Pair.App.Completed == completed + 1, () => $"the whole request was not served: {Encoding.Latin1.GetString(whole.Received)}");
    }

    private async Task ReadAsync(string request, int bytes, Ending ending)
    {
        using var connection = await RawConnection.ConnectAsync(Pair.Caller.HttpPort);
        await connection.SendAsync(request);
        await connection.ReceivedAsync(bytes);
        if (ending == Ending.Rst)
        {
            connection.Reset();
        }
    }
}
