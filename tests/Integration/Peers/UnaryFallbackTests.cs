using System.Text.Json.Nodes;
using FastSidecar.Integration.BadInput;
using FastSidecar.Integration.Shared;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Integration.Peers;

/// <summary>Calls to a peer that knows only the unary call (Dapr before 1.10), beyond what caller.json holds of them.</summary>
public sealed class UnaryFallbackTests(PeerAnswerTests.CallerOfPorts caller) : PairTests<PeerAnswerTests.CallerOfPorts>(caller)
{
    private const string Script = """
        {
          "CallLocalStream": [
            {"wait": "end"}, {"headers": [[":status", "200"], ["content-type", "application/grpc"], ["grpc-status", "12"]], "end": true}],
          "CallLocal": [
            {"wait": "end"}, {"headers": [[":status", "200"], ["content-type", "application/grpc"]]},
            {"message": ["0a0308c80122090a071205756e617279"]}, {"trailers": [["grpc-status", "0"], ["grpc-message", ""]]}]
        }
        """;

    /// <summary>
    /// An event stream's Accept ends the process of a daprd 1.18.3 that gets it in a CallLocal; on the stream it has to arrive.
    /// </summary>
    [Fact]
    public async Task EventStreamAccept_DoesNotReachTheUnaryCall()
    {
        await using var callee = new FakeCallee(JsonNode.Parse(Script)!);
        using var client = await RawConnection.ConnectAsync(Pair.PortCaller.HttpPort);
        await client.SendAsync(
            $"GET /v1.0/invoke/{callee.Port}/method/m HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nX-Kept: kept-one\r\n\r\n");
        var answer = await client.AnswerAsync().Within("the answer");

        Assert.Equal(200, answer?.Status);
        Assert.Contains("text/event-stream", callee.Request("CallLocalStream"), StringComparison.Ordinal);
        Assert.Contains("kept-one", callee.Request("CallLocal"), StringComparison.Ordinal);
        Assert.DoesNotContain("event-stream", callee.Request("CallLocal"), StringComparison.Ordinal);
    }
}
