using System.Text;
using FastSidecar.Integration.Clients;
using FastSidecar.Integration.Shared;
using Xunit;

namespace FastSidecar.Integration.HttpApi;

/// <summary><c>Upgrade: h2c</c> on the API port: 101, and the request is the first stream of an HTTP/2 connection.</summary>
public sealed class H2cUpgradeTests(SidecarPair pair) : PairTests<SidecarPair>(pair)
{
    private const string Asks = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n";
    private static readonly byte[] Opening = Http2Frames.ClientStart;

    [ToolFact("curl")]
    public async Task Curl_IsUpgraded()
    {
        var result = await Tool.RunAsync("curl", "-sS", "--http2", "-w", " %{http_version}", Pair.UrlTo("echo"), "-d", "hello");

        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Equal("hello 2", result.Output);
    }

    [ToolFact("curl")]
    public async Task CurlWithALargeBody_StaysOnHttp1()
    {
        using var file = RandomFile.Create(200_000);
        var result = await Tool.RunAsync(
            "curl", "-sS", "--http2", "-w", "%{http_version}", "-o", file.Path + ".back", "--data-binary", $"@{file.Path}", Pair.UrlTo("echo"));

        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Equal("1.1", result.Output);
        Assert.True(file.IsEqualTo(file.Path + ".back"));
    }

    [ToolFact("nghttp")]
    public async Task Nghttp_IsUpgraded()
    {
        var result = await Tool.RunAsync("nghttp", "-v", "-u", Pair.UrlTo("echo?n=1"));

        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains("HTTP Upgrade success", result.Output, StringComparison.Ordinal);
        Assert.Contains(":status: 200", result.Output, StringComparison.Ordinal);
        Assert.Contains("x-target: /echo?n=1", result.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("PROTOCOL_ERROR", result.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, "he")]
    [InlineData(true, "he")]
    [InlineData(true, "")]
    public async Task BodyOfTheRequest_IsDelivered(bool expectsContinue, string part)
    {
        using var connection = await RawConnection.ConnectAsync(Pair.Caller.HttpPort);
        var expect = expectsContinue ? "Expect: 100-continue\r\n" : "";
        await connection.SendAsync($"POST {Pair.PathTo("echo")} HTTP/1.1\r\nHost: x\r\n{Asks}{expect}Content-Length: 5\r\n\r\n{part}");
        if (expectsContinue)
        {
            Assert.True(await connection.ReceivedAsync("HTTP/1.1 100 Continue\r\n\r\n"));
            connection.Take(connection.Received.Length);
        }

        await connection.SendAsync("hello"[part.Length..]);
        await SwitchesAsync(connection);
        Assert.Equal("hello", await AnswerAsync(connection));
        await connection.SendAsync(Opening);
        Assert.True(await Http2Client.IsAliveAsync(connection), "the connection serves on as HTTP/2");
    }

    [Fact]
    public async Task BodyEndsEarly_NothingOfItIsAnswered()
    {
        using var connection = await RawConnection.ConnectAsync(Pair.Caller.HttpPort);
        const string Hidden = "GET /v1.0/healthz HTTP/1.1\r\nHost: x\r\n\r\n";
        await connection.SendAsync($"POST {Pair.PathTo("echo")} HTTP/1.1\r\nHost: x\r\n{Asks}Content-Length: 500\r\n\r\n{Hidden}");
        connection.FinishSending();
        await connection.ToEndAsync();
        Assert.True(connection.Received.IsEmpty, Encoding.Latin1.GetString(connection.Received));
    }

    [Fact]
    public async Task PrefaceRightBehindTheRequest_IsRead()
    {
        using var connection = await RawConnection.ConnectAsync(Pair.Caller.HttpPort);
        var request = Encoding.ASCII.GetBytes($"GET /v1.0/healthz HTTP/1.1\r\nHost: x\r\n{Asks}\r\n");
        await connection.SendAsync((byte[])[.. request, .. Opening]);
        await SwitchesAsync(connection);
        Assert.True(await Http2Client.IsAliveAsync(connection), "the connection serves on as HTTP/2");
    }

    [Fact]
    public async Task SettingsThatAreNone_AreRefusedAndTheConnectionStaysHttp1()
    {
        using var connection = await RawConnection.ConnectAsync(Pair.Caller.HttpPort);
        await connection.SendAsync("GET /v1.0/healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: !!!\r\n\r\n");
        Assert.Equal(500, (await connection.AnswerAsync())!.Status);
        await connection.SendAsync("GET /v1.0/healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        Assert.Equal(204, (await connection.AnswerAsync())!.Status);
    }

    [Theory]
    [InlineData("Connection: Upgrade\r\nUpgrade: h2c\r\n")]
    [InlineData("Connection: HTTP2-Settings\r\nUpgrade: websocket\r\nHTTP2-Settings: AAMAAABk\r\n")]
    [InlineData("Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n")]
    [InlineData("Connection: Upgrade, HTTP2-Settings, X-Own\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nX-Own: a\r\n")]
    public async Task RequestThatDoesNotAskInFullOrNamesMore_IsAnsweredInHttp1(string fields)
    {
        using var connection = await RawConnection.ConnectAsync(Pair.Caller.HttpPort);
        await connection.SendAsync($"GET /v1.0/healthz HTTP/1.1\r\nHost: x\r\n{fields}\r\n");
        Assert.Equal(204, (await connection.AnswerAsync())!.Status);
    }

    [Fact]
    public async Task LaterRequest_IsAnsweredInHttp1()
    {
        using var connection = await RawConnection.ConnectAsync(Pair.Caller.HttpPort);
        await connection.SendAsync("GET /v1.0/healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        Assert.Equal(204, (await connection.AnswerAsync())!.Status);
        await connection.SendAsync($"GET /v1.0/healthz HTTP/1.1\r\nHost: x\r\n{Asks}\r\n");
        Assert.Equal(204, (await connection.AnswerAsync())!.Status);
    }

    [Fact]
    public async Task SwitchedOff_EverythingIsAnsweredInHttp1()
    {
        var settings = new SidecarSettings { AppId = SidecarSettings.UniqueId("noh2c"), Environment = new Dictionary<string, string> { ["DAPR_HTTP_DISABLE_H2C"] = "true" } };
        await using var sidecar = await SidecarProcess.StartAsync(settings);
        using var connection = await RawConnection.ConnectAsync(sidecar.HttpPort);
        await connection.SendAsync($"GET /v1.0/healthz HTTP/1.1\r\nHost: x\r\n{Asks}\r\n");
        Assert.Equal(204, (await connection.AnswerAsync())!.Status);
    }

    private static async Task SwitchesAsync(RawConnection connection)
    {
        const string Answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
        Assert.True(await connection.ReceivedAsync(Answer.Length));
        Assert.StartsWith(Answer, Encoding.ASCII.GetString(connection.Received), StringComparison.Ordinal);
        connection.Take(Answer.Length);
    }

    private static async Task<string> AnswerAsync(RawConnection connection)
    {
        while (!Http2Frames.Read(connection.Received).Any(f => f.Stream == 1 && f.Type == Http2Frames.Data && (f.Flags & Http2Frames.EndStream) != 0))
        {
            Assert.True(await connection.ReceiveAsync(), "the answer on stream 1");
        }

        return string.Concat(Http2Frames.Read(connection.Received)
            .Where(f => f.Stream == 1 && f.Type == Http2Frames.Data).Select(f => Encoding.ASCII.GetString(f.Payload)));
    }
}
