using System.Text.Json.Nodes;

namespace FastSidecar.Conformance.Replay;

/// <summary>A case whose request stands behind that of another one, in the same write; the answer to the first is taken away again.</summary>
internal static class PipelinedCase
{
    /// <summary>
    /// Whether another request can follow: one request in one piece, one answer, a connection that stays, one call of the app. Not HEAD: some
    /// scripted apps send a body after it, which would stand before the next answer.
    /// </summary>
    public static bool CanBeFirst(JsonObject recorded) =>
        recorded["connection"]?.GetValue<string>() == "open" && recorded["request"] is JsonArray { Count: 1 } request && request[0]!["text"] is not null
        && recorded["responses"] is JsonArray { Count: 1 } && recorded["app_saw"] is JsonArray { Count: 1 } && recorded["methods"] is null
        && Method(recorded) != "HEAD" && IsPlainScript(recorded) && CanFollow(recorded, recorded);

    public static bool CanFollow(JsonObject first, JsonObject recorded) =>
        JsonNode.DeepEquals(first["to"], recorded["to"]) && JsonNode.DeepEquals(first["host"], recorded["host"]) && recorded["at"] is null
        && recorded["warm"] is null && recorded["request"]?[0]?["text"] is not null && recorded["methods"] is null && recorded["variants"] is null;

    /// <summary>Both cases as one.</summary>
    public static JsonObject Of(JsonObject first, JsonObject recorded)
    {
        var both = recorded.DeepClone().AsObject();
        both["request"]![0]!["text"] = Text(first) + Text(recorded);
        both["methods"] = new JsonArray(Method(first), Method(recorded));
        both["expect"] = 1 + (recorded["expect"]?.GetValue<int>() ?? 1);
        both["app"] = recorded["app"] is JsonArray { Count: > 0 } own && own[0] is JsonArray
            ? new JsonArray([Script(first), .. own.Select(s => s!.DeepClone())])
            : new JsonArray(Script(first), Script(recorded));
        both["app_saw"]?.AsArray().Insert(0, new JsonObject());
        return both;
    }

    /// <summary>Takes the first answer and the first call of the app out of what was seen.</summary>
    public static void RemoveFirst(JsonObject answer)
    {
        var responses = answer["responses"]!.AsArray();
        var wasInterim = true;
        while (wasInterim && responses.Count > 0)
        {
            wasInterim = responses[0]!["interim"] is not null;
            responses.RemoveAt(0);
        }

        if (answer["app_saw"] is JsonArray { Count: > 0 } seen)
        {
            seen.RemoveAt(0);
        }
    }

    private static bool IsPlainScript(JsonObject recorded) =>
        recorded["app"] is null || (recorded["app"] is JsonArray script && script.All(s => s is JsonObject step && (step["text"] is not null || step["b64"] is not null)));

    private static string Text(JsonObject recorded) => recorded["request"]![0]!["text"]!.GetValue<string>();

    private static string Method(JsonObject recorded) => Text(recorded).Split(' ')[0];

    private static JsonArray Script(JsonObject recorded) => recorded["app"] is JsonArray { Count: > 0 } script
        ? script.DeepClone().AsArray()
        : [new JsonObject { ["text"] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok" }];
}
