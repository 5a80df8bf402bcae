using FastSidecar.Load;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Perf.Tests;

public sealed class GeneratorTests
{
    /// <summary>Far longer than a busy machine keeps an answer back: there must be one.</summary>
    private const double LongEnough = 1;

    [ToolFact("nginx")]
    public async Task OpenLoop_SendsOnScheduleAndReadsCosts()
    {
        using var app = await TestApp.StartAsync();
        var options = new LoadOptions { Connections = 16, Rate = 500, Seconds = 1, ExpectBody = 1024, Processes = [app.ProcessId] };
        var result = await app.LoadAsync(options).Within("the run");
        Assert.Equal(500, result.Latency.Count);
        Assert.InRange(result.Processes.Single().CpuNanoseconds, 1, 2_000_000_000);
        Assert.True(result.Processes.Single().ResidentBytes > 1_000_000);
        Assert.True(result.Latency.P50 > 0 && result.Latency.P50 <= result.Latency.P99 && result.Latency.P99 <= result.Latency.Max * 1.01);
    }

    [ToolFact("nginx")]
    public async Task OneSlowConnection_LatencyCountsFromTheIntendedTime()
    {
        using var app = await TestApp.StartAsync();

        // Far more than one connection can carry: every request waits for those in front of it, and the last one about as long as the
        // backlog takes.
        var options = new LoadOptions { Connections = 1, Rate = 100_000, Seconds = 0.3, WarmUpSeconds = 0, ExpectBody = 64 * 1024 };
        var result = await app.LoadAsync(options, "/64k").Within("the run");
        Assert.Equal(30_000, result.Latency.Count);
        Assert.True(result.Queued > 25_000, $"{result.Queued} waited");
        Assert.True(result.Latency.Max > 300_000, $"the last request waited {result.Latency.Max} µs only");
    }

    [ToolFact("nginx")]
    public async Task RequestLimit_ExactlySoManyAreSent()
    {
        using var app = await TestApp.StartAsync();
        var options = new LoadOptions { Connections = 3, Requests = 1000, Seconds = 20, WarmUpSeconds = 0, ExpectBody = 1024 };
        var result = await app.LoadAsync(options).Within("the run");
        Assert.Equal(1000, result.AllAnswers);
        Assert.True(result.Seconds < 20);
        await Assert.ThrowsAsync<LoadException>(
            () => app.LoadAsync(options with { Requests = 100_000_000, Seconds = 0.1 }).Within("the run that is too long"));
    }

    [ToolFact("nginx")]
    public async Task LongBody_IsSentAndStoredWhole()
    {
        using var app = await TestApp.StartAsync();
        const int length = 3 * 1024 * 1024;
        var options =
            new LoadOptions { Connections = 2, Seconds = LongEnough, Method = "PUT", BodyBytes = length, ExpectStatus = 201, ExpectBody = 0 };

        // The first upload makes the file (201), later ones replace it (204).
        var thrown = await Assert.ThrowsAsync<LoadException>(() => app.LoadAsync(options, "/store/up").Within("the run"));
        Assert.Contains("status 204", thrown.Message, StringComparison.Ordinal);
        var result = await app.LoadAsync(options with { ExpectStatus = 204 }, "/store/up").Within("the run");
        Assert.True(result.Answers > 0);
        Assert.Equal(Body.Make(length), File.ReadAllBytes(Path.Combine(app.App.Places["work"], "store/up")));
    }

    [ToolFact("nginx")]
    public async Task ChunkedBody_IsSentAndStoredWhole()
    {
        using var app = await TestApp.StartAsync();
        const int length = 100_000;
        var file = Path.Combine(app.App.Places["work"], "store/streamed");
        File.WriteAllBytes(file, []);
        var options = new LoadOptions
        {
            Connections = 2, Seconds = LongEnough, Method = "PUT", BodyBytes = length, ChunkBytes = 3000, ExpectStatus = 204, ExpectBody = 0,
        };

        var result = await app.LoadAsync(options, "/store/streamed").Within("the run");

        Assert.True(result.Answers > 0);
        Assert.Equal(Body.Make(length), File.ReadAllBytes(file));
    }

    [ToolFact("nginx")]
    public async Task ChunkedAnswer_IsCheckedAsAnyOther()
    {
        using var app = await TestApp.StartAsync();
        using var client = new HttpClient();
        using (var answer = await client.GetAsync(app.App.Url("/chunked/64k")).Within("an answer"))
        {
            Assert.True(answer.Headers.TransferEncodingChunked);
        }

        var right = new LoadOptions { Seconds = LongEnough, ExpectBody = 64 * 1024 };

        Assert.True((await app.LoadAsync(right, "/chunked/64k").Within("the run")).Answers > 0);
        await Assert.ThrowsAsync<LoadException>(() => app.LoadAsync(right with { ExpectBody = 1024 }, "/chunked/64k").Within("the run"));
    }

    [Theory]
    [InlineData("", 4, "0\r\n\r\n")]
    [InlineData("hello", 5, "5\r\nhello\r\n0\r\n\r\n")]
    [InlineData("hello, world", 5, "5\r\nhello\r\n5\r\n, wor\r\n2\r\nld\r\n0\r\n\r\n")]
    [InlineData("hello, world", 100, "c\r\nhello, world\r\n0\r\n\r\n")]
    public void Chunks_OfASize_AreThoseOfTheRfc(string body, int size, string coded) =>
        Assert.Equal(coded, System.Text.Encoding.ASCII.GetString(Chunks.Encode(System.Text.Encoding.ASCII.GetBytes(body), size)));

    [Fact]
    public void ChunkedGrpc_IsRefused() =>
        Assert.Throws<LoadException>(() => new Generator(new LoadOptions { Url = "http://127.0.0.1:1/", Grpc = true, ChunkBytes = 1 }));

    [ToolFact("nginx")]
    public async Task WrongStatusLengthOrHash_VoidsTheRun()
    {
        using var app = await TestApp.StartAsync();
        var right = new LoadOptions { Seconds = LongEnough, WarmUpSeconds = 0, ExpectBody = 1024 };
        Assert.True((await app.LoadAsync(right).Within("the run")).Answers > 0);
        await Assert.ThrowsAsync<LoadException>(() => app.LoadAsync(right with { ExpectBody = 1023 }).Within("the run"));
        await Assert.ThrowsAsync<LoadException>(() => app.LoadAsync(right with { ExpectStatus = 201 }).Within("the run"));
        await Assert.ThrowsAsync<LoadException>(() => app.LoadAsync(right, "/missing").Within("the run"));

        // As long as expected, but other bytes.
        File.WriteAllBytes(Path.Combine(app.App.Places["work"], "other"), new byte[1024]);
        var thrown = await Assert.ThrowsAsync<LoadException>(() => app.LoadAsync(right, "/other").Within("the run"));
        Assert.Contains("hash", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AddressElsewhere_IsRefused() =>
        Assert.Throws<LoadException>(() => new Generator(new LoadOptions { Url = "http://192.0.2.1:80/" }));

    [Fact]
    public void NobodyListens_VoidsTheRun()
    {
        var port = Compare.Places.FreePorts(["free"])[0].Value;
        using var generator = new Generator(new LoadOptions { Url = $"http://127.0.0.1:{port}/", Seconds = 0.1 });
        Assert.Throws<LoadException>(() => generator.Run(_ => { }));
    }
}
