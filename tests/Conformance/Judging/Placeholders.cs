using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace FastSidecar.Conformance.Judging;

/// <summary>
/// Both directions of the fixtures' placeholders: <c>{{APP_PORT}}</c> in requests, scripts and resources becomes this run's value before
/// it is used, and the values in what was seen become placeholders again.
/// </summary>
internal sealed partial class Placeholders
{
    private const int SqueezeFrom = 200;
    private readonly Dictionary<string, string> _values = [];
    private readonly List<(string Literal, string Placeholder)> _literals = [];
    private readonly string _hostIp;

    [GeneratedRegex(@"\{\{([A-Za-z])\*(\d+)\}\}")]
    private static partial Regex Run();

    [GeneratedRegex(@"([A-Za-z])\1{199,}")]
    private static partial Regex LongRun();

    // Dates of the past are literal: a case's app sent them.
    [GeneratedRegex(@"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} 20(?:2[5-9]|[3-9]\d) \d\d:\d\d:\d\d GMT")]
    private static partial Regex CurrentDate();

    [GeneratedRegex(@"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")]
    private static partial Regex Time();

    private readonly Regex _ephemeral;

    public Placeholders(string hostIp, string host, string folder)
    {
        _hostIp = hostIp;
        _ephemeral = new Regex($@"\b(127\.0\.0\.1|\[::1\]|{Regex.Escape(hostIp)}):[3-6]\d{{4}}(?=-(?:>|\\u003e))", RegexOptions.None, TimeSpan.FromSeconds(5));
        Add("HOST_IP", hostIp);
        Add("HOST", host);
        Add("TMP", folder);
    }

    public void Add(string name, string value)
    {
        _values[name] = value;
        _literals.Add((value, $"{{{{{name}}}}}"));
        _literals.Sort((a, b) => b.Literal.Length.CompareTo(a.Literal.Length));
    }

    public void Add(string name, int value) => Add(name, value.ToString(CultureInfo.InvariantCulture));

    public string Fill(string text)
    {
        text = Run().Replace(text, m => new string(m.Groups[1].Value[0], int.Parse(m.Groups[2].Value, CultureInfo.InvariantCulture)));
        if (!text.Contains("{{", StringComparison.Ordinal))
        {
            return text;
        }

        foreach (var (name, value) in _values)
        {
            text = text.Replace($"{{{{{name}}}}}", value, StringComparison.Ordinal);
        }

        return text;
    }

    public JsonArray? Fill(JsonNode? steps) => JsonText.Map(steps, Fill)?.AsArray();

    public JsonObject Seen(JsonObject result) => JsonText.Map(result, Seen)!.AsObject();

    public string Seen(string text)
    {
        text = CurrentDate().Replace(text, "{{DATE}}");
        text = _ephemeral.Replace(text, "$1:{{EPHEMERAL}}");
        text = Time().Replace(text, "{{TIME}}");
        foreach (var (literal, placeholder) in _literals)
        {
            text = text.Replace(literal, placeholder, StringComparison.Ordinal);
        }

        return text.Length < SqueezeFrom ? text : LongRun().Replace(text, m => $"{{{{{m.Value[0]}*{m.Length}}}}}").Replace(_hostIp, "{{HOST_IP}}", StringComparison.Ordinal);
    }
}
