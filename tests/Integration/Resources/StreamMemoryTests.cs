using System.Globalization;
using System.Net;
using System.Text;
using FastSidecar.Integration.Shared;
using FastSidecar.Tests.Shared;
using Xunit;
using Xunit.Abstractions;

namespace FastSidecar.Integration.Resources;

/// <summary>Memory while bodies stream through both sidecars.</summary>
[Collection("Resources")]
public sealed class StreamMemoryTests(LargeBodyPair pair, ITestOutputHelper output) : PairTests<LargeBodyPair>(pair)
{
    private const long BodyBytes = 256L << 20;
    private const long MostGrowth = 16L << 20;
    private const int PieceBytes = 64 << 10;
    private const int SlowStreams = 500;

    /// <summary>More than the windows and buffers of both sidecars take.</summary>
    private const long BytesOfSlowStream = 1 << 20;

    /// <summary>
    /// What 500 streams may hold when nobody reads: in the caller the budget of the process for what came from peers (64 MiB), in the callee what it has read from
    /// the app (64 KiB of each), and the objects of 500 calls. Windows of 256 KiB alone would come to 128 MiB.
    /// </summary>
    private const long MostGrowthOfSlowStreams = 96L << 20;

    private static readonly TimeSpan Slow = TimeSpan.FromSeconds(3);

    [Fact]
    public async Task Upload_Of256MiBInChunks_TakesLessThan16MiB()
    {
        await using var watch = new MemoryWatch(Pair.Processes);
        using var connection = await RawConnection.ConnectAsync(Pair.Caller.HttpPort);
        await connection.SendAsync($"POST {Pair.PathTo("count")} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
        byte[] piece = [.. Encoding.ASCII.GetBytes($"{PieceBytes:x}\r\n"), .. new byte[PieceBytes], .. "\r\n"u8];
        for (var sent = 0L; sent < BodyBytes; sent += PieceBytes)
        {
            Assert.True(await connection.SendAsync(piece), "the upload was broken off");
        }

        await connection.SendAsync("0\r\n\r\n");
        var answer = await connection.AnswerAsync();

        Assert.True(answer is { Status: 200 } && answer.Text == BodyBytes.ToString(CultureInfo.InvariantCulture), $"{answer}");
        await AssertGrowthAsync(watch, MostGrowth);
    }

    [Fact]
    public async Task Download_Of256MiBInChunks_TakesLessThan16MiB()
    {
        await using var watch = new MemoryWatch(Pair.Processes);
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        using var answer = await client.GetAsync(Pair.UrlTo($"produce?bytes={BodyBytes}"), HttpCompletionOption.ResponseHeadersRead).Within("the head");

        Assert.Equal(BodyBytes, await CountAsync(await answer.Content.ReadAsStreamAsync(), long.MaxValue));
        Assert.True(answer.Headers.TransferEncodingChunked);
        await AssertGrowthAsync(watch, MostGrowth);
    }

    /// <summary>Up and down at once over HTTP/2: what the app echoes is read as it comes.</summary>
    [Fact]
    public async Task Echo_OverHttp2_TakesLessThan16MiB()
    {
        const long Bytes = 64L << 20;
        await using var watch = new MemoryWatch(Pair.Processes);
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        using var request = new HttpRequestMessage(HttpMethod.Post, Pair.UrlTo("echo"))
        {
            Content = new ZeroContent(Bytes), Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        using var answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead).Within("the head");

        Assert.Equal(Bytes, await CountAsync(await answer.Content.ReadAsStreamAsync(), long.MaxValue));
        await AssertGrowthAsync(watch, MostGrowth);
    }

    [Theory]
    [InlineData("1.1")]
    [InlineData("2.0")]
    public async Task SlowReader_SlowsTheApp_AndTakesNoMemory(string version)
    {
        const int PieceEvery = 100;
        const long MostUnderWay = 32L << 20;
        await using var watch = new MemoryWatch(Pair.Processes);
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false, InitialHttp2StreamWindowSize = 65_535 })
        {
            DefaultRequestVersion = Version.Parse(version), DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        var producedBefore = Pair.App.Produced;
        using (var answer = await client.GetAsync(Pair.UrlTo("endless"), HttpCompletionOption.ResponseHeadersRead).Within("the head"))
        {
            await using var body = await answer.Content.ReadAsStreamAsync();
            var piece = new byte[PieceBytes / 10];
            for (var left = Slow; left > TimeSpan.Zero; left -= TimeSpan.FromMilliseconds(PieceEvery))
            {
                await body.ReadExactlyAsync(piece).AsTask().Within("a piece");
                await Task.Delay(PieceEvery);
            }

            Assert.InRange(Pair.App.Produced - producedBefore, 0, MostUnderWay);
            output.WriteLine($"produced by the app: {(Pair.App.Produced - producedBefore) >> 10} KiB");
        }

        await AssertGrowthAsync(watch, MostGrowth);
    }

