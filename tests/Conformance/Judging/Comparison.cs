using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Http;

namespace FastSidecar.Conformance.Judging;

/// <summary>
/// Compares what a case did with what daprd did, by the classes of DESIGN.md §2: what need not match is dropped here for all cases, what
/// is left must be equal. The compared form of both sides is kept, so that a difference can be shown.
/// </summary>
internal sealed class Comparison
{
    /// <summary>In the answer of an on-purpose difference: the connection was closed or reset before the answer was whole.</summary>
    private const string Aborted = "aborted";

    private const double MarkSeconds = 0.3;

    /// <summary>Less than what any script waits for; being faster than that is no difference.</summary>
    private const double SoonerSeconds = 0.8;

    /// <summary>For reading, or compared on its own, wherever it stands.</summary>
    private static readonly HashSet<string> NeverAnswer = ["marks", "ms", "note", "start_after"];

    /// <summary>What was asked; the answer is the rest.</summary>
    private static readonly HashSet<string> NotAnswer =
    [
        "name", "request", "app", "to", "host", "at", "warm", "fresh", "timeout", "expect", "methods", "group",
        "variants", "ignore", "when", "before", "flags", "process", "in_flight", "h2_request_headers", "h2_request_body", "h2_request_trailers",
        "upgrade_request",
    ];

    // Go's client adds these when the caller sent none.
    private static readonly HashSet<(string Name, string Value)> AddedByGo =
        [("user-agent", "Go-http-client/1.1"), ("user-agent", "Go-http-client/2.0"), ("accept-encoding", "gzip")];

    private Comparison(JsonNode wanted, JsonNode got, bool equal, IReadOnlyList<JsonDifference> marks)
    {
        Wanted = wanted;
        Got = got;
        Matches = equal && marks.Count == 0;
        Differences = equal ? marks : [.. JsonDifference.Between(wanted, got), .. marks];
    }

    /// <summary>Nothing but what need not match differs.</summary>
    public bool Matches { get; }

    public JsonNode Wanted { get; }

    public JsonNode Got { get; }

    public IReadOnlyList<JsonDifference> Differences { get; }

    /// <param name="recorded">The case of the fixture, perhaps with the answer of an on-purpose difference in place of daprd's.</param>
    /// <param name="actual">What the replay saw.</param>
    /// <param name="compareMarks">Timing is the point of this case's file.</param>
    /// <param name="lateSeconds">So much later may everything be than it may be anyway.</param>
    public static Comparison Of(JsonObject recorded, JsonObject actual, bool compareMarks, double lateSeconds = 0)
    {
        var ignored = Ignored(recorded);
        IEnumerable<JsonObject> accepted = recorded["variants"] is JsonArray variants ? variants.Select(v => v!.AsObject()) : [recorded];
        Comparison? first = null;
        foreach (var wanted in accepted)
        {
            var want = Answer(wanted, ignored);
            var have = Answer(actual, ignored);
            if (recorded["variants"] is not null)
            {
                foreach (var name in have.Select(p => p.Key).Where(k => !want.ContainsKey(k)).ToList())
                {
                    have.Remove(name);
                }
            }

            var (w, g) = (Relaxed(want, ""), Relaxed(have, ""));
            DropUnsetContentType(w, g);
            Moments.Align(w, g, lateSeconds * 1000);
            Decompress(w, g);
            Align(w, g);
            AlignEnds(w, g);
            var isLetGo = EarlyRefusal.IsHalfClosedOrSilent(recorded) && actual["process_ended"] is null;
            var equal = isLetGo || JsonNode.DeepEquals(w, g) || EarlyRefusal.IsAllowed(recorded, actual);
            var comparison = new Comparison(w, g, equal, compareMarks && !isLetGo ? MarkDifferences(wanted, actual, lateSeconds) : []);
            if (comparison.Matches)
            {
                return comparison;
            }

            first ??= comparison;
        }

        return first!;
    }

    private static HashSet<string> Ignored(JsonObject recorded) =>
        recorded["ignore"] is JsonArray paths ? [.. paths.Select(p => p!.GetValue<string>())] : [];

    private static JsonObject Answer(JsonObject recorded, HashSet<string> ignored) => Strip(recorded, ignored, "")!.AsObject();

    private static JsonNode? Strip(JsonNode? node, HashSet<string> ignored, string path) => node switch
    {
        JsonObject o => new JsonObject(o
            .Where(p => !NeverAnswer.Contains(p.Key) && !(NotAnswer.Contains(p.Key) && IsCase(path)) && !ignored.Contains(Path(path, p.Key)))
            .Select(p => KeyValuePair.Create(p.Key, Strip(p.Value, ignored, Path(path, p.Key))))),
        JsonArray a => new JsonArray([.. a
            .Select((x, i) => (Node: x, Path: Path(path, i.ToString(System.Globalization.CultureInfo.InvariantCulture))))
            .Where(x => !ignored.Contains(x.Path))
            .Select(x => Strip(x.Node, ignored, x.Path))]),
        _ => node?.DeepClone(),
    };

