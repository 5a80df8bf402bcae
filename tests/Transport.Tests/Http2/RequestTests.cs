using System.Security.Cryptography;
using System.Text;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Http2;
using Xunit;

namespace FastSidecar.Transport.Tests.Http2;

public sealed class RequestTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task RequestWithBody_IsEchoedWithTrailers(bool sockets)
    {
        await using var pair = sockets ? await ConnectionPair.OverSocketsAsync(Handlers.EchoAsync) : ConnectionPair.InMemory(Handlers.EchoAsync);
        for (var i = 0; i < 100; i++)
        {
            Assert.True(pair.Client.TryOpenStream(out var stream));
            stream.WriteHead(Heads.Request(), endStream: false);
            Encoding.ASCII.GetBytes("hello", stream.Output);
            stream.End(null);
            await stream.ReadHeadAsync(default).AsTask().Within("response head");
            Assert.Equal("200", stream.Headers.Get(":status"));
            var body = await stream.ReadAllAsync().Within("body");
            Assert.Equal("hello", Encoding.ASCII.GetString(body));
            Assert.Equal("0", stream.Trailers.Get("grpc-status"));
            stream.Dispose();
        }

        Assert.Equal(0, pair.Client.ActiveStreams);
        Assert.Empty(pair.Handler.Failures);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task LargeBody_GoesBothWays(bool external)
    {
        const int Size = 64 << 20;
        await using var pair = await ConnectionPair.OverSocketsAsync(Handlers.EchoAsync);
        Assert.True(pair.Client.TryOpenStream(out var stream));
        stream.WriteHead(Heads.Request(), endStream: false);
        var sent = SendAsync(stream, Size, external);
        await stream.ReadHeadAsync(default).AsTask().Within("response head");
        var received = await ReadHashAsync(stream).Within("body");
        Assert.Equal(await sent.Within("upload"), received);
        stream.Dispose();
        Assert.Empty(pair.Handler.Failures);
    }

    [Fact]
    public async Task ThousandStreams_RunAtOnce()
    {
        var all = new TaskCompletionSource();
        var arrived = 0;
        await using var pair = await ConnectionPair.OverSocketsAsync(async stream =>
        {
            if (Interlocked.Increment(ref arrived) == 1000)
            {
                all.SetResult();
            }

            await all.Task;
            await Handlers.EchoAsync(stream);
        });
        await pair.Client.Ready.Within("settings");
        var calls = Enumerable.Range(0, 1000).Select(async i =>
        {
            Assert.True(pair.Client.TryOpenStream(out var stream));
            stream.WriteHead(Heads.Request(path: $"/{i}"), endStream: false);
            Encoding.ASCII.GetBytes($"body {i}", stream.Output);
            stream.End(null);
            await stream.ReadHeadAsync(default);
            Assert.Equal($"body {i}", Encoding.ASCII.GetString(await stream.ReadAllAsync()));
            stream.Dispose();
        }).ToArray();
        await Task.WhenAll(calls).Within("a thousand answers");
        Assert.False(pair.Client.Closed.IsCompleted);
        Assert.Equal(0, pair.Client.ActiveStreams);
    }

    private static async Task<string> SendAsync(Http2Stream stream, int size, bool external)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var random = new Random(1);
        var piece = new byte[external ? 200_000 : 3_000];
        while (size > 0)
        {
            random.NextBytes(piece);
            var length = Math.Min(size, piece.Length);
            size -= length;
            hash.AppendData(piece, 0, length);
            if (external)
            {
                await stream.Output.WriteAsync(piece.AsMemory(0, length));
            }
            else
            {
                piece.AsSpan(0, length).CopyTo(stream.Output.GetSpan(length));
                stream.Output.Advance(length);
                await stream.Output.FlushAsync();
            }
        }

        stream.End(null);
        return Convert.ToHexString(hash.GetHashAndReset());
    }

    private static async Task<string> ReadHashAsync(Http2Stream stream)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        while (true)
        {
            var read = await stream.Input.ReadAsync();
            foreach (var segment in read.Buffer)
            {
                hash.AppendData(segment.Span);
            }

            stream.Input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                return Convert.ToHexString(hash.GetHashAndReset());
            }
        }
    }
}
