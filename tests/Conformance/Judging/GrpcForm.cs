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
        "sidecar_env", "daprd_died", "sent", "policy", "caller_resiliency", "callee_env", "flags", "ignore", "app", "request_headers",
    ];

    /// <summary>For reading, or free: moments and the number of connections.</summary>
    private static readonly HashSet<string> Free =
        [
            "note", "marks", "conn_no", "connections", "seconds", "attempts_at_second", "app_connections", "app_frames", "data_frames", "callee_seconds",
            "connections_before_second_call", "connections_after", "first_connection_frames", "started",
        ];

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

        foreach (var side in new[] { wanted, got }.Where(s => s["internal"] is JsonArray))
        {
            // The app's side of the recording is what the app saw.
            side["internal"] = new JsonArray([.. side["internal"]!.AsArray().Where(s => !IsToApp(s!)).Select(s => s!.DeepClone())]);
        }

        foreach (var half in new[] { "", "http", "grpc" })
        {
            GrpcAlignment.Broken(half.Length == 0 ? wanted : wanted[half] as JsonObject, half.Length == 0 ? got : got[half] as JsonObject);
        }

        GrpcAlignment.Ends(wanted["answer"] as JsonObject, got["answer"] as JsonObject);
        GrpcAlignment.Align(wanted, got, "");
        var (w, g) = (Normal(wanted, "")!.AsObject(), Normal(got, "")!.AsObject());
        GrpcAlignment.Texts(w, g);
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

    private static JsonNode? Normal(JsonNode? node, string key) => node switch
    {
        JsonObject o when key is "body" or "status" or "invoke_status" && TextOf(o) is { } text => new JsonObject { ["text"] = text },
        JsonObject o => new JsonObject(o.Where(p => !Free.Contains(p.Key) && p.Value is not null).Select(p => KeyValuePair.Create(p.Key, Normal(p.Value, p.Key)))),
        JsonArray a when key is "frames" or "frames_received" or "idle_connection_after" => Frames(a),
        JsonArray a when key == "calls" => Calls(a),
        JsonArray a when key == "messages" => Messages(Plain(a)),
        JsonArray a when key is "headers" or "trailers" or "trailers_only" && a.All(x => x is JsonArray { Count: 2 }) => Fields(a),
        JsonArray a => new JsonArray([.. a.Select(x => Normal(x, key))]),
        _ => node?.DeepClone(),
    };

    private static bool IsToApp(JsonNode stream) =>
        stream["request_wire"]!["headers"]!.AsArray().Any(f => f![0]!.GetValue<string>() == ":authority" && f[1]!.GetValue<string>().EndsWith(":9000", StringComparison.Ordinal));

    /// <summary>UTF-8 is text here; the http area writes it as bytes.</summary>
    private static string? TextOf(JsonObject body)
    {
        if (body["text"]?.GetValue<string>() is { } plain)
        {
            return plain.StartsWith("{\"code\":", StringComparison.Ordinal) ? Parsed(plain) : null;
        }

        if (body["b64"] is not { } base64)
        {
            return null;
        }

        var text = Parsed(Encoding.UTF8.GetString(Convert.FromBase64String(base64.GetValue<string>())));
        return text.Any(c => c == '\uFFFD' || (char.IsControl(c) && c is not ('\r' or '\n' or '\t'))) ? null : text;
    }

    /// <summary>JSON made of a gRPC status without its blanks, which differ between builds of daprd.</summary>
    private static string Parsed(string text)
    {
        try
        {
            return text.StartsWith('{') ? JsonNode.Parse(text)!.ToJsonString(PlainJson.Options) : text;
        }
        catch (System.Text.Json.JsonException)
        {
            return text;
        }
    }

    /// <summary>A graceful end may say GOAWAY twice (RFC 9113, 6.8).</summary>
    private static JsonArray Frames(JsonArray frames)
    {
        var result = new JsonArray();
        foreach (var frame in frames.Select(f => f!.GetValue<string>()).Where(f => f[0] == '<' && !FreeFrame().IsMatch(f)))
        {
            var isGoAway = frame.Contains("GOAWAY", StringComparison.Ordinal);
            var text = isGoAway ? FreeGoAway().Replace(frame, "").Trim() : FreeSetting().Replace(frame, "").TrimEnd(',', ' ');
            if (!isGoAway || result.LastOrDefault()?.GetValue<string>() != text)
            {
                result.Add((JsonNode)text);
            }
        }

        return result;
    }

    /// <summary>Calls of an app over some seconds: how many probes fall into them is chance.</summary>
    private static JsonArray Calls(JsonArray calls)
    {
        var result = new JsonArray();
        var hasProbe = false;
        foreach (var call in calls)
        {
            var one = Normal(call, "call")!.AsObject();
            one.Remove("connection");
            var isProbe = one["path"]?.ToString().EndsWith("/HealthCheck", StringComparison.Ordinal) == true;
            if (!isProbe || !hasProbe)
            {
                result.Add((JsonNode)one);
            }

            hasProbe |= isProbe;
        }

        return result;
    }

    /// <summary>Whether a message is packed is its sender's choice: who reads gzip reads plain messages too.</summary>
    private static JsonArray Plain(JsonArray messages) => new([.. messages.Select(m => (m is JsonObject o && o["compressed"] is { } plain ? plain : m)?.DeepClone())]);

    /// <summary>Without what Go's package says of its own packing.</summary>
    private static JsonArray Fields(JsonArray fields) => new([.. fields
        .Where(f => f![0]!.GetValue<string>() is not ("grpc-accept-encoding" or "grpc-encoding") || f[1]!.GetValue<string>() != "gzip")
        .Select(f => f!.DeepClone())]);

    /// <summary>Messages of the internal wire as their heads and one payload; <c>seq</c> counts from 0 without gaps, or it is told.</summary>
    private static JsonArray Messages(JsonArray messages)
    {
        var parts = messages.Select(m => m as JsonObject).ToList();
        if (!parts.Exists(p => p?["payload"] is not null) || parts.Exists(p => p is null || p["payload"]?["data"] is JsonObject d && d["b64"] is null))
        {
            return messages.DeepClone().AsArray();
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
}
