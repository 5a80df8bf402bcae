using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace FastSidecar.Conformance.Judging;

/// <summary>
/// Brings a recorded gRPC case and its replay into a form in which what need not match is gone: how bodies are cut into messages, frames that only
/// carry windows or ask whether one is there, numbers of connections, moments, texts of Go's own packages (fixtures README, "What to compare").
/// The rest goes through <see cref="Comparison"/> as for every file.
/// </summary>
internal static partial class GrpcForm
{
    /// <summary>Replayed with the http area's steps, and in its form already.</summary>
    private static readonly HashSet<string> InHttpForm = ["grpc/wire-http", "grpc/wire-idle", "grpc/wire-slowbody"];

    /// <summary>What was asked.</summary>
    private static readonly HashSet<string> Question =
    [
        "steps", "app_kind", "callee", "grpc_request", "metadata", "request", "request_gz", "request_abandon", "request_ct", "request_type", "path", "called_on",
        "sidecar_env", "daprd_died", "sent", "policy", "caller_resiliency", "callee_env", "flags", "ignore", "app",
    ];

    /// <summary>For reading, or free: moments and the number of connections.</summary>
    private static readonly HashSet<string> Free =
        ["note", "marks", "conn_no", "connections", "seconds", "attempts_at_second", "app_connections", "app_frames", "data_frames", "callee_seconds"];

    [GeneratedRegex(@"^< (WINDOW_UPDATE s\d+ .*|PING s0)$")]
    private static partial Regex FreeFrame();

    [GeneratedRegex(@"(last=\d+ |'.*'$)")]
    private static partial Regex FreeGoAway();

    // A limit of streams that no caller reaches is as good as none.
    [GeneratedRegex(@"(MAX_CONCURRENT_STREAMS=\d{3}|MAX_FRAME_SIZE|INITIAL_WINDOW_SIZE|HEADER_TABLE_SIZE|ENABLE_PUSH)=?\d+,?")]
    private static partial Regex FreeSetting();

    public static bool Applies(string file) => file.StartsWith("grpc/", StringComparison.Ordinal) && !InHttpForm.Contains(file);

    /// <summary>Both sides in the compared form, without what was asked.</summary>
    public static (JsonObject Wanted, JsonObject Got) Of(JsonObject recorded, JsonObject actual)
    {
        var (wanted, got) = (recorded.DeepClone().AsObject(), actual.DeepClone().AsObject());
        foreach (var path in recorded["ignore"] as JsonArray ?? [])
        {
            Ignore(wanted, path!.GetValue<string>().Split('.'));
            Ignore(got, path.GetValue<string>().Split('.'));
        }

        foreach (var name in Question)
        {
            wanted.Remove(name);
            got.Remove(name);
        }

        AlignEnds(wanted["answer"] as JsonObject, got["answer"] as JsonObject);
        Align(wanted, got, "");
        var (w, g) = (Normal(wanted, "")!.AsObject(), Normal(got, "")!.AsObject());
        AlignTexts(w, g);
        return (w, g);
    }

    private static void Ignore(JsonNode? node, string[] path)
    {
        foreach (var name in path.AsSpan(0, path.Length - 1))
        {
            node = node switch
            {
                JsonObject o => o[name],
                JsonArray a when int.Parse(name, CultureInfo.InvariantCulture) is var i && i < a.Count => a[i],
                _ => null,
            };
        }

        if (node is JsonObject parent)
        {
            parent.Remove(path[^1]);
        }
        else if (node is JsonArray list && int.Parse(path[^1], CultureInfo.InvariantCulture) is var i && i < list.Count)
        {
            list[i] = "{{ignored}}";
        }
    }

    /// <summary>A client of no sense is let go: whether a GOAWAY says why, and whether bytes of it were left unread, is nobody's matter.</summary>
    private static void AlignEnds(JsonObject? wanted, JsonObject? got)
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

    private static bool IsEnded(JsonObject answer) => answer["connection"]?.GetValue<string>() is "closed" or "reset";

    /// <summary>What one side says more than the other because it was noted, not because it was so.</summary>
    private static void Align(JsonNode? wanted, JsonNode? got, string key)
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

                if (w["note"]?.ToString().Contains("RST_STREAM", StringComparison.Ordinal) == true && w["reset"] is null)
                {
                    g.Remove("reset");
                }

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

    private static JsonNode? Normal(JsonNode? node, string key) => node switch
    {
        JsonObject o => new JsonObject(o.Where(p => !Free.Contains(p.Key) && p.Value is not null).Select(p => KeyValuePair.Create(p.Key, Normal(p.Value, p.Key)))),
        JsonArray a when key is "frames" or "frames_received" => Frames(a),
        JsonArray a when key == "messages" => Messages(a),
        JsonArray a => new JsonArray([.. a.Select(x => Normal(x, key))]),
        _ => node?.DeepClone(),
    };

    private static JsonArray Frames(JsonArray frames) => new([.. frames
        .Select(f => f!.GetValue<string>())
        .Where(f => !FreeFrame().IsMatch(f))
        .Select(f => f.Contains("GOAWAY", StringComparison.Ordinal) ? FreeGoAway().Replace(f, "").Trim() : FreeSetting().Replace(f, "").TrimEnd(',', ' '))
        .Select(f => (JsonNode)f)]);

    /// <summary>Messages of the internal wire as their heads and one payload; <c>seq</c> counts from 0 without gaps, or it is told.</summary>
    private static JsonArray Messages(JsonArray messages)
    {
        var parts = messages.Select(m => m as JsonObject).ToList();
        if (!parts.Exists(p => p?["payload"] is not null) || parts.Exists(p => p is null || p["payload"]?["data"] is JsonObject d && d["b64"] is null))
        {
            return new JsonArray([.. messages.Select(m => m is JsonObject o && o["compressed"] is { } inner ? new JsonObject { ["compressed"] = inner.DeepClone() } : m?.DeepClone())]);
        }

        var heads = new JsonArray();
        var payload = new List<byte>();
        var expected = 0L;
        foreach (var part in parts)
        {
            var head = part!.DeepClone().AsObject();
            head.Remove("payload");
            if (head.Count > 0)
            {
                heads.Add((JsonNode)head);
            }

            if (part["payload"] is JsonObject piece)
            {
                payload.AddRange(Bytes(piece["data"]));
                if ((piece["seq"]?.GetValue<long>() ?? 0) != expected++)
                {
                    heads.Add((JsonNode)"seq has gaps");
                }
            }
        }

        heads.Add((JsonNode)new JsonObject { ["payload"] = Encoding.Latin1.GetString([.. payload]) });
        return heads;
    }

    private static byte[] Bytes(JsonNode? data) => data switch
    {
        null => [],
        JsonObject o => Convert.FromBase64String(o["b64"]!.GetValue<string>()),
        _ => Encoding.UTF8.GetBytes(data.GetValue<string>()),
    };

    /// <summary>Status messages that say the same, in header fields and in messages.</summary>
    private static void AlignTexts(JsonNode? wanted, JsonNode? got)
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
                    AlignTexts(x, y);
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
                        AlignTexts(value, g[name]);
                    }
                }

                break;
            default:
                break;
        }
    }
}
