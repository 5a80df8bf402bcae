using System.Globalization;
using System.Net;
using FastSidecar.Integration.Shared;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Integration.Clients;

/// <summary>.NET's own client, SocketsHttpHandler, on both versions; Kestrel is the app.</summary>
public sealed class NetClientTests(SidecarPair pair) : PairTests<SidecarPair>(pair)
{
    public static TheoryData<string> Versions { get; } = ["1.1", "2.0"];

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task ManyAtOnce_EachGetsItsOwnAnswer(string version)
    {
        using var client = Client(version);

        await Task.WhenAll(Enumerable.Range(0, 300).Select(CallAsync)).Within("all answers");

        async Task CallAsync(int number)
        {
            var sent = new string((char)('a' + (number % 26)), number * 37);
            using var answer = await client.PostAsync(Pair.UrlTo($"echo?n={number}"), new StringContent(sent));
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.Equal($"/echo?n={number}", Assert.Single(answer.Headers.GetValues("x-target")));
            Assert.Equal(sent, await answer.Content.ReadAsStringAsync());
        }
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Download_OfUnknownLength_IsWhole(string version)
    {
        const int Bytes = 20_000_000;
        using var client = Client(version);

        var body = await client.GetByteArrayAsync(Pair.UrlTo($"produce?bytes={Bytes}")).Within("the download");

        Assert.Equal(Bytes, body.Length);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Upload_OfUnknownLength_IsCountedWhole(string version)
    {
        const int Bytes = 3_999_999;
        using var client = Client(version);
        using var request = new HttpRequestMessage(HttpMethod.Post, Pair.UrlTo("count")) { Content = new StreamContent(new MemoryStream(new byte[Bytes])) };
        request.Content.Headers.ContentLength = null;
        request.Headers.TransferEncodingChunked = version == "1.1" ? true : null;
        request.Version = client.DefaultRequestVersion;
        request.VersionPolicy = client.DefaultVersionPolicy;

        using var answer = await client.SendAsync(request).Within("the answer");

        Assert.Equal(Bytes.ToString(CultureInfo.InvariantCulture), await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task BothWaysAtOnceOverHttp2_EachPieceComesBackBeforeTheNextIsSent()
    {
        using var client = Client("2.0");
        var body = new PieceContent();
        using var request = new HttpRequestMessage(HttpMethod.Post, Pair.UrlTo("echo"))
        {
            Content = body, Version = client.DefaultRequestVersion, VersionPolicy = client.DefaultVersionPolicy,
        };
        var answering = client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        var output = await body.Output.Within("the start of the request");
        var piece = new byte[1000];
        await output.WriteAsync(piece);
        await output.FlushAsync();
        using var answer = await answering.Within("the head of the answer");
        await using var input = await answer.Content.ReadAsStreamAsync();
        for (var i = 0; i < 20; i++)
        {
            await input.ReadExactlyAsync(piece).AsTask().Within("the echo of a piece");
            await output.WriteAsync(piece);
            await output.FlushAsync();
        }

        await input.ReadExactlyAsync(piece).AsTask().Within("the echo of the last piece");
        body.Finish();
        Assert.Equal(0, await input.ReadAsync(piece).AsTask().Within("the end"));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Cancelled_WhileTheAppProduces_TheNextCallIsServed(string version)
    {
        using var client = Client(version);
        for (var i = 0; i < 20; i++)
        {
            using var cancellation = new CancellationTokenSource();
            using var answer = await client.GetAsync(Pair.UrlTo("endless"), HttpCompletionOption.ResponseHeadersRead, cancellation.Token).Within("the head");
            await using var input = await answer.Content.ReadAsStreamAsync();
            await input.ReadExactlyAsync(new byte[100_000]).AsTask().Within("the beginning");
            await cancellation.CancelAsync();
        }

        Assert.Equal("ok", await (await client.PostAsync(Pair.UrlTo("echo"), new StringContent("ok")).Within("the next call")).Content.ReadAsStringAsync());
    }

    private static HttpClient Client(string version) => new(new SocketsHttpHandler { UseProxy = false })
    {
        DefaultRequestVersion = Version.Parse(version),
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
    };

    /// <summary>A body that the test writes piece by piece.</summary>
    private sealed class PieceContent : HttpContent
    {
        private readonly TaskCompletionSource<Stream> _output = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _finished = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<Stream> Output => _output.Task;

        public void Finish() => _finished.SetResult();

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await stream.FlushAsync();
            _output.SetResult(stream);
            await _finished.Task;
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
