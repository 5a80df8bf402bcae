using System.Text.Json.Nodes;

namespace FastSidecar.Conformance.Judging;

/// <summary>Rewrites the strings of a recording, apart from encoded bytes and hashes.</summary>
internal static class JsonText
{
    public static JsonNode? Map(JsonNode? node, Func<string, string> rewrite) => node switch
    {
        JsonObject o => new JsonObject(o.Select(p => KeyValuePair.Create(p.Key, p.Key is "b64" or "sha256" ? p.Value?.DeepClone() : Map(p.Value, rewrite)))),
        JsonArray a => new JsonArray([.. a.Select(x => Map(x, rewrite))]),
        JsonValue v when v.TryGetValue<string>(out var text) => JsonValue.Create(rewrite(text)),
        _ => node?.DeepClone(),
    };
}
