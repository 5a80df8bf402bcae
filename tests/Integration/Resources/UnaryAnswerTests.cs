using System.Net;
using System.Net.Http.Headers;
using FastSidecar.Integration.Shared;
using FastSidecar.Tests.Shared;
using Xunit;
using Xunit.Abstractions;

namespace FastSidecar.Integration.Resources;

/// <summary>CallLocal, the call of old sidecars, has its whole answer in one message: the callee's sidecar holds it, up to the limit of a message.</summary>
[Collection("Resources")]
public sealed class UnaryAnswerTests(SidecarPair pair, ITestOutputHelper output) : PairTests<SidecarPair>(pair)
{
    private const int MessageLimit = 4 << 20;

    /// <summary>A message at the limit, what it was collected in, and the frames of it.</summary>
    private const long MostGrowth = 32L << 20;

    [Fact]
    public async Task AnswerWithinTheLimit_Comes()
    {
        const int Bytes = MessageLimit - 1000;
        using var client = CreateClient();
        using var answer = await CallAsync(client, $"produce?bytes={Bytes}");
        Assert.InRange((await answer.Content.ReadAsByteArrayAsync().Within("the message")).Length, Bytes, MessageLimit);
        Assert.Equal("0", answer.TrailingHeaders.GetValues("grpc-status").Single());
    }

    /// <summary>The text is grpc-go's; daprd reads to the end first, so its number is the size of the whole.</summary>
    [Fact]
    public async Task AnswerWithoutEnd_IsRefusedAtTheLimit_AndTheAppBrokenOff()
    {
        await using var watch = new MemoryWatch([Pair.Callee]);
        using var client = CreateClient();
        using var answer = await CallAsync(client, "endless");
        Assert.Empty(await answer.Content.ReadAsByteArrayAsync().Within("the end"));
        Assert.Equal("8", answer.TrailingHeaders.GetValues("grpc-status").Single());
        Assert.Matches(
            $@"^grpc: trying to send message larger than max \(4[0-9]{{6}} vs\. {MessageLimit}\)$", answer.TrailingHeaders.GetValues("grpc-message").Single());

        var produced = -1L;
        await Eventually.TrueAsync(
            async () =>
            {
                var before = produced;
                await Task.Yield();
                produced = Pair.App.Produced;
                return before == produced;
            },
            () => "the app goes on with an answer that nobody reads");
        var growth = (await watch.GrowthAsync()).Single();
        output.WriteLine($"{growth.AppId} grew by {growth.Bytes >> 10} KiB");
        Assert.InRange(growth.Bytes, long.MinValue, MostGrowth);
    }

    private static HttpClient CreateClient() => new(new SocketsHttpHandler { UseProxy = false })
    {
        DefaultRequestVersion = HttpVersion.Version20, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
    };

    private Task<HttpResponseMessage> CallAsync(HttpClient client, string target)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, $"http://127.0.0.1:{Pair.Callee.InternalPort}{PeerMessages.CallLocal}")
        {
            Content = new ByteArrayContent(Http2Frames.Message(PeerMessages.UnaryRequest(target))),
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        return client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead).Within("the head");
    }
}