    /// <summary>The case itself, or one of several clients in it.</summary>
    private static bool IsCase(string path) => path.Length == 0 || path.StartsWith("clients.", StringComparison.Ordinal);

    private static string Path(string parent, string name) => parent.Length == 0 ? name : $"{parent}.{name}";

    /// <summary>HTTP/2 SETTINGS that a peer can tell: how many streams, how large a header list. The others are frame and window sizes.</summary>
    private static readonly HashSet<string> SettingsThatMatter = ["3", "6"];

    /// <summary>Without reason phrases, the order of different header names, their letter case, Date and what Go's client adds.</summary>
    private static JsonNode Relaxed(JsonNode? node, string key) => node switch
    {
        JsonObject o when key == "settings" => new JsonObject(o.Where(p => SettingsThatMatter.Contains(p.Key)).OrderBy(p => p.Key).Select(p => KeyValuePair.Create(p.Key, p.Value?.DeepClone()))),
        JsonObject o => new JsonObject(o.Where(p => p.Key != "reason").Select(p => KeyValuePair.Create(p.Key, p.Value is null ? null : (JsonNode?)Relaxed(p.Value, p.Key)))),
        JsonArray a when key is "headers" or "trailers" or "trailers_only" && a.All(x => x is JsonArray { Count: 2 }) => new JsonArray([.. a
            .Select(x => (Name: x![0]!.GetValue<string>().ToLowerInvariant(), Value: x[1]!.GetValue<string>()))
            .Where(h => h.Name != "date" && !AddedByGo.Contains(h))
            .OrderBy(h => h.Name, StringComparer.Ordinal)
            .Select(h => new JsonArray(h.Name, h.Value))]),
        JsonArray { Count: > 0 } a when key == "upgrade_answer" => RelaxedHead(a),
        JsonArray a => new JsonArray([.. a.Select(x => x is null ? null : Relaxed(x, key))]),
        JsonValue v => v.DeepClone(),
        _ => throw new InvalidOperationException("a null is handled by the caller"),
    };

