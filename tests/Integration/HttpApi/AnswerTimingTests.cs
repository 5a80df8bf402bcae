using System.Diagnostics;
using FastSidecar.Integration.BadInput;
using FastSidecar.Integration.Shared;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Integration.HttpApi;

/// <summary>When the parts of an app's answer reach the client, over two sidecars and over the app's own one.</summary>
public sealed class AnswerTimingTests(ScriptedAppPair pair) : PairTests<ScriptedAppPair>(pair)
{
    private const string Ok = "HTTP/1.1 200 OK\r\n";

    /// <summary>Through the caller's sidecar or the app's own, what the client asks for, the app's head, the framing the client sees.</summary>
    public static TheoryData<bool, string, string, string> Heads { get; } = new()
    {
        { true, "*/*", "Content-Length: 4\r\n", "chunked" },
        { true, "*/*", "Transfer-Encoding: chunked\r\n", "chunked" },
        { true, "*/*", "", "chunked" },
        { true, "text/event-stream", "Content-Length: 4\r\n", "chunked" },
        { true, "text/event-stream", "", "chunked" },
        { false, "*/*", "Content-Length: 4\r\n", "chunked" },
        { false, "*/*", "Transfer-Encoding: chunked\r\n", "chunked" },
        { false, "*/*", "", "chunked" },
        { false, "text/event-stream", "Content-Length: 4\r\n", "4" },
        { false, "text/event-stream", "", "chunked" },
    };

    /// <summary>Dapr holds the head until the body's first byte. What follows it must not wait for anything either.</summary>
    [Theory]
    [MemberData(nameof(Heads))]
    public async Task HeadThenNothing_ClientHasTheHead_ThenTheBodyWhenItComes(bool remote, string accept, string fields, string framing)
    {
        var goOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await Pair.Scripted.PlayAsync(async connection =>
        {
            await ScriptedServer.ReadRequestAsync(connection);
            await connection.SendAsync($"{Ok}{fields}\r\n");
            await goOn.Task.Within("the client's word");
            var isChunked = fields.Contains("chunked", StringComparison.Ordinal);
            await connection.SendAsync(isChunked ? "4\r\nbody\r\n0\r\n\r\n" : "body");
            connection.FinishSending();
            await connection.ToEndAsync();
        });
        using var client = await SendAsync(remote, $"Accept: {accept}\r\n");

        Assert.True(await client.ReceivedAsync("\r\n\r\n"), "the connection ended without a head");
        goOn.SetResult();
        var answer = await client.AnswerAsync();

        Assert.True(answer is { Status: 200, Text: "body" }, $"{answer}");
        Assert.Equal(framing, answer.Header("Transfer-Encoding") ?? answer.Header("Content-Length"));
    }

    /// <summary>
    /// An empty answer that only the end of the app's connection ends: its framing must not depend on when that end arrives. The sidecar waits a
    /// tenth of a second for it; an answer that the client has sooner cannot have been ended by that, the others prove nothing on a busy machine.
    /// </summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task EmptyUntilClosed_AlwaysToldAsEmpty(bool remote)
    {
        const int Times = 20;
        var firstByteWait = TimeSpan.FromMilliseconds(100);
        var headSent = 0L;
        await Pair.Scripted.PlayAsync(async connection =>
        {
            await ScriptedServer.ReadRequestAsync(connection);
            Volatile.Write(ref headSent, Stopwatch.GetTimestamp());
            await connection.SendAsync(Ok + "\r\n");
            await Task.Yield();
            connection.FinishSending();
            await connection.ToEndAsync();
        });
        var clock = new FairClock();
        for (var inTime = 0; inTime < Times;)
        {
            Assert.True(clock.Fair < TestTimeouts.Default, $"{inTime} answers in time in {clock}");
            using var client = await SendAsync(remote, "");
            var answer = await client.AnswerAsync();

            Assert.True(answer is { Status: 200, Text: "" }, $"{answer}");
            if (Stopwatch.GetElapsedTime(Volatile.Read(ref headSent)) < firstByteWait)
            {
                Assert.True(answer.Header("Content-Length") == "0", $"{answer}");
                inTime++;
            }
        }
    }

    /// <summary>The app answers before the client has sent its body: Dapr keeps that to itself until more of it comes.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AnswerWhileTheClientUploads_ReachesItAtOnce(bool remote)
    {
        await Pair.Scripted.PlayAsync(async connection =>
        {
            await connection.ReceivedAsync("\r\n\r\n");
            await connection.SendAsync(Ok + "Content-Length: 5\r\n\r\nearly");
            await connection.ToEndAsync();
        });
        using var client = await SendAsync(remote, "Transfer-Encoding: chunked\r\n", "POST");

        var answer = await client.AnswerAsync();

        Assert.True(answer is { Status: 200, Text: "early" }, $"{answer}");
    }

    /// <summary>The clients of HTTP/1.0: the answer is framed by the end of the connection.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Http10Client_AnswerEndsWithTheConnection(bool remote)
    {
        await Pair.Scripted.PlayAsync(ScriptedServer.Answering(Ok + "Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"));
        using var client = await RawConnection.ConnectAsync(Port(remote));
        await client.SendAsync($"GET {Pair.PathToScripted} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");

        Assert.Equal(PeerEnd.Closed, await client.ToEndAsync());
        var answer = RawAnswer.TryParse(client.Received, ended: true);
        Assert.True(answer is { Status: 200, Text: "onetwo" } && answer.Header("Transfer-Encoding") is null, $"{answer}");
    }

    private int Port(bool remote) => remote ? Pair.Caller.HttpPort : Pair.ScriptedCallee.HttpPort;

    private async Task<RawConnection> SendAsync(bool remote, string fields, string method = "GET")
    {
        var client = await RawConnection.ConnectAsync(Port(remote));
        await client.SendAsync($"{method} {Pair.PathToScripted} HTTP/1.1\r\nHost: x\r\n{fields}\r\n");
        return client;
    }
}
