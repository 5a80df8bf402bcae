using FastSidecar.Integration.BadInput;
using FastSidecar.Integration.Shared;
using FastSidecar.Tests.Shared;
using Xunit;
using static FastSidecar.Integration.Shared.Http2Frames;

namespace FastSidecar.Integration.HttpApi;

/// <summary>What the callee's sidecar sees of an answer whose body nobody gets: an ended call, and no cancelled one.</summary>
public sealed class PeerStreamEndTests(PeerAnswerTests.CallerOfPorts caller) : PairTests<PeerAnswerTests.CallerOfPorts>(caller)
{
    [Theory]
    [InlineData(204, "")]
    [InlineData(205, "")]
    [InlineData(205, "dropped")]
    [InlineData(304, "")]
    public async Task TrailersComeLater_StreamIsNotReset(int status, string body)
    {
        var answered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var reset = new TaskCompletionSource<uint?>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var peer = new ScriptedServer(async connection =>
        {
            await connection.ReceivedAsync(Preface.Length + 9);
            connection.Take(Preface.Length);
            await connection.SendAsync(ServerStart);
            while (!Read(connection.Received).Any(static frame => frame.Type == HeadersType) && await connection.ReceiveAsync())
            {
            }

            byte[] code = [(byte)(status | 0x80), (byte)(status >> 7)];
            await connection.SendAsync(Headers(1, 0, [(":status", "200"), ("content-type", "application/grpc")]));
            await connection.SendAsync(Frame(Data, 0, 1, Message(PeerMessages.FirstResponse(code, body))));
            await answered.Task.Within("the client's answer");
            await connection.SendAsync(Headers(1, EndStream, [("grpc-status", "0")]));
            Assert.True(await Http2Client.IsAliveAsync(connection));
            reset.SetResult(Http2Client.ResetCode(connection, 1));
            await connection.ToEndAsync();
        });
        using var client = await RawConnection.ConnectAsync(Pair.PortCaller.HttpPort);
        await client.SendAsync($"GET /v1.0/invoke/{peer.Port}/method/m HTTP/1.1\r\nHost: x\r\n\r\n");

        var answer = await client.AnswerAsync();
        answered.SetResult();

        Assert.Equal(status, answer?.Status);
        Assert.Null(await reset.Task.Within("the peer's end of the stream"));
    }

    /// <summary>A peer that never ends its stream is let go of after a second, and the client's connection serves on.</summary>
    [Fact]
    public async Task TrailersNeverCome_StreamIsResetAndTheClientIsServed()
    {
        await using var peer = new ScriptedServer(async connection =>
        {
            await connection.ReceivedAsync(Preface.Length + 9);
            await connection.SendAsync(ServerStart);
            while (!Read(connection.Received[Preface.Length..]).Any(static frame => frame.Type == HeadersType) && await connection.ReceiveAsync())
            {
            }

            await connection.SendAsync(Headers(1, 0, [(":status", "200"), ("content-type", "application/grpc")]));
            await connection.SendAsync(Frame(Data, 0, 1, Message(PeerMessages.FirstResponse([0xcc, 1], ""))));
            await connection.ToEndAsync();
        });
        using var client = await RawConnection.ConnectAsync(Pair.PortCaller.HttpPort);
        await client.SendAsync($"GET /v1.0/invoke/{peer.Port}/method/m HTTP/1.1\r\nHost: x\r\n\r\n");
        Assert.Equal(204, (await client.AnswerAsync())?.Status);

        await client.SendAsync("GET /v1.0/healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        Assert.Equal(204, (await client.AnswerAsync())?.Status);
    }
}
