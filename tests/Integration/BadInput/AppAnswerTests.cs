using System.Text;
using FastSidecar.Integration.Shared;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Integration.BadInput;

/// <summary>Apps that answer with what is no HTTP, and apps that end at every byte of an answer.</summary>
public sealed class AppAnswerTests(ScriptedAppPair pair) : PairTests<ScriptedAppPair>(pair)
{
    private const int AtOnce = 16;
    private const string Ok = "HTTP/1.1 200 OK\r\n";

    public enum Kind
    {
        KnownLength,
        Chunked,
        Interim,
        UntilClosed,
        Error,
    }

    /// <summary>Name, and what the app answers. None of them may reach the client as an answer of the app's.</summary>
    public static TheoryData<string, string> Garbage { get; } = new()
    {
        { "noise", "\u0016\u0003\u0001\xff\xfe\0\0\r\n\r\n\r\n" },
        { "another protocol", "SSH-2.0-OpenSSH_9.2\r\n" },
        { "HTTP/0.9", "<html>hello</html>" },
        { "no status", "HTTP/1.1\r\n\r\n" },
        { "status of letters", "HTTP/1.1 abc OK\r\n\r\n" },
        { "status of two digits", "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n" },
        { "status 0", "HTTP/1.1 000 OK\r\nContent-Length: 0\r\n\r\n" },
        { "status of four digits", "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n" },
        { "negative status", "HTTP/1.1 -20 OK\r\nContent-Length: 0\r\n\r\n" },
        { "protocol switched", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n" },
        { "field without colon", Ok + "Content-Length\r\n\r\n" },
        { "control character in name", Ok + "X\u0001A: 1\r\nContent-Length: 0\r\n\r\n" },
        { "NUL in value", Ok + "X-A: b\0c\r\nContent-Length: 0\r\n\r\n" },
        { "control character in value", Ok + "X-A: b\u0001c\r\nContent-Length: 0\r\n\r\n" },
        { "two lengths", Ok + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!" },
        { "negative length", Ok + "Content-Length: -5\r\n\r\nhello" },
        { "length of letters", Ok + "Content-Length: five\r\n\r\nhello" },
        { "length beyond 64 bits", Ok + "Content-Length: 99999999999999999999999\r\n\r\nhello" },
        { "unknown coding", Ok + "Transfer-Encoding: gzip\r\n\r\nhello" },
        { "two codings", Ok + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" },
        { "head without end", Ok + "X-A: " + new string('a', 1 << 20) },
        { "fields without end", Ok + Repeat("X-A: b\r\n", 100_000) },
        { "interim answers without end", Repeat("HTTP/1.1 103 Early Hints\r\nX-A: b\r\n\r\n", 20_000) },
        { "silence, then the end", "" },
    };

    /// <summary>Name, and an answer whose head is fine and whose body is not: the client sees it broken off.</summary>
    public static TheoryData<string, string> BrokenBodies { get; } = new()
    {
        { "chunk size of letters", Ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n" },
        { "negative chunk", Ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n-5\r\n" },
        { "chunk size beyond 64 bits", Ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n10000000000000005\r\n" },
        { "chunk longer than said", Ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n" },
        { "endless chunk line", Ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;" + new string('a', 1 << 20) },
        { "chunks without end", Ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n" },
    };

    /// <summary>Name, and an answer that Dapr takes too: what is wrong in it goes no further.</summary>
    public static TheoryData<string, string> Tolerated { get; } = new()
    {
        { "blank before colon", Ok + "Connection: close\r\nContent-Length : 3\r\n\r\nhello" },
        { "empty name", Ok + ": x\r\nContent-Length: 5\r\n\r\nhello" },
        { "line feeds alone", "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello" },
        { "no reason", "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello" },
        { "interim answers", "HTTP/1.1 103 Early Hints\r\nX-A: b\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + Ok + "Content-Length: 5\r\n\r\nhello" },
    };

    /// <summary>Name, and an answer with more behind it than belongs to it.</summary>
    public static TheoryData<string, string> Followed { get; } = new()
    {
        { "a second answer", Ok + "Content-Length: 5\r\n\r\nhello" + Ok + "Content-Length: 4\r\n\r\nEVIL" },
        { "a second answer behind chunks", Ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" + Ok + "Content-Length: 4\r\n\r\nEVIL" },
        { "a second answer behind none", "HTTP/1.1 204 No Content\r\n\r\n" + Ok + "Content-Length: 4\r\n\r\nEVIL" },
        { "a body where there is none", "HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nEVIL" },
        { "noise", Ok + "Content-Length: 5\r\n\r\nhello\0\0\0EVIL" },
    };

    [Theory]
    [MemberData(nameof(Garbage))]
    public async Task Garbage_IsAnErrorOfTheSidecars(string name, string answer)
    {
        await Pair.Scripted.PlayAsync(async connection =>
        {
            await ScriptedServer.ReadRequestAsync(connection);
            await connection.SendAsync(answer);
            connection.FinishSending();
            await connection.ToEndAsync();
        });

        var told = await CallAsync(isKnownLength: true);

        Assert.True(told is { Status: 500 } && told.Text.Contains("ERR_DIRECT_INVOKE", StringComparison.Ordinal), $"{name}: {told}");
    }

    [Theory]
    [MemberData(nameof(Tolerated))]
    public async Task Unusual_IsTheAppsAnswer(string name, string answer)
    {
        await Pair.Scripted.PlayAsync(async connection =>
        {
            await ScriptedServer.ReadRequestAsync(connection);
            await connection.SendAsync(answer);
            connection.FinishSending();
            await connection.ToEndAsync();
        });

        var told = await CallAsync(isKnownLength: true);

        Assert.True(told is { Status: 200, Text: "hello" }, $"{name}: {told}");
        Assert.All(told.Headers, static header => Assert.DoesNotContain(' ', header.Name));
        Assert.All(told.Headers, static header => Assert.NotEqual("", header.Name));
    }

    [Theory]
    [MemberData(nameof(BrokenBodies))]
    public async Task BrokenBody_TheClientSeesItBrokenOff(string name, string answer)
    {
        await Pair.Scripted.PlayAsync(async connection =>
        {
            await ScriptedServer.ReadRequestAsync(connection);
            await connection.SendAsync(answer);
            connection.FinishSending();
            await connection.ToEndAsync();
        });
        using var client = await RawConnection.ConnectAsync(Pair.Caller.HttpPort);
        await client.SendAsync($"GET {Pair.PathToScripted} HTTP/1.1\r\nHost: x\r\n\r\n");

        var told = await client.AnswerAsync();

        Assert.True(told is null or { Status: 500 }, $"{name}: {told}");
        if (told is null)
        {
            await client.ToEndAsync();
        }
    }

    [Theory]
    [MemberData(nameof(Followed))]
    public async Task MoreThanAnAnswer_IsNobodysNextAnswer(string name, string answer)
    {
        var served = 0;
        await Pair.Scripted.PlayAsync(async connection =>
        {
            while (await ScriptedServer.ReadRequestAsync(connection))
            {
                await connection.SendAsync(Interlocked.Increment(ref served) == 1 ? answer : Ok + "Content-Length: 4\r\n\r\nGOOD");
            }
        });

        var first = await CallAsync(isKnownLength: true);
        for (var i = 0; i < 3; i++)
        {
            var next = await CallAsync(isKnownLength: true);
            Assert.True(next is { Status: 200, Text: "GOOD" }, $"{name}: {first}, then {next}");
        }

        Assert.DoesNotContain("EVIL", first!.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Kind.KnownLength, false)]
    [InlineData(Kind.KnownLength, true)]
    [InlineData(Kind.Chunked, false)]
    [InlineData(Kind.Chunked, true)]
    [InlineData(Kind.Interim, false)]
    [InlineData(Kind.UntilClosed, true)]
    [InlineData(Kind.Error, false)]
    [InlineData(Kind.Error, true)]
    public async Task Answer_AppEndsAfterEveryByte_NeverLooksWhole(Kind kind, bool byReset)
    {
        const string Body = "0123456789";
        var answer = kind switch
        {
            Kind.KnownLength => Ok + "X-A: b\r\nContent-Length: 10\r\n\r\n" + Body,
            Kind.Chunked => Ok + "Transfer-Encoding: chunked\r\n\r\n4;x\r\n0123\r\n6\r\n456789\r\n0\r\nX-T: 1\r\n\r\n",
            Kind.Interim => "HTTP/1.1 103 Early Hints\r\nX-A: b\r\n\r\n" + Ok + "Content-Length: 10\r\n\r\n" + Body,
            Kind.UntilClosed => Ok + "X-A: b\r\n\r\n" + Body,
            _ => "HTTP/1.1 404 Not Found\r\nContent-Length: 10\r\n\r\n" + Body,
        };
        var headBytes = answer.LastIndexOf("\r\n\r\n0", StringComparison.Ordinal) + 4;
        headBytes = kind == Kind.Chunked ? answer.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4 : headBytes;
        await Pair.Scripted.PlayAsync(async connection =>
        {
            await connection.ReceivedAsync("\r\n\r\n");
            var request = Encoding.Latin1.GetString(connection.Received);
            var cut = int.Parse(request.Split(' ')[1].Split('=')[1], System.Globalization.CultureInfo.InvariantCulture);
            await connection.SendAsync(answer[..cut]);
            if (byReset)
            {
                // What was sent has arrived before the reset overtakes it, as far as loopback goes.
                await Task.Delay(5);
                connection.Reset();
            }
        });

        await Parallel.ForAsync(0, answer.Length, new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (cut, _) =>
        {
            using var client = await RawConnection.ConnectAsync(Pair.Caller.HttpPort);
            await client.SendAsync($"GET {Pair.PathToScripted}?cut={cut} HTTP/1.1\r\nHost: x\r\n\r\n");
            var told = await client.AnswerAsync();

            // Dapr's one exception: fewer bytes than the Content-Length, ended in order, pass for the whole. FIN of an answer that lasts until the end is its end.
            var passes = cut >= headBytes && !byReset && kind is Kind.KnownLength or Kind.Interim or Kind.Error;
            Assert.True(told is null or { Status: 500 } || passes, $"cut after {cut} of {answer.Length}, head {headBytes}: {told}");
            if (cut < headBytes)
            {
                Assert.True(told is { Status: 500 }, $"cut after {cut}, within the head: {told}");
            }
        });
    }

    [Fact]
    public async Task App_DiesWhileItAnswers_TheClientSeesItWithinASecond()
    {
        await Pair.Scripted.PlayAsync(async connection =>
        {
            await ScriptedServer.ReadRequestAsync(connection);
            await connection.SendAsync(Ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
            await Task.Delay(200);
            connection.Reset();
        });
        using var client = await RawConnection.ConnectAsync(Pair.Caller.HttpPort);
        await client.SendAsync($"GET {Pair.PathToScripted} HTTP/1.1\r\nHost: x\r\n\r\n");
        Assert.True(await client.ReceivedAsync("hello"));
        var clock = new FairClock();

        await client.ToEndAsync();

        Assert.True(clock.Fair < TimeSpan.FromSeconds(5), $"{clock}");
        Assert.True(client.Received.IndexOf("\r\n0\r\n"u8) < 0, "the answer was ended as if it were whole");
    }

    /// <summary>It refuses a body half-way, as apps do that look at the head first: its answer arrives, and nobody waits for the rest of the upload.</summary>
    [Fact]
    public async Task App_AnswersAndClosesWhileTheClientUploads_ItsAnswerArrives()
    {
        await Pair.Scripted.PlayAsync(async connection =>
        {
            await connection.ReceivedAsync("\r\n\r\n");
            await connection.SendAsync("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig");
            connection.FinishSending();
            await connection.ToEndAsync();
        });
        using var client = await RawConnection.ConnectAsync(Pair.Caller.HttpPort);
        await client.SendAsync($"POST {Pair.PathToScripted} HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n");
        await client.SendAsync(new byte[1000]);

        var told = await client.AnswerAsync();

        Assert.True(told is { Status: 413, Text: "big" }, $"{told}");
    }

    [Fact]
    public async Task App_NeverAnswers_TheClientGivesUp_AndTheAppIsLetGo()
    {
        var gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await Pair.Scripted.PlayAsync(async connection =>
        {
            await ScriptedServer.ReadRequestAsync(connection);
            await connection.ToEndAsync();
            gone.SetResult();
        });
        using var client = await RawConnection.ConnectAsync(Pair.Caller.HttpPort);
        await client.SendAsync($"GET {Pair.PathToScripted} HTTP/1.1\r\nHost: x\r\n\r\n");
        await Eventually.TrueAsync(() => Pair.Scripted.Playing > 0, () => "the app was not called");

        client.Reset();

        await gone.Task.Within("the end of the connection to the app");
    }

    private static string Repeat(string text, int count) => new StringBuilder().Insert(0, text, count).ToString();

    private async Task<RawAnswer?> CallAsync(bool isKnownLength)
    {
        using var client = await RawConnection.ConnectAsync(Pair.Caller.HttpPort);
        await client.SendAsync($"POST {Pair.PathToScripted} HTTP/1.1\r\nHost: x\r\n" + (isKnownLength ? "Content-Length: 2\r\n\r\nab" : "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"));
        return await client.AnswerAsync();
    }
}
