using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace FastSidecar.Tests.Api;

/// <summary>One case of <c>tests/Conformance/fixtures/http</c>: what a client sent to a real daprd, what the app saw, what came back.</summary>
internal sealed partial class RecordedCase
{
    /// <summary>What stands for the ports, addresses and names of the recording machine.</summary>
    public const string AppPort = "12345";
    public const string HostIp = "10.11.12.13";
    public const string HostName = "recorder";

    private readonly JsonElement _json;

    private RecordedCase(JsonElement json) => _json = json;

    public string Name => _json.GetProperty("name").GetString()!;

    /// <summary>The process that was asked.</summary>
    public string To => _json.TryGetProperty("to", out var to) ? to.GetString()! : "caller";

    /// <summary>What the client sent, one character a byte.</summary>
    public string Request => string.Concat(Steps(_json.GetProperty("request")));

    public string Verb => RequestLine[..RequestLine.IndexOf(' ')];

    public string Target => RequestLine[(RequestLine.IndexOf(' ') + 1)..RequestLine.LastIndexOf(' ')];

    public List<(string Name, string Value)> Headers => HeadersOf(Request);

    public string Body => Request[(Request.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..];

    /// <summary>The head of what the app answered; null when it gave its usual answer.</summary>
    public string? AppAnswer => _json.TryGetProperty("app", out var app)
        ? string.Concat(Steps(app[0].ValueKind == JsonValueKind.Array ? app[0] : app))
        : null;

    public bool AppWasCalled => AppRequests.Length > 0;

    /// <summary>The request as the app saw it; the first of several recordings when they differ.</summary>
    public (string RequestLine, List<(string Name, string Value)> Headers) AppSaw =>
        (Expand(AppRequests[0].GetProperty("request_line").GetString()!), Pairs(AppRequests[0].GetProperty("headers")));

    /// <summary>The final answer.</summary>
    public (int Status, List<(string Name, string Value)> Headers, string Body) Answer
    {
        get
        {
            var response = Outcome.GetProperty("responses").EnumerateArray().Last();
            return (response.GetProperty("status").GetInt32(), Pairs(response.GetProperty("headers")), BodyText(response.GetProperty("body")));
        }
    }

    private JsonElement Outcome => _json.TryGetProperty("variants", out var variants) && !_json.TryGetProperty("responses", out _) ? variants[0] : _json;

    private JsonElement[] AppRequests => Outcome.TryGetProperty("app_saw", out var saw) ? [.. saw.EnumerateArray()] : [];

    private string RequestLine => Request[..Request.IndexOf("\r\n", StringComparison.Ordinal)];

    public static IEnumerable<RecordedCase> Load(string group)
    {
        using var file = File.OpenRead(Path.Combine(AppContext.BaseDirectory, "fixtures", "http", group + ".json"));
        using var document = JsonDocument.Parse(file);
        return [.. document.RootElement.GetProperty("cases").EnumerateArray().Select(c => new RecordedCase(c.Clone()))];
    }

    public static RecordedCase Get(string group, string name) => Load(group).Single(c => c.Name == name);

    /// <summary>Rows for a theory: group and name, so that each case is a test of its own.</summary>
    public static IEnumerable<object[]> Rows(Func<RecordedCase, bool> filter, params string[] groups) =>
        groups.SelectMany(group => Load(group).Where(filter).Select(c => new object[] { group, c.Name }));

    public static List<(string Name, string Value)> HeadersOf(string message)
    {
        var head = message[..message.IndexOf("\r\n\r\n", StringComparison.Ordinal)];
        return
        [
            .. head.Split("\r\n").Skip(1).Select(line => (line[..line.IndexOf(':')], line[(line.IndexOf(':') + 1)..].Trim(' ', '\t'))),
        ];
    }

    public override string ToString() => Name;

    private static IEnumerable<string> Steps(JsonElement steps)
    {
        foreach (var step in steps.EnumerateArray())
        {
            if (step.TryGetProperty("text", out var text))
            {
                yield return Expand(text.GetString()!);
            }
            else if (step.TryGetProperty("b64", out var b64))
            {
                yield return Encoding.Latin1.GetString(b64.GetBytesFromBase64());
            }
        }
    }

    private static List<(string Name, string Value)> Pairs(JsonElement headers) =>
        [.. headers.EnumerateArray().Select(h => (h[0].GetString()!, Expand(h[1].GetString()!)))];

    private static string BodyText(JsonElement body) => body.TryGetProperty("text", out var text)
        ? Expand(text.GetString()!)
        : body.TryGetProperty("b64", out var b64) ? Encoding.UTF8.GetString(b64.GetBytesFromBase64()) : "";

    private static string Expand(string text) => Repeat()
        .Replace(text, m => new string(m.Groups[1].Value[0], int.Parse(m.Groups[2].Value, CultureInfo.InvariantCulture)))
        .Replace("{{APP_PORT}}", AppPort)
        .Replace("{{HOST_IP}}", HostIp)
        .Replace("{{HOST}}", HostName);

    [GeneratedRegex(@"\{\{(.)\*(\d+)\}\}")]
    private static partial Regex Repeat();
}
