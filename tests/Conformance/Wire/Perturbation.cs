using System.Text;
using System.Text.Json.Nodes;

namespace FastSidecar.Conformance.Wire;

/// <summary>
/// Changes how the bytes of a recorded case arrive, and nothing else: what client and app see must not depend on it. The steps of a script
/// are rewritten; a case always gets the same cuts for the same seed.
/// </summary>
internal sealed class Perturbation
{
    public const string Names = "split, bytes, join, app-split, app-bytes, app-parts, app-join, keep-alive, pipeline, http2";

    /// <summary>A head is seldom longer; what follows goes out whole.</summary>
    private const int MostSingleBytes = 600;

    private const int MostCuts = 6;
    private const int MostParts = 24;
    private readonly HashSet<string> _modes;
    private readonly int _seed;

    private Perturbation(IEnumerable<string> modes, int seed)
    {
        _modes = [.. modes];
        _seed = seed;
    }

    public static Perturbation None { get; } = new([], 0);

    public bool IsNone => _modes.Count == 0;

    /// <summary>Cases follow each other on one client connection for as long as it stays open.</summary>
    public bool KeepsAlive => _modes.Contains("keep-alive");

    /// <summary>The request of the case before stands in front of a case's own, in the same write.</summary>
    public bool Pipelines => _modes.Contains("pipeline");

    /// <summary>Requests that HTTP/2 can carry are sent with prior knowledge.</summary>
    public bool IsHttp2 => _modes.Contains("http2");

    /// <param name="text">Names from <see cref="Names"/>, joined with commas, and perhaps <c>@seed</c>.</param>
    public static Perturbation Parse(string text)
    {
        var parts = text.Split('@');
        var modes = parts[0].Split(',');
        var unknown = modes.Except(Names.Split(", ")).ToList();
        return unknown.Count == 0
            ? new Perturbation(modes, parts.Length > 1 ? int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture) : 0)
            : throw new ArgumentException($"unknown perturbation {string.Join(", ", unknown)}; there are {Names}");
    }

    /// <summary>The client's steps of a case.</summary>
    public JsonArray Client(string name, JsonArray steps) => Rewritten(name, steps, "");

    /// <summary>The app's script of a case: steps, or a list of steps for each request.</summary>
    public JsonArray? App(string name, JsonArray? script) => script switch
    {
        { Count: > 0 } when script[0] is JsonArray => new JsonArray([.. script.Select(s => Rewritten(name, s!.AsArray(), "app-"))]),
        { Count: > 0 } => Rewritten(name, script, "app-"),
        _ => script,
    };

    private JsonArray Rewritten(string name, JsonArray steps, string side)
    {
        var random = new Random(name.Aggregate(_seed, (hash, c) => (hash * 31) + c));
        var source = _modes.Contains(side + "join") ? Joined(steps) : steps.Select(s => s!.AsObject());
        return new JsonArray([.. source.SelectMany(s => Cut(s))]);

        IEnumerable<JsonNode> Cut(JsonObject step)
        {
            if (Bytes(step) is not { } bytes)
            {
                return [step.DeepClone()];
            }

            return _modes.Contains(side + "bytes") ? Pieces(bytes, Enumerable.Range(1, Math.Min(bytes.Length, MostSingleBytes)), () => 1)
                : _modes.Contains(side + "split") ? Pieces(bytes, Enumerable.Range(0, MostCuts).Select(_ => random.Next(bytes.Length)), () => random.Next(5, 25))
                : _modes.Contains(side + "parts") ? Pieces(bytes, Boundaries(bytes), () => 20)
                : [step.DeepClone()];
        }
    }

    private static byte[]? Bytes(JsonObject step) => step["text"] is { } text ? Encoding.Latin1.GetBytes(text.GetValue<string>())
        : step["b64"] is { } base64 ? Convert.FromBase64String(base64.GetValue<string>())
        : null;

    private static JsonObject Send(byte[] bytes) => new() { ["b64"] = Convert.ToBase64String(bytes) };

    private static IEnumerable<JsonNode> Pieces(byte[] bytes, IEnumerable<int> cuts, Func<int> pauseMs)
    {
        var start = 0;
        foreach (var cut in cuts.Where(c => c > 0 && c < bytes.Length).Distinct().Order().Append(bytes.Length))
        {
            if (start > 0)
            {
                yield return new JsonObject { ["sleep"] = pauseMs() / 1000.0 };
            }

            yield return Send(bytes[start..cut]);
            start = cut;
        }
    }

    /// <summary>Behind the head, and behind every line after it: where chunk sizes, chunks and events end.</summary>
    private static IEnumerable<int> Boundaries(byte[] bytes)
    {
        var head = bytes.AsSpan().StartsWith("HTTP/"u8) ? bytes.AsSpan().IndexOf("\r\n\r\n"u8) + 4 : 0;
        return Enumerable.Range(head, bytes.Length - head).Where(i => i == head || bytes[i - 1] == '\n').Take(MostParts).ToList();
    }

    /// <summary>What was sent separately, perhaps with pauses between, in one write.</summary>
    private static IEnumerable<JsonObject> Joined(JsonArray steps)
    {
        var held = new List<byte>();
        foreach (var step in steps.Select(s => s!.AsObject()))
        {
            if (Bytes(step) is { } bytes)
            {
                held.AddRange(bytes);
                continue;
            }

            if (step.ContainsKey("sleep") && held.Count > 0)
            {
                continue;
            }

            if (held.Count > 0)
            {
                yield return Send([.. held]);
                held.Clear();
            }

            yield return step;
        }

        if (held.Count > 0)
        {
            yield return Send([.. held]);
        }
    }
}
