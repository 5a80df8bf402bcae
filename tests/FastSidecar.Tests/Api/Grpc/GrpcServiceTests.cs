using System.Buffers;
using FastSidecar.Tests.Invocation;
using FastSidecar.Tests.Protocol;
using FastSidecar.Tests.Wire;
using FastSidecar.Transport.Http2;
using Xunit;

namespace FastSidecar.Tests.Api.Grpc;

/// <summary>What comes before any method: heads, token, messages that are none.</summary>
public sealed class GrpcServiceTests
{
    private const string Invoke = GrpcEdge.Dapr + "InvokeService";

    private static readonly byte[] Empty = PeerWire.Frame(Array.Empty<byte>());

    [Theory]
    [InlineData(null, "missing api token in request metadata")]
    [InlineData("bad", "authentication error: api token mismatch")]
    [InlineData("", "authentication error: api token mismatch")]
    [InlineData("secrets", "authentication error: api token mismatch")]
    public async Task WrongToken_IsRefused_WhateverTheMethod(string? token, string message)
    {
        await using var edge = new GrpcEdge(apiToken: "secret");
        string[] paths = [Invoke, GrpcEdge.Dapr + "GetMetadata", "/user.Svc/M", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "/grpc.health.v1.Health/Check"];
        foreach (var path in paths)
        {
            var answer = await edge.CallAsync(path, Empty, token is null ? [] : [("dapr-api-token", token)]);

            Assert.True(answer.IsTrailersOnly, path);
            Assert.Equal((16, "Unauthorized"), (answer.Code, answer.Text));
            Assert.Equal(("Unauthorized", "dapr.io"), (answer.ErrorInfo.Reason, answer.ErrorInfo.Domain));
            Assert.Equal("401", answer.ErrorInfo.Metadata["http.code"]);
            Assert.Equal(message, answer.ErrorInfo.Metadata["http.error_message"]);
        }
    }

    [Theory]
    [InlineData("secret", "bad", true)]
    [InlineData("bad", "secret", false)]
    public async Task OfTwoTokens_TheFirstCounts_AndNoneGoesFurther(string first, string second, bool passes)
    {
        await using var edge = new GrpcEdge(apiToken: "secret");
        var sawToken = false;
        edge.App.OnInvoke = (request, _) =>
        {
            sawToken = request.Metadata.Contains("dapr-api-token"u8);
            return ValueTask.FromResult<FastSidecar.Invocation.InvokeResult>(new ScriptedResponse(200));
        };
        var request = new InvokeServiceRequest { Id = "a", Message = new InvokeRequest { Method = "m", HttpExtension = new HttpExtension { Verb = 1 } } };
        var answer = await edge.CallAsync(Invoke, request, ("dapr-api-token", first), ("dapr-api-token", second));

        Assert.Equal(passes ? 0 : 16, answer.Code);
        Assert.False(sawToken);
    }

    [Theory]
    [InlineData("application/grpc-web", 415, 3, "invalid gRPC request content-type \"application/grpc-web\"")]
    [InlineData("text/plain", 415, 3, "invalid gRPC request content-type \"text/plain\"")]
    public async Task OtherContentType_IsRefused(string contentType, int status, int code, string text)
    {
        await using var edge = new GrpcEdge();
        var answer = await edge.CallAsync(Invoke, Empty, ("content-type", contentType));

        Assert.Equal(($"{status}", code, text), (answer.Head[":status"], answer.Code, answer.Text));
    }

    [Theory]
    [InlineData("0affff", null, 13, "grpc: error unmarshalling request: proto: cannot parse invalid wire-format data")]
    [InlineData("0a01ff", null, 13, "grpc: error unmarshalling request: string field contains invalid UTF-8")]
    public async Task GarbageMessage_IsTold_AndTheConnectionLives(string hex, string? encoding, int code, string text)
    {
        await using var edge = new GrpcEdge();
        var answer = await edge.CallAsync(Invoke, PeerWire.Frame(PeerWire.Hex(hex)), encoding is null ? [] : [("grpc-encoding", encoding)]);

        Assert.True(answer.IsTrailersOnly);
        Assert.Equal((code, text), (answer.Code, answer.Text));
        await LivesAsync(edge);
    }

    [Theory]
    [InlineData("01000000020a00", "", 13, "grpc: compressed flag set with identity or empty encoding")]
    [InlineData("01000000020a00", "gzip", 13, "grpc: failed to decompress the message: gzip: invalid header")]
    [InlineData("00000000020a00", "br", 12, "grpc: Decompressor is not installed for grpc-encoding \"br\"")]
    [InlineData("02000000020a00", "", 13, "grpc: received unexpected payload format 2")]
    [InlineData("0000001000", "", 8, "grpc: received message larger than max (4096 vs. 1000)")]
    [InlineData("00000000050a", "", 13, "unexpected EOF")]
    [InlineData("0000", "", 13, "unexpected EOF")]
    [InlineData("", "", 2, "EOF")]
    public async Task WhatIsNoMessage_IsTold_AndTheConnectionLives(string hex, string encoding, int code, string text)
    {
        await using var edge = new GrpcEdge(maxMessageBytes: 1000);
        var answer = await edge.CallAsync(Invoke, PeerWire.Hex(hex), encoding.Length == 0 ? [] : [("grpc-encoding", encoding)]);

        Assert.True(answer.IsTrailersOnly);
        Assert.Equal((code, text), (answer.Code, answer.Text));
        await LivesAsync(edge);
    }

    [Theory]
    [InlineData("")]
    [InlineData("00000000")]
    [InlineData("00000000050a")]
    public async Task ResetWithinTheRequest_EndsTheCallAlone(string hex)
    {
        await using var edge = new GrpcEdge();
        var stream = edge.Open(Invoke);
        stream.Output.Write(PeerWire.Hex(hex));
        stream.Flush();
        stream.Reset(Http2ErrorCode.Cancel);
        stream.Dispose();

        await LivesAsync(edge);
    }

    [Fact]
    public async Task MissingTe_IsNoError()
    {
        await using var edge = new GrpcEdge();
        await LivesAsync(edge);
    }

    private static async Task LivesAsync(GrpcEdge edge)
    {
        var answer = await edge.CallAsync(GrpcEdge.Dapr + "GetMetadata", Empty);
        Assert.Equal(0, answer.Code);
    }
}