    /// <summary>The lines of a response head: its status and its fields.</summary>
    private static JsonArray RelaxedHead(JsonArray lines)
    {
        var texts = lines.Select(l => l!.GetValue<string>()).ToList();
        var fields = texts.Skip(1)
            .Select(l => $"{l.Split(':')[0].ToLowerInvariant()}:{l[(l.IndexOf(':') + 1)..]}")
            .Where(l => !l.StartsWith("date:", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal);
        return new JsonArray([string.Join(' ', texts[0].Split(' ').Take(2)), .. fields.Select(f => (JsonNode)f)]);
    }

    /// <summary>
    /// Go's server guesses a Content-Type that FastSidecar does not add: a 2xx or 3xx answer may lack it, and so may an error that is
    /// streamed from an app (Dapr gives a type to those that it buffers).
    /// </summary>
    private static void DropUnsetContentType(JsonNode wanted, JsonNode got)
    {
        foreach (var (w, g) in Answers(wanted, got))
        {
            if (Value(w, "content-type")?.StartsWith("application/grpc", StringComparison.Ordinal) == true)
            {
                continue;
            }

            var isGuessed = Status(w) is >= 200 and < 400
                || (Value(w, "content-length") is null && Value(w, "content-type")?.EndsWith("; charset=utf-8", StringComparison.Ordinal) == true);
            if (isGuessed && Value(g, "content-type") is null)
            {
                var headers = w["headers"]!.AsArray();
                foreach (var header in headers.Where(h => h![0]!.GetValue<string>() == "content-type").ToList())
                {
                    headers.Remove(header);
                }
            }
        }
    }

    /// <summary>
    /// Go's client asks apps for gzip when the caller did not, and unpacks what comes; FastSidecar neither asks nor unpacks. An answer
    /// whose packed body is the recorded one counts as that.
    /// </summary>
    private static void Decompress(JsonNode wanted, JsonNode got)
    {
        foreach (var (w, g) in Answers(wanted, got))
        {
            if (Value(w, "content-encoding") is null && Value(g, "content-encoding")?.ToLowerInvariant() == "gzip"
                && Bytes(w) is { } plain && Bytes(g) is { } packed && Unpacked(packed) is { } unpacked && plain.AsSpan().SequenceEqual(unpacked))
            {
                foreach (var answer in new[] { w, g })
                {
                    foreach (var field in answer["headers"]!.AsArray().Where(h => h![0]!.GetValue<string>() is "content-encoding" or "content-length" or "transfer-encoding").ToList())
                    {
                        answer["headers"]!.AsArray().Remove(field);
                    }

                    answer.Remove("framing");
                    answer["body"] = RecordedBody.Of(plain);
                }
            }
        }
    }

    private static byte[]? Bytes(JsonObject answer) => answer["body"] switch
    {
        JsonObject o when o["text"] is { } text => Encoding.Latin1.GetBytes(text.GetValue<string>()),
        JsonObject o when o["b64"] is { } base64 => Convert.FromBase64String(base64.GetValue<string>()),
        _ => null,
    };

    private static byte[]? Unpacked(byte[] packed)
    {
        try
        {
            using var gzip = new GZipStream(new MemoryStream(packed), CompressionMode.Decompress);
            var plain = new MemoryStream();
            gzip.CopyTo(plain);
            return plain.ToArray();
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    /// <summary>
    /// Makes equal what may differ: the wording after the part of a message that Dapr writes (and so the length of that text), and a
    /// length that the recording leaves open.
    /// </summary>
    private static void Align(JsonNode wanted, JsonNode got)
    {
        foreach (var (w, g) in Answers(wanted, got))
        {
            // A HEAD answer announces the length of a text that it does not carry.
            var isHeadError = Status(w) >= 400 && Text(w) == "" && Text(g) == "" && w["framing"]?.GetValue<string>() == "none";
            if (isHeadError || Value(w, "content-length") == "{{LENGTH}}")
            {
                OpenLength(w);
                OpenLength(g);
            }

            var (wantText, gotText) = (Text(w), Text(g));
            if (wantText is not null && gotText is not null && wantText != gotText && Wording.IsSame(wantText, gotText))
            {
                g["body"]!["text"] = wantText;
                OpenLength(w);
                OpenLength(g);
            }
        }
    }

    /// <summary>The texts of a server's own refusals, and the two ways an aborted answer ends.</summary>
    private static void AlignEnds(JsonNode wanted, JsonNode got)
    {
        foreach (var (w, g) in Answers(wanted, got).Where(p => EarlyRefusal.IsByServer(p.Wanted) && Status(p.Wanted) == Status(p.Got)))
        {
            foreach (var name in new[] { "headers", "body", "framing", "version" })
            {
                w.Remove(name);
                g.Remove(name);
            }
        }

        foreach (var (w, g) in new[] { (wanted, got), (wanted["client"], got["client"]) })
        {
            if (w is JsonObject && g is JsonObject && w["connection"]?.ToString() == Aborted && g["connection"]?.ToString() is "closed" or "reset")
            {
                g!["connection"] = Aborted;
            }
        }
    }

    /// <summary>Every answer (an object with a status, headers and a body) that stands at the same place of both sides.</summary>
    private static IEnumerable<(JsonObject Wanted, JsonObject Got)> Answers(JsonNode? wanted, JsonNode? got)
    {
        switch (wanted, got)
        {
            case (JsonObject w, JsonObject g):
                if (Status(w) is not null && Status(g) is not null)
                {
                    yield return (w, g);
                }

                foreach (var pair in w.Where(p => g[p.Key] is not null).SelectMany(p => Answers(p.Value, g[p.Key])).ToList())
                {
                    yield return pair;
                }

                break;
            case (JsonArray w, JsonArray g):
                foreach (var pair in w.Zip(g).SelectMany(p => Answers(p.First, p.Second)).ToList())
                {
                    yield return pair;
                }

                break;
            default:
                break;
        }
    }

    /// <summary>The status of an HTTP/1.1 or HTTP/2 answer; null for anything else.</summary>
    private static int? Status(JsonObject answer)
    {
        if (answer["headers"] is not JsonArray headers || !headers.All(h => h is JsonArray { Count: 2 }))
        {
            return null;
        }

        return answer["status"] is JsonValue status && status.TryGetValue<int>(out var code) ? code
            : int.TryParse(Value(answer, ":status"), out code) ? code
            : null;
    }

    private static string? Text(JsonObject answer) => (answer["body"] as JsonObject)?["text"]?.GetValue<string>();

    private static string? Value(JsonObject answer, string name) =>
        answer["headers"]!.AsArray().FirstOrDefault(h => h![0]!.GetValue<string>() == name)?[1]!.GetValue<string>();

    private static void OpenLength(JsonObject answer)
    {
        foreach (var header in answer["headers"]!.AsArray().Where(h => h![0]!.GetValue<string>() == "content-length"))
        {
            header![1] = "*";
        }
    }

    private static List<JsonDifference> MarkDifferences(JsonObject wanted, JsonObject actual, double lateSeconds)
    {
        List<JsonDifference> all = [.. Marks(wanted["marks"], actual["marks"], "marks", lateSeconds)];
        if (wanted["app_saw"] is JsonArray w && actual["app_saw"] is JsonArray g)
        {
            all.AddRange(w.Zip(g).SelectMany((pair, i) => Marks(pair.First!["marks"], pair.Second!["marks"], $"app_saw.{i}.marks", lateSeconds)));
        }

        return all;
    }

    private static IEnumerable<JsonDifference> Marks(JsonNode? wanted, JsonNode? got, string path, double lateSeconds)
    {
        if (wanted is not JsonObject w || got is not JsonObject g)
        {
            yield break;
        }

        foreach (var (name, value) in w)
        {
            if (value is JsonValue v && v.TryGetValue<double>(out var want) && g[name] is JsonValue other && other.TryGetValue<double>(out var have)
                && (have - want > Math.Max(MarkSeconds, want / 4) + lateSeconds || want - have > Math.Max(SoonerSeconds, want / 4)))
            {
                yield return new JsonDifference($"{path}.{name}", value.ToJsonString(), other.ToJsonString());
            }
        }
    }
}
