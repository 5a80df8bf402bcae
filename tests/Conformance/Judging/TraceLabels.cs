using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace FastSidecar.Conformance.Judging;

/// <summary>
/// Ids that a sidecar made up become <c>{{TRACE_n}}</c> and <c>{{SPAN_n}}</c>, numbered by first appearance (client's responses first,
/// then the app's requests); ids of the case's own script stay, apart from the trace id that the client sent with another span.
/// </summary>
internal static partial class TraceLabels
{
    [GeneratedRegex("00-([0-9a-f]{32})-([0-9a-f]{16})-")]
    private static partial Regex TraceParent();

    public static JsonObject Apply(JsonObject recorded, JsonObject actual)
    {
        var script = $"{recorded["request"]?.ToJsonString()}{recorded["app"]?.ToJsonString()}";
        var labels = new Dictionary<string, string>();
        var result = new JsonObject();
        foreach (var name in new[] { "responses", "app_saw" }.Concat(actual.Select(p => p.Key)).Distinct())
        {
            if (actual.ContainsKey(name))
            {
                result[name] = JsonText.Map(actual[name], text => TraceParent().Replace(text, Label));
            }
        }

        return result;

        string Label(Match match)
        {
            var (trace, span) = (match.Groups[1].Value, match.Groups[2].Value);
            if (script.Contains(match.Value, StringComparison.Ordinal) || trace.All(c => c == '0'))
            {
                return match.Value;
            }

            var traceLabel = script.Contains(trace, StringComparison.Ordinal) ? "{{CLIENT_TRACE_ID}}" : LabelOf(trace, "TRACE");
            return $"00-{traceLabel}-{LabelOf(span, "SPAN")}-";
        }

        string LabelOf(string id, string kind)
        {
            if (!labels.TryGetValue(id, out var label))
            {
                label = $"{{{{{kind}_{labels.Values.Count(l => l.Contains(kind, StringComparison.Ordinal)) + 1}}}}}";
                labels[id] = label;
            }

            return label;
        }
    }
}
