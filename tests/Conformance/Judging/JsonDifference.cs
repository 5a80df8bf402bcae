using System.Text.Json.Nodes;

namespace FastSidecar.Conformance.Judging;

/// <summary>One place where two recordings differ; null stands for "absent".</summary>
internal sealed record JsonDifference(string Path, string? Wanted, string? Got)
{
    public static IEnumerable<JsonDifference> Between(JsonNode? wanted, JsonNode? got, string path = "")
    {
        if (JsonNode.DeepEquals(wanted, got))
        {
            return [];
        }

        return (wanted, got) switch
        {
            (JsonObject w, JsonObject g) => Objects(w, g, path),
            (JsonArray w, JsonArray g) when IsHeaderList(path) => HeaderLists(w, g, path),
            (JsonArray w, JsonArray g) when w.Count == g.Count => w.Zip(g).SelectMany((pair, i) => Between(pair.First, pair.Second, $"{path}.{i}")),
            _ => [new JsonDifference(path, Text(wanted), Text(got))],
        };
    }

    private static bool IsHeaderList(string path) => path.EndsWith("headers", StringComparison.Ordinal) || path.EndsWith("trailers", StringComparison.Ordinal)
        || path.EndsWith("trailers_only", StringComparison.Ordinal);

    private static IEnumerable<JsonDifference> Objects(JsonObject wanted, JsonObject got, string path)
    {
        foreach (var name in wanted.Select(p => p.Key).Union(got.Select(p => p.Key)))
        {
            foreach (var difference in Between(wanted[name], got[name], path.Length == 0 ? name : $"{path}.{name}"))
            {
                yield return difference;
            }
        }
    }

    private static IEnumerable<JsonDifference> HeaderLists(JsonArray wanted, JsonArray got, string path)
    {
        var missing = wanted.Where(w => !got.Any(g => JsonNode.DeepEquals(w, g))).Select(w => new JsonDifference(path, Text(w), null));
        var added = got.Where(g => !wanted.Any(w => JsonNode.DeepEquals(w, g))).Select(g => new JsonDifference(path, null, Text(g)));
        List<JsonDifference> all = [.. missing, .. added];
        return all.Count > 0 ? all : [new JsonDifference($"{path} (order or number)", Text(wanted), Text(got))];
    }

    private static string? Text(JsonNode? node) => node?.ToJsonString(PlainJson.Options);
}
