using System.Net;
using System.Net.Http.Headers;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Integration.Grpc;

/// <summary>.NET's own HTTP/2 client as a gRPC client without a library: trailers, and a request that is written while its answer is read.</summary>
public sealed class SocketsHttpHandlerTests(NodeServerPair pair) : IClassFixture<NodeServerPair>
{
    [GrpcTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Unary_EndsWithTrailers(bool proxied)
    {
        using var client = new HttpClient();
        using var request = Request(proxied, GrpcMessages.Echo, new ByteArrayContent(GrpcMessages.Framed(GrpcMessages.Note("hello"))));
        request.Headers.Add("x-text", "metadata");
        using var answer = await client.SendAsync(request).Within("the answer");

        Assert.Equal("hello", GrpcMessages.TextOf(await answer.Content.ReadAsByteArrayAsync()));
        Assert.Equal("application/grpc", answer.Content.Headers.ContentType!.MediaType!.Split('+')[0]);
        Assert.Equal("metadata", Assert.Single(answer.Headers.GetValues("x-text")));
        Assert.Equal("metadata", Assert.Single(answer.TrailingHeaders.GetValues("t-text")));
        Assert.Equal("0", Assert.Single(answer.TrailingHeaders.GetValues("grpc-status")));
    }

    [GrpcTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Duplex_AnswersComeBeforeTheRequestEnds_AndAfter(bool proxied)
    {
        const int Notes = 20;
        using var client = new HttpClient();
        var content = new DuplexContent();
        using var request = Request(proxied, GrpcMessages.Talk, content);
        var answering = client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        var stream = await content.Started.Within("the request stream");
        await SendAsync(stream, "note 0");
        using var answer = await answering.Within("the answer's head");
        await using var body = await answer.Content.ReadAsStreamAsync();
        Assert.Equal("re: note 0", await ReceiveAsync(body));
        for (var i = 1; i < Notes; i++)
        {
            await SendAsync(stream, $"note {i}");
            Assert.Equal($"re: note {i}", await ReceiveAsync(body));
        }

        content.End();
        Assert.Equal("bye", await ReceiveAsync(body));
        Assert.Equal(0, await body.ReadAsync(new byte[1]).AsTask().Within("the end"));
        Assert.Equal("0", Assert.Single(answer.TrailingHeaders.GetValues("grpc-status")));
    }

    private HttpRequestMessage Request(bool proxied, string path, HttpContent content)
    {
        content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        var request = new HttpRequestMessage(HttpMethod.Post, $"http://{(proxied ? pair.SidecarAddress : pair.ServerAddress)}{path}")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
        request.Headers.TE.ParseAdd("trailers");
        if (proxied)
        {
            request.Headers.Add("dapr-app-id", pair.Callee.AppId);
        }

        return request;
    }

    private static async Task SendAsync(Stream stream, string text)
    {
        await stream.WriteAsync(GrpcMessages.Framed(GrpcMessages.Note(text))).AsTask().Within("a note sent");
        await stream.FlushAsync().Within("a note sent");
    }

    private static async Task<string> ReceiveAsync(Stream stream)
    {
        var prefix = new byte[5];
        await stream.ReadExactlyAsync(prefix).AsTask().Within("a prefix");
        var message = new byte[System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(prefix.AsSpan(1))];
        await stream.ReadExactlyAsync(message).AsTask().Within("a message");
        return GrpcMessages.TextOf([.. prefix, .. message]);
    }

    /// <summary>A body that is written from outside, as long as the test likes.</summary>
    private sealed class DuplexContent : HttpContent
    {
        private readonly TaskCompletionSource<Stream> _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<Stream> Started => _started.Task;

        public void End() => _ended.SetResult();

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            _started.SetResult(stream);
            await _ended.Task;
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
