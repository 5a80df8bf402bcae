using System.Text;
using FastSidecar.Integration.Shared;
using Xunit;

namespace FastSidecar.Integration.BadInput;

/// <summary>Malformed HTTP/1.1 on the HTTP API: each shape has one answer, and what is hidden in it never reaches the app.</summary>
public sealed class Http1ShapeTests(SidecarPair pair) : PairTests<SidecarPair>(pair)
{
    /// <summary>The connection ends without an answer.</summary>
    private const int NoAnswer = 0;

    /// <summary>A second request, hidden behind the first one's disputed end.</summary>
    private const string Smuggled = "GET /v1.0/invoke/ID/method/smuggled-NAME HTTP/1.1\r\nHost: x\r\n\r\n";

    private const string Post = "POST /v1.0/invoke/ID/method/echo HTTP/1.1\r\nHost: x\r\n";

    /// <summary>Name, request and the status of its answer. "ID" stands for the callee's app id.</summary>
    public static TheoryData<string, string, int> Refused { get; } = new()
    {
        // Conflicting lengths (RFC 9112 §6.3).
        { "two lengths", Post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!" + Smuggled, 400 },
        { "two equal lengths", Post + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello" + Smuggled, 400 },
        { "list of lengths", Post + "Content-Length: 5, 5\r\n\r\nhello" + Smuggled, 400 },
        { "length with sign", Post + "Content-Length: +5\r\n\r\nhello" + Smuggled, 400 },
        { "negative length", Post + "Content-Length: -5\r\n\r\nhello" + Smuggled, 400 },
        { "hexadecimal length", Post + "Content-Length: 0x5\r\n\r\nhello" + Smuggled, 400 },
        { "length beyond 64 bits", Post + "Content-Length: 99999999999999999999999\r\n\r\nhello", 400 },
        { "length with blank inside", Post + "Content-Length: 1 2\r\n\r\nhello" + Smuggled, 400 },
        { "empty length", Post + "Content-Length: \r\n\r\n" + Smuggled, 400 },

        // Transfer codings (RFC 9112 §6.1).
        { "unknown coding", Post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + Smuggled, 400 },
        { "chunked not last", Post + "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n" + Smuggled, 400 },
        { "chunked twice", Post + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" + Smuggled, 501 },
        { "two codings", Post + "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + Smuggled, 501 },
        { "coding with vertical tab", Post + "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n" + Smuggled, 400 },
        { "coding in quotes", Post + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n" + Smuggled, 400 },

        // Chunks (RFC 9112 §7.1): the head of the answer may have left, so the connection's end is the answer too.
        { "chunk size of letters", Post + "Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n" + Smuggled, NoAnswer },
        { "negative chunk", Post + "Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n" + Smuggled, NoAnswer },
        { "chunk size beyond 64 bits", Post + "Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n" + Smuggled, NoAnswer },
        { "chunk size with prefix", Post + "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n" + Smuggled, NoAnswer },
        { "chunk longer than said", Post + "Transfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n" + Smuggled, NoAnswer },
        { "chunk size ended by LF", Post + "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n" + Smuggled, NoAnswer },
        { "empty chunk size", Post + "Transfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n" + Smuggled, NoAnswer },

        // Names and values (RFC 9112 §5).
        { "blank before colon", Post + "X-A : 1\r\n\r\n", 400 },
        { "folded line", Post + "X-A: 1\r\n 2\r\n\r\n", 400 },
        { "folded first line", Post[..^9] + " Host: x\r\n\r\n", 400 },
        { "no colon", Post + "X-A\r\n\r\n", 400 },
        { "empty name", Post + ": 1\r\n\r\n", 400 },
        { "control character in name", Post + "X\u0001A: 1\r\n\r\n", 400 },
        { "NUL in name", Post + "X\0A: 1\r\n\r\n", 400 },
        { "NUL in value", Post + "X-A: 1\02\r\n\r\n", 400 },
        { "CR in value", Post + "X-A: 1\rX-B: 2\r\n\r\n", 400 },
        { "DEL in value", Post + "X-A: 1\u007f\r\n\r\n", 400 },
        { "no host", "GET /v1.0/invoke/ID/method/echo HTTP/1.1\r\n\r\n", 400 },
        { "two hosts", Post + "Host: y\r\n\r\n", 400 },

        // The request line (RFC 9112 §3).
        { "unknown version", "GET /v1.0/healthz HTTP/1.2\r\nHost: x\r\n\r\n", 505 },
        { "version of HTTP/2", "GET /v1.0/healthz HTTP/2.0\r\nHost: x\r\n\r\n", 505 },
        { "no version", "GET /v1.0/healthz\r\nHost: x\r\n\r\n", 400 },
        { "blank in target", "GET /v1.0/invoke/ID/method/a b HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
        { "NUL in target", "GET /v1.0/invoke/ID/method/a\0b HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
        { "NUL escaped in target", "GET /v1.0/invoke/ID/method/a%00b HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
        { "bad escape in target", "GET /v1.0/invoke/ID/method/a%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
        { "method of symbols", "G@T /v1.0/healthz HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
        { "a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03abcdefgh\r\n\r\n", 400 },
        { "only noise", "\xff\xfe\xfd\xfc\r\n\r\n\r\n", 400 },

        // Expectations and sizes.
        { "unknown expectation", Post + "Expect: 200-ok\r\nContent-Length: 0\r\n\r\n", 417 },
        { "head of 9 KiB", Post + "X-A: " + new string('a', 9 << 10) + "\r\n\r\n", 431 },
        { "head of 9 KiB in small fields", Post + Repeat("X-A: b\r\n", 1200) + "\r\n", 431 },
        { "head of 1 MiB", Post + "X-A: " + new string('a', 1 << 20) + "\r\n\r\n", 431 },
        { "target of 9 KiB", "GET /v1.0/invoke/ID/method/" + new string('a', 9 << 10) + " HTTP/1.1\r\nHost: x\r\n\r\n", 431 },
    };

    /// <summary>Shapes that are served, and that must end where they say.</summary>
    public static TheoryData<string, string, string> Served { get; } = new()
    {
        { "chunks with extensions", Post + "Transfer-Encoding: chunked\r\n\r\n5;a=b;c=\"d\"\r\nhello\r\n0\r\n\r\n", "hello" },
        { "chunk sizes with zeros", Post + "Transfer-Encoding: chunked\r\n\r\n0005\r\nhello\r\n000\r\n\r\n", "hello" },
        { "coding in capitals", Post + "Transfer-Encoding: CHUNKED\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "hello" },
        { "trailers", Post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n", "hello" },
        { "length of 0", Post + "Content-Length: 0\r\n\r\n", "" },
        { "length with zeros", Post + "Content-Length: 0005\r\n\r\nhello", "hello" },
        { "line feeds alone", "POST /v1.0/invoke/ID/method/echo HTTP/1.1\nHost: x\nContent-Length: 5\n\nhello", "hello" },
        { "empty lines before", "\r\n\r\n" + Post + "Content-Length: 5\r\n\r\nhello", "hello" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task Malformed_IsRefused_AndWhatIsHiddenInItNeverReachesTheApp(string name, string request, int status)
    {
        using var connection = await RawConnection.ConnectAsync(Pair.Caller.HttpPort);
        var hidden = "smuggled-" + name.Replace(' ', '-');
        await connection.SendAsync(request.Replace("ID", Pair.Callee.AppId, StringComparison.Ordinal).Replace("smuggled-NAME", hidden, StringComparison.Ordinal));

        var answer = await connection.AnswerAsync();

        if (status == NoAnswer)
        {
            Assert.True(answer is null or { Status: 400 or 500 }, $"{name}: {answer}");
        }
        else
        {
            Assert.True(answer?.Status == status, $"{name}: {answer}");
        }

        // Nobody knows where the next request would begin.
        await connection.ToEndAsync();
        Assert.True(connection.Received.IndexOf("HTTP/1.1 "u8) < 0, $"{name}: {Encoding.Latin1.GetString(connection.Received)}");
        Assert.DoesNotContain(Pair.App.Seen, seen => seen.Contains(hidden, StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Served))]
    public async Task Unusual_IsServed_AndTheNextRequestBeginsWhereItEnds(string name, string request, string body)
    {
        using var connection = await RawConnection.ConnectAsync(Pair.Caller.HttpPort);
        for (var i = 0; i < 3; i++)
        {
            await connection.SendAsync(request.Replace("ID", Pair.Callee.AppId, StringComparison.Ordinal));
            var answer = await connection.AnswerAsync();
            Assert.True(answer is { Status: 200 } && answer.Text == body, $"{name}: {answer} {answer?.Text}");
        }

        Assert.Equal(0, connection.Received.Length);
    }

    /// <summary>Transfer-Encoding wins (RFC 9112 §6.3); the connection is not trusted any further.</summary>
    [Fact]
    public async Task LengthBesideChunks_TheChunksCount_AndTheConnectionEnds()
    {
        using var connection = await RawConnection.ConnectAsync(Pair.Caller.HttpPort);
        await connection.SendAsync(
            (Post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" + Smuggled)
            .Replace("ID", Pair.Callee.AppId, StringComparison.Ordinal).Replace("NAME", "both", StringComparison.Ordinal));

        var answer = await connection.AnswerAsync();

        Assert.True(answer is { Status: 200, Text: "hello" }, $"{answer}");
        await connection.ToEndAsync();
        Assert.DoesNotContain(Pair.App.Seen, static seen => seen.Contains("smuggled-both", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Pipelined_EachIsAnsweredInOrder()
    {
        using var connection = await RawConnection.ConnectAsync(Pair.Caller.HttpPort);
        await connection.SendAsync(string.Concat(Enumerable.Range(0, 50).Select(i => $"POST {Pair.PathTo($"echo?n={i}")} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{i:00}")));

        for (var i = 0; i < 50; i++)
        {
            var answer = await connection.AnswerAsync();
            Assert.Equal($"{i:00}", answer!.Text);
            Assert.Equal($"/echo?n={i}", answer.Header("x-target"));
        }
    }

    [Fact]
    public async Task Values_AppendedByEscapes_NeverBecomeFieldsOfTheirOwn()
    {
        using var connection = await RawConnection.ConnectAsync(Pair.Caller.HttpPort);
        await connection.SendAsync($"GET {Pair.PathTo("echo%0d%0aX-Evil:%201?q=%0d%0aX-Evil:%201")} HTTP/1.1\r\nHost: x\r\n\r\n");

        var answer = await connection.AnswerAsync();

        Assert.NotNull(answer);
        Assert.Null(answer.Header("X-Evil"));
        Assert.DoesNotContain(Pair.App.Seen, static seen => seen.Contains('\r', StringComparison.Ordinal));
    }

    [Fact]
    public async Task HeadThatNeverEnds_IsCutOffInTime()
    {
        using var connection = await RawConnection.ConnectAsync(Pair.Caller.HttpPort);
        await connection.SendAsync(Post.Replace("ID", Pair.Callee.AppId, StringComparison.Ordinal) + "X-A: ");

        var answer = await connection.AnswerAsync();

        Assert.True(answer is null or { Status: 408 }, $"{answer}");
        await connection.ToEndAsync();
    }

    [Fact]
    public async Task NoiseOfManySeeds_IsRefused()
    {
        const int Seeds = 300;
        await Parallel.ForAsync(0, Seeds, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (seed, _) =>
        {
            var random = new Random(seed);
            var request = Encoding.Latin1.GetBytes((Post + "Content-Length: 5\r\nX-A: b\r\n\r\nhello").Replace("ID", Pair.Callee.AppId, StringComparison.Ordinal));
            for (var changes = random.Next(1, 6); changes > 0; changes--)
            {
                request[random.Next(request.Length)] = (byte)random.Next(256);
            }

            using var connection = await RawConnection.ConnectAsync(Pair.Caller.HttpPort);
            await connection.SendAsync(request);
            connection.FinishSending();
            await connection.ToEndAsync();
        });
    }

    private static string Repeat(string text, int count) => new StringBuilder().Insert(0, text, count).ToString();
}