    /// <summary>Bytes that come one by one go on one by one, and come back.</summary>
    [Fact]
    public async Task SlowWriters_EachByteComesBack_AndOthersAreServed()
    {
        const int Writers = 50;
        await using var watch = new MemoryWatch(Pair.Processes);
        await Task.WhenAll(Enumerable.Range(0, Writers).Select(WriteAsync)).Within("all slow writers");
        await AssertGrowthAsync(watch, MostGrowth);

        async Task WriteAsync(int number)
        {
            using var connection = await RawConnection.ConnectAsync(Pair.Caller.HttpPort);
            await connection.SendAsync($"POST {Pair.PathTo("echo")} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
            for (var i = 0; i < 10; i++)
            {
                await connection.SendAsync("1\r\n");
                await Task.Delay(50);
                await connection.SendAsync($"{i}\r\n");
                Assert.True(await connection.ReceivedAsync($"\r\n{i}\r\n"), $"writer {number}, byte {i}");
                if (number == 0)
                {
                    await Pair.CallWorksAsync();
                }
            }

            await connection.SendAsync("0\r\n\r\n");
            var answer = await connection.AnswerAsync();
            Assert.True(answer is { Text: "0123456789" }, $"{answer}");
        }
    }

    /// <summary>Streams on which the app writes all it can and the client takes next to nothing, beside calls that have to go on.</summary>
    [Fact]
    public async Task FiveHundredSlowStreams_HoldABoundedSum_AndOthersAreServed()
    {
        const int StreamsOnEach = 250;
        const int PieceOfEach = 4096;
        await using var watch = new MemoryWatch(Pair.Processes);
        var connections = new List<RawConnection>();
        try
        {
            for (var i = 0; i < SlowStreams / StreamsOnEach; i++)
            {
                connections.Add(await OpenStreamsAsync(StreamsOnEach));
            }

            for (var i = 0; i < 3; i++)
            {
                await Pair.CallWorksAsync();
                foreach (var connection in connections)
                {
                    await connection.SendAsync(ForEach(StreamsOnEach, static stream => Http2Frames.WindowUpdate(stream, PieceOfEach)));
                    Assert.True(await connection.ReceivedAsync(StreamsOnEach * PieceOfEach), "the connection ended");
                    connection.Take(connection.Received.Length);
                }
            }

            await AssertGrowthAsync(watch, MostGrowthOfSlowStreams);
        }
        finally
        {
            connections.ForEach(static connection => connection.Reset());
        }
    }

    /// <summary>A connection with streams whose windows are closed: nothing of an answer but its head comes before they are opened.</summary>
    private async Task<RawConnection> OpenStreamsAsync(int count)
    {
        const ushort InitialWindowSize = 4;
        var connection = await RawConnection.ConnectAsync(Pair.Caller.HttpPort);
        var path = Pair.PathTo($"produce?bytes={BytesOfSlowStream}");
        (string Name, string Value)[] head = [(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", "x")];
        byte[] start = [.. Http2Frames.Preface, .. Http2Frames.Settings(InitialWindowSize, 0), .. Http2Frames.WindowUpdate(0, 1 << 30)];
        await connection.SendAsync(start);
        await connection.SendAsync(ForEach(count, stream => Http2Frames.Headers(stream, Http2Frames.EndStream, head)));
        while (Http2Frames.Read(connection.Received).Count(static frame => frame.Type == Http2Frames.HeadersType) < count)
        {
            Assert.True(await connection.ReceiveAsync(), "the connection ended before all heads had come");
        }

        connection.Take(connection.Received.Length);
        return connection;
    }

    private static byte[] ForEach(int streams, Func<int, byte[]> frame) => [.. Enumerable.Range(0, streams).SelectMany(i => frame((2 * i) + 1))];

    private async Task AssertGrowthAsync(MemoryWatch watch, long most)
    {
        foreach (var (appId, bytes) in await watch.GrowthAsync())
        {
            output.WriteLine($"{appId} grew by {bytes >> 10} KiB");
            Assert.True(bytes < most, $"{appId} grew by {bytes >> 10} KiB, more than {most >> 10}");
        }
    }

    private static async Task<long> CountAsync(Stream body, long most)
    {
        var buffer = new byte[PieceBytes];
        var count = 0L;
        while (count < most)
        {
            var read = await body.ReadAsync(buffer).AsTask().Within("more of the body");
            if (read == 0)
            {
                break;
            }

            count += read;
        }

        return count;
    }

    private sealed class ZeroContent(long bytes) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            var piece = new byte[PieceBytes];
            for (var left = bytes; left > 0; left -= piece.Length)
            {
                await stream.WriteAsync(piece);
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
