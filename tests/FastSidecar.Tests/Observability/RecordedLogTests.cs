using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using FastSidecar.Observability.Logging;
using Microsoft.Extensions.Logging;
using Xunit;

namespace FastSidecar.Tests.Observability;

/// <summary>Every recorded log line, taken apart and written again, comes out as it was.</summary>
public sealed partial class RecordedLogTests
{
    public static TheoryData<string> LogCases => Fixture.Names("runtime/logs.json", static c => c.GetProperty("lines").GetArrayLength() > 0);

    [Theory]
    [MemberData(nameof(LogCases))]
    public void RecordedLines_WrittenAgain_Same(string name)
    {
        foreach (var recorded in Fixture.Case("runtime/logs.json", name).Texts("lines"))
        {
            var fields = recorded[0] == '{' ? JsonFields(recorded) : TextFields(recorded);
            using var log = new LogRecorder(Options(fields) with { AsJson = recorded[0] == '{' });
            var logger = fields.TryGetValue("component", out var component)
                ? log.Logging.CreateLogger(fields["scope"], component)
                : log.Logging.CreateLogger(fields["scope"]);

            logger.Log(Level(fields["level"]), new EventId(0), fields["msg"], null, static (message, _) => message);

            Assert.Equal(Concrete(recorded) + "\n", log.Text);
        }
    }

    [Fact]
    public void RecordedApiLines_WrittenAgain_Same()
    {
        var lines = ApiLines().Distinct().ToList();
        Assert.True(lines.Count > 20, $"only {lines.Count} recorded lines found");
        foreach (var recorded in lines)
        {
            var fields = recorded[0] == '{' ? JsonFields(recorded) : TextFields(recorded);
            using var log = new LogRecorder(Options(fields) with { AsJson = recorded[0] == '{', Level = LogLevel.Error });
            var method = Bytes(fields["method"]);
            var agent = Bytes(fields.GetValueOrDefault("useragent", ""));

            if (fields.TryGetValue("size", out var size))
            {
                new ApiLog(log.Logging).HttpCalled(default, method, int.Parse(fields["code"]), 7, long.Parse(size), agent);
            }
            else
            {
                new ApiLog(log.Logging).GrpcCalled(method, int.Parse(fields["code"]), 7, agent);
            }

            Assert.Equal(Concrete(recorded) + "\n", log.Text);
        }
    }

    private static IEnumerable<string> ApiLines() =>
        new[] { "runtime/logs-api.json", "http/api-logging.json" }
            .SelectMany(static file => AllTexts(Fixture.Load(file)))
            .Where(static text => text.Contains("API Called", StringComparison.Ordinal) && (text[0] == '{' || text.StartsWith("time=", StringComparison.Ordinal)))
            .Select(static text => text.TrimEnd('\n'))
            .Where(static text => !text.Contains('\n', StringComparison.Ordinal));

    private static IEnumerable<string> AllTexts(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.String => [element.GetString()!],
        JsonValueKind.Array => element.EnumerateArray().SelectMany(AllTexts),
        JsonValueKind.Object => element.EnumerateObject().SelectMany(static property => AllTexts(property.Value)),
        _ => [],
    };

    /// <summary>Placeholders as what stood there: a time, numbers, plain words.</summary>
    private static string Concrete(string line) => Placeholder().Replace(
        line,
        static match => match.Value switch
        {
            "{{TIME}}" => "2026-01-02T03:04:05.678Z",
            "{{MS}}" or "{{N}}" => "7",
            "{{HOST}}" or "{{VERSION}}" or "{{VER}}" => "word",
            _ => match.Value,
        });

    private static LoggingOptions Options(Dictionary<string, string> fields) => new()
    {
        Level = LogLevel.Debug,
        AppId = fields.GetValueOrDefault("app_id"),
        Instance = fields["instance"],
        Version = fields["ver"],
    };

    private static LogLevel Level(string name) =>
        LoggingOptions.TryParseLevel(name == "warning" ? "warn" : name, out var level) ? level : throw new ArgumentException(name);

    private static Dictionary<string, string> JsonFields(string line)
    {
        using var document = JsonDocument.Parse(Concrete(line));
        return document.RootElement.EnumerateObject().ToDictionary(static p => p.Name, static p => p.Value.ToString());
    }

    private static Dictionary<string, string> TextFields(string line) => Field().Matches(Concrete(line)).ToDictionary(
        static match => match.Groups[1].Value,
        static match => match.Groups[2].Success ? Unquote(match.Groups[2].Value) : match.Groups[3].Value);

    /// <summary>
    /// Undoes the escapes of Go's %q that were recorded; a byte that is no UTF-8 becomes a lone surrogate, which <see cref="Bytes"/> turns
    /// back.
    /// </summary>
    private static string Unquote(string text) => Escape().Replace(text, static match => match.Value[1] switch
    {
        'x' when Convert.ToInt32(match.Value[2..], 16) is var value => value < 0x80 ? ((char)value).ToString() : ((char)(0xDC00 + value)).ToString(),
        'n' => "\n",
        't' => "\t",
        var other => other.ToString(),
    });

    private static byte[] Bytes(string text)
    {
        var bytes = new List<byte>();
        foreach (var rune in text.Select(static c => c is >= '\uDC80' and <= '\uDCFF' ? [(byte)(c - 0xDC00)] : Encoding.UTF8.GetBytes([c])))
        {
            bytes.AddRange(rune);
        }

        return [.. bytes];
    }

    [GeneratedRegex(@"\\(x..|.)")]
    private static partial Regex Escape();

    [GeneratedRegex(@"\{\{[A-Z]+\}\}")]
    private static partial Regex Placeholder();

    [GeneratedRegex("""(\w+)=(?:"((?:[^"\\]|\\.)*)"|(\S+))""")]
    private static partial Regex Field();
}
