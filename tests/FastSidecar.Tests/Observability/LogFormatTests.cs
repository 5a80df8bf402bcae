using System.Buffers;
using System.Text;
using FastSidecar.Observability.Logging;
using FastSidecar.Tests.Shared;
using Microsoft.Extensions.Logging;
using Xunit;

namespace FastSidecar.Tests.Observability;

public sealed class LogFormatTests
{
    private static readonly LoggingOptions Options = new() { AppId = "a", Instance = "h", Version = "1.18.3" };

    [Theory]
    [InlineData("plain-._/@^+09", "plain-._/@^+09")]
    [InlineData("two words", "\"two words\"")]
    [InlineData("a:b", "\"a:b\"")]
    [InlineData("é", "\"é\"")]
    [InlineData("\u200b\u00a0\ud83d\ude00", "\"\\u200b\\u00a0\ud83d\ude00\"")]
    [InlineData("\a\b\f\n\r\t\v\u0001\u007f\"\\", "\"\\a\\b\\f\\n\\r\\t\\v\\x01\\x7f\\\"\\\\\"")]
    [InlineData("", "")]
    public void TextValue_QuotedAsGoDoes(string value, string written)
    {
        using var log = new LogRecorder(Options);
        log.Logging.CreateLogger("s").LogInformation("{Text}", value);
        Assert.Equal($"time=\"2026-01-02T03:04:05.678Z\" level=info msg={written} app_id=a instance=h scope=s type=log ver=1.18.3\n", log.Text);
    }

    [Fact]
    public void BrokenUtf8_OneEscapePerByte()
    {
        var line = new ArrayBufferWriter<byte>();
        GoQuote.Write(line, [0xe2, 0x82, (byte)'x', 0xff]);
        Assert.Equal("\"\\xe2\\x82x\\xff\"", Encoding.UTF8.GetString(line.WrittenSpan));
    }

    [Fact]
    public void Json_EscapedAsGoDoes()
    {
        using var log = new LogRecorder(Options with { AsJson = true });
        log.Logging.CreateLogger("s").LogWarning("{Text}", "<a href=\"x\">&\u2028\u0001\b\f\n\r\t\\é");
        Assert.Equal(
            "{\"app_id\":\"a\",\"instance\":\"h\",\"level\":\"warning\",\"msg\":\"\\u003ca href=\\\"x\\\"\\u003e\\u0026\\u2028\\u0001\\b\\f\\n\\r\\t\\\\é\","
            + "\"scope\":\"s\",\"time\":\"2026-01-02T03:04:05.678Z\",\"type\":\"log\",\"ver\":\"1.18.3\"}\n",
            log.Text);
    }

    [Fact]
    public void OtherZone_OffsetWritten()
    {
        using var log = new LogRecorder(Options, TimeZoneInfo.CreateCustomTimeZone("x", TimeSpan.FromMinutes(-150), "x", "x"));
        log.Logging.CreateLogger("s").LogInformation("m");
        Assert.StartsWith("time=\"2026-01-02T00:34:05.678-02:30\" ", log.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(LogLevel.Debug, LogLevel.Debug, "debug")]
    [InlineData(LogLevel.Information, LogLevel.Debug, null)]
    [InlineData(LogLevel.Warning, LogLevel.Information, null)]
    [InlineData(LogLevel.Warning, LogLevel.Error, "error")]
    [InlineData(LogLevel.Critical, LogLevel.Error, null)]
    [InlineData(LogLevel.Critical, LogLevel.Critical, "fatal")]
    public void Level_Filtered(LogLevel configured, LogLevel written, string? name)
    {
        using var log = new LogRecorder(Options with { Level = configured });
        log.Logging.CreateLogger("s").Log(written, "m");
        var line = $"time=\"2026-01-02T03:04:05.678Z\" level={name} msg=m app_id=a instance=h scope=s type=log ver=1.18.3\n";
        Assert.Equal(name is null ? "" : line, log.Text);
    }

    [Fact]
    public void ApiCall_WrittenWhateverTheLevel()
    {
        using var log = new LogRecorder(Options with { Level = LogLevel.Critical });
        new ApiLog(log.Logging).HttpCalled("POST"u8, "/v1.0/invoke/b/method/m"u8, 200, 3, 12, "curl/8.5.0"u8);
        Assert.Equal(
            "time=\"2026-01-02T03:04:05.678Z\" level=info msg=\"HTTP API Called\" app_id=a code=200 duration=3 instance=h method=\"POST /v1.0/invoke/b/method/m\" "
            + "scope=dapr.runtime.http-info size=12 type=log useragent=curl/8.5.0 ver=1.18.3\n",
            log.Text);
    }

    [Fact]
    public void ApiCalls_WithoutAllocation()
    {
        using var log = new DaprLogging(Options, Stream.Null, TimeProvider.System);
        var api = new ApiLog(log);
        for (var i = 0; i < 100; i++)
        {
            api.HttpCalled("GET"u8, "/v1.0/invoke/b/method/m"u8, 200, i, 12, "curl/8.5.0"u8);
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
        {
            api.HttpCalled("GET"u8, "/v1.0/invoke/b/method/m"u8, 200, i, 12, "curl/8.5.0"u8);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Theory]
    [InlineData(LogLevel.Information, false)]
    [InlineData(LogLevel.Debug, true)]
    public void FrameworkCategories_OnlyAtDebug(LogLevel level, bool isWritten)
    {
        using var log = new LogRecorder(Options with { Level = level });
        log.Logging.CreateLogger("Microsoft.AspNetCore.Server.Kestrel").LogError("m");
        Assert.Equal(isWritten, log.Text.Length > 0);
    }

    [Fact]
    public void Exception_ReasonBehindMessage()
    {
        using var log = new LogRecorder(Options);
        log.Logging.CreateLogger("s").LogError(new InvalidOperationException("why"), "what");
        Assert.Contains("msg=\"what: why\"", log.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void NoAppId_FieldLeftOut()
    {
        using var log = new LogRecorder(Options with { AppId = null });
        log.Logging.CreateLogger("s").LogInformation("m");
        Assert.DoesNotContain("app_id", log.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ManyThreads_LinesStayWhole()
    {
        using var log = new LogRecorder(Options);
        var logger = log.Logging.CreateLogger("s");
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            for (var i = 0; i < 250; i++)
            {
                logger.LogInformation("{Number}", i);
            }
        }))).Within("all lines");

        var lines = log.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(1000, lines.Length);
        Assert.All(lines, static line => Assert.Matches("^time=\"[^\"]+\" level=info msg=\\d+ app_id=a instance=h scope=s type=log ver=1.18.3$", line));
    }

    [Fact]
    public void Terminal_ColouredAndPadded()
    {
        using var log = new LogRecorder(Options with { ForTerminal = true });
        log.Logging.CreateLogger("s").LogWarning("short");
        Assert.StartsWith("\u001b[33mWARN\u001b[0m[0000] short                                         ", log.Text, StringComparison.Ordinal);
    }
}
