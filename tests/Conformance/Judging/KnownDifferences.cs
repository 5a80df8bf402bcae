using System.Text.Json.Nodes;

namespace FastSidecar.Conformance.Judging;

/// <summary>
/// A case that is known not to match, why, and perhaps what must be seen instead of the recording: <c>Expect</c> has path → value, what
/// replaces the recording's answer (a null value removes it).
/// </summary>
internal sealed record KnownDifference(string File, string Case, string Class, string Reason, JsonObject? Expect)
{
    /// <summary>Where a status, a call of the app or a body need not match: why no correct program sees it. Empty: none differs.</summary>
    public string Unseen { get; init; } = "";

    /// <summary>The recording as it would read for FastSidecar.</summary>
    public JsonObject Expected(JsonObject recorded)
    {
        var expected = recorded.DeepClone().AsObject();
        foreach (var (path, value) in Expect ?? [])
        {
            Set(expected, path.Split('.'), value);
        }

        return expected;
    }

    private static void Set(JsonNode node, string[] path, JsonNode? value)
    {
        foreach (var name in path.AsSpan(0, path.Length - 1))
        {
            node = (node is JsonArray array ? array[int.Parse(name, System.Globalization.CultureInfo.InvariantCulture)] : node[name])
                ?? throw new InvalidDataException($"no {name} in the recording to replace");
        }

        if (path[^1].EndsWith('-') || path[^1].EndsWith('+'))
        {
            ChangeFields(node[path[^1][..^1]]!.AsArray(), path[^1][^1], value!.AsArray());
        }
        else if (node is JsonArray list)
        {
            list[int.Parse(path[^1], System.Globalization.CultureInfo.InvariantCulture)] = value?.DeepClone();
        }
        else if (value is null)
        {
            node.AsObject().Remove(path[^1]);
        }
        else
        {
            node[path[^1]] = value.DeepClone();
        }
    }

    /// <summary><c>headers-</c> with names removes fields, <c>headers+</c> with [name, value] pairs adds some.</summary>
    private static void ChangeFields(JsonArray fields, char change, JsonArray value)
    {
        foreach (var entry in value)
        {
            if (change == '+')
            {
                fields.Add(entry!.DeepClone());
                continue;
            }

            foreach (var field in fields.Where(f => f![0]!.GetValue<string>().Equals(entry!.GetValue<string>(), StringComparison.OrdinalIgnoreCase)).ToList())
            {
                fields.Remove(field);
            }
        }
    }
}

/// <summary>The committed list of every case that does not match exactly.</summary>
internal sealed class KnownDifferences
{
    public const string OnPurpose = "on purpose";
    public const string NeedNotMatch = "need not match";
    public const string Later = "later";

    private readonly Dictionary<(string File, string Case), KnownDifference> _byCase = [];

    private KnownDifferences(IEnumerable<KnownDifference> all)
    {
        foreach (var difference in all)
        {
            if (!_byCase.TryAdd((difference.File, difference.Case), difference))
            {
                throw new InvalidDataException($"{difference.File} / {difference.Case} is listed twice");
            }
        }
    }

    public IReadOnlyCollection<KnownDifference> All => _byCase.Values;

    public KnownDifference? For(string file, string name) => _byCase.GetValueOrDefault((file, name));

    public static KnownDifferences Load(string path) => Parse(File.ReadAllText(path));

    /// <summary>
    /// The file is a list of groups with one reason: <c>file</c>, <c>class</c>, <c>reason</c>, <c>cases</c> (names, or objects with
    /// <c>name</c> and <c>expect</c>), an <c>expect</c> for all of them, and <c>unseen</c>.
    /// </summary>
    public static KnownDifferences Parse(string text)
    {
        var groups = JsonNode.Parse(text)!["differences"]!.AsArray();
        return new KnownDifferences(groups.SelectMany(g => Group(g!.AsObject())));
    }

    private static IEnumerable<KnownDifference> Group(JsonObject group)
    {
        foreach (var entry in group["cases"]!.AsArray())
        {
            var name = entry is JsonObject ? entry["name"]! : entry!;
            var expect = (entry as JsonObject)?["expect"] ?? group["expect"];
            yield return new KnownDifference(
                group["file"]!.GetValue<string>(),
                name.GetValue<string>(),
                group["class"]!.GetValue<string>(),
                group["reason"]!.GetValue<string>(),
                expect?.AsObject())
            {
                Unseen = group["unseen"]?.GetValue<string>() ?? "",
            };
        }
    }
}
