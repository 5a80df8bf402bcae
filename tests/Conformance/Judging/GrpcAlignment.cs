using System.Text.Json.Nodes;

namespace FastSidecar.Conformance.Judging;

/// <summary>What a recorded gRPC case and its replay may say differently at the same place: the replay then gets the recording's words.</summary>
internal static class GrpcAlignment
{
    /// <summary>A client of no sense is let go: whether a GOAWAY says why, and whether bytes of it were left unread, is nobody's matter.</summary>
    public static void Ends(JsonObject? wanted, JsonObject? got)
    {
        var key = wanted?["frames"] is not null ? "frames" : "frames_received";
        if (wanted?[key] is not JsonArray || got?[key] is not JsonArray || !IsEnded(wanted) || !IsEnded(got))
        {
            return;
        }

        got["connection"] = wanted["connection"]!.DeepClone();
        foreach (var side in new[] { wanted, got })
        {
            side[key] = new JsonArray([.. side[key]!.AsArray().Where(f => !f!.GetValue<string>().Contains("GOAWAY", StringComparison.Ordinal)).Select(f => f!.DeepClone())]);
        }
    }

    /// <summary>A call that the recorded app only saw break off need not have begun: whether it does hangs on how the bytes of a broken request arrive.</summary>
    public static void Broken(JsonObject? wanted, JsonObject? got)
    {
        if (wanted?["app_saw"] is not JsonArray { Count: > 0 } calls || got?["app_saw"] is not JsonArray seen || !calls.All(IsBroken) || !seen.All(IsBroken))
        {
            return;
        }

        if (seen.Count == 0)
        {
            got["app_saw"] = calls.DeepClone();
        }

        foreach (var (call, other) in calls.Zip(seen))
        {
            other!["body"] = call!["body"]?.DeepClone();
        }
    }

    private static bool IsBroken(JsonNode? call) => call!["incomplete"]?.GetValue<bool>() == true;

    private static bool IsEnded(JsonObject answer) => answer["connection"]?.GetValue<string>() is "closed" or "reset";

    /// <summary>What one side says more than the other because it was noted, not because it was so.</summary>
    public static void Align(JsonNode? wanted, JsonNode? got, string key)
    {
        switch (wanted, got)
        {
            case (JsonObject w, JsonObject g):
                if (key == "attempts")
                {
                    // Short records have the number of messages in place of the messages.
                    foreach (var name in g.Select(p => p.Key).Where(k => k is "headers" or "messages" or "message_count" && !w.ContainsKey(k)).ToList())
                    {
                        g.Remove(name);
                    }
                }

                AlignResets(w, g);
                AlignEmptyBody(w, g);

                foreach (var (name, value) in w.ToList())
                {
                    if (name is "at_second" or "connected_at_second")
                    {
                        AlignSeconds(w, g, name);
                    }
                    else
                    {
                        Align(value, g[name], name);
                    }
                }

                break;
            case (JsonArray w, JsonArray g):
                foreach (var (x, y) in w.Zip(g))
                {
                    Align(x, y, key);
                }

                break;
            default:
                break;
        }
    }

    /// <summary>
    /// A call that was given up after its whole request is not always noted as such, and which code a caller gives up with that has its answer is
    /// its own matter.
    /// </summary>
    private static void AlignResets(JsonObject wanted, JsonObject got)
    {
        if (wanted["end"]?.ToString() == "half-closed" && wanted["reset"] is null)
        {
            got.Remove("reset");
        }

        if (wanted["end"]?.ToString() == "reset NO_ERROR" && got["end"]?.ToString() is "reset CANCEL" or "open")
        {
            got["end"] = "reset NO_ERROR";
        }
    }

    /// <summary>Content-Length: 0, or an empty chunked body when the end comes later than the head.</summary>
    private static void AlignEmptyBody(JsonObject wanted, JsonObject got)
    {
        if (!IsEmptyBody(wanted) || !IsEmptyBody(got) || wanted["headers"] is not JsonArray || got["headers"] is not JsonArray
            || wanted["framing"]?.ToString() == got["framing"]?.ToString() || wanted["status"] is null)
        {
            return;
        }

        foreach (var side in new[] { wanted, got })
        {
            side.Remove("framing");
            side["headers"] = new JsonArray([.. side["headers"]!.AsArray()
                .Where(h => h![0]!.GetValue<string>().ToLowerInvariant() is not ("content-length" or "transfer-encoding"))
                .Select(h => h!.DeepClone())]);
        }
    }

    private static bool IsEmptyBody(JsonObject answer) =>
        (answer["body"] as JsonObject)?["text"]?.GetValue<string>() == "" && answer["framing"]?.ToString() is "length" or "chunked" && answer["incomplete"] is null;

    /// <summary>Whole seconds, cut off: the neighbours of a second are it.</summary>
    private static void AlignSeconds(JsonObject wanted, JsonObject got, string name)
    {
        var (w, g) = (Seconds(wanted[name]), Seconds(got[name]));
        if (w.Count == g.Count && w.Zip(g).All(p => Math.Abs(p.First - p.Second) <= 1))
        {
            got[name] = wanted[name]!.DeepClone();
        }
    }

    private static List<int> Seconds(JsonNode? node) => node switch
    {
        JsonArray a => [.. a.Select(n => n!.GetValue<int>())],
        JsonValue v => [v.GetValue<int>()],
        _ => [],
    };

    /// <summary>Status messages that say the same, in header fields and in messages.</summary>
    public static void Texts(JsonNode? wanted, JsonNode? got)
    {
        switch (wanted, got)
        {
            case (JsonArray { Count: 2 } w, JsonArray { Count: 2 } g) when w[0] is JsonValue name && name.ToString() == "grpc-message" && g[0]?.ToString() == "grpc-message":
                if (Wording.IsSameMessage(Uri.UnescapeDataString(w[1]!.GetValue<string>()), Uri.UnescapeDataString(g[1]!.GetValue<string>())))
                {
                    g[1] = w[1]!.DeepClone();
                }

                break;
            case (JsonArray w, JsonArray g):
                foreach (var (x, y) in w.Zip(g))
                {
                    Texts(x, y);
                }

                break;
            case (JsonObject w, JsonObject g):
                foreach (var (name, value) in w.ToList())
                {
                    if (name == "message" && value is JsonValue x && x.TryGetValue<string>(out var text) && g[name] is JsonValue y && y.TryGetValue<string>(out var other)
                        && Wording.IsSameMessage(text, other))
                    {
                        g[name] = text;
                    }
                    else
                    {
                        Texts(value, g[name]);
                    }
                }

                break;
            default:
                break;
        }
    }
}
