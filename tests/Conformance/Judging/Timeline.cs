using System.Text.Json.Nodes;

namespace FastSidecar.Conformance.Judging;

/// <summary>
/// What was seen at moments, recorded as [ms, value] where the value changed. Moments are rounded and samples lie 100 ms apart, so only what
/// holds for longer than that is compared.
/// </summary>
internal static class Timeline
{
    private const double ToleranceMs = 300;
    private const double Share = 0.25;

    /// <param name="recorded">Pairs of moment (ms) and value.</param>
    /// <param name="samples">Every sample that was taken, in order.</param>
    /// <param name="endMs">The recording says nothing about the time after this, unless its last value is a refusal.</param>
    /// <returns>The recorded list when the samples agree with it, else the list of what was seen.</returns>
    public static JsonArray AgreedOrSeen(JsonArray recorded, IReadOnlyList<(double Ms, JsonNode Value)> samples, double endMs)
    {
        for (var i = 0; i < recorded.Count; i++)
        {
            var start = recorded[i]![0]!.GetValue<double>();
            var value = recorded[i]![1]!;
            var end = i + 1 < recorded.Count ? recorded[i + 1]![0]!.GetValue<double>() : IsRefusal(value) ? double.MaxValue : endMs;
            var (from, to) = (start + Tolerance(start), end == double.MaxValue ? end : end - Tolerance(end));
            if (samples.Any(s => s.Ms >= from && s.Ms <= to && !IsEqual(value, s.Value)))
            {
                return Changes(samples);
            }
        }

        return recorded.DeepClone().AsArray();
    }

    private static double Tolerance(double ms) => Math.Max(ToleranceMs, ms * Share);

    private static bool IsRefusal(JsonNode value) => value is JsonValue v && v.TryGetValue<string>(out var text) && text.StartsWith("refused", StringComparison.Ordinal);

    /// <summary>A recorded status alone leaves the body open; texts differ in what Dapr does not write.</summary>
    private static bool IsEqual(JsonNode recorded, JsonNode seen) => (recorded, seen) switch
    {
        (JsonArray r, JsonArray s) => r[0]!.GetValue<int>() == s[0]!.GetValue<int>() && Wording.IsSame(r[1]!.GetValue<string>(), s[1]!.GetValue<string>()),
        (JsonValue r, JsonArray s) when r.TryGetValue<int>(out var status) => status == s[0]!.GetValue<int>(),
        (JsonValue r, JsonValue s) when r.TryGetValue<string>(out var text) => s.TryGetValue<string>(out var other) && (text == other || text[0] == other[0] && text is "r"),
        _ => false,
    };

    private static JsonArray Changes(IReadOnlyList<(double Ms, JsonNode Value)> samples)
    {
        var changes = new JsonArray();
        foreach (var (ms, value) in samples)
        {
            if (changes.Count == 0 || !JsonNode.DeepEquals(changes[^1]![1], value))
            {
                changes.Add((JsonNode)new JsonArray(Math.Round(ms / 100) * 100, value.DeepClone()));
            }
        }

        return changes;
    }
}
