using System.Text.Json.Nodes;

namespace FastSidecar.Conformance.Judging;

/// <summary>Rounded moments and durations in answers (<c>…_ms</c>, <c>…_s</c>): near is equal.</summary>
internal static class Moments
{
    private const double ToleranceMs = 300;
    private const double Share = 0.25;

    /// <summary>Go's HTTP server looks every 500 ms whether it may end: being sooner by that is no difference.</summary>
    private const double SoonerExitMs = 600;

    /// <summary>An end or a start at once is one, even when several processes start at the same time.</summary>
    private const double PromptMs = 1500;

    public static bool IsMoment(string name) => name.EndsWith("_ms", StringComparison.Ordinal) || name == "done_after_start_s";

    /// <summary>Gives <paramref name="got"/> the wanted value wherever it is near enough, or later by <paramref name="lateMs"/> at most.</summary>
    public static void Align(JsonNode? wanted, JsonNode? got, double lateMs)
    {
        switch (wanted, got)
        {
            case (JsonObject w, JsonObject g):
                foreach (var (name, value) in w.ToList())
                {
                    if (IsMoment(name) && Number(value) is { } want && Number(g[name]) is { } have
                        && IsNear(name, want, have > want ? Math.Max(want, have - OwnUnit(name, lateMs)) : have))
                    {
                        g[name] = value!.DeepClone();
                    }
                    else
                    {
                        Align(value, g[name], lateMs);
                    }
                }

                break;
            case (JsonArray w, JsonArray g):
                foreach (var (x, y) in w.Zip(g))
                {
                    Align(x, y, lateMs);
                }

                break;
            default:
                break;
        }
    }

    private static bool IsNear(string name, double want, double have) => name switch
    {
        "done_after_start_s" => Math.Abs(want - have) <= ToleranceMs / 1000,
        "exit_after_ms" when have < want => want - have <= SoonerExitMs,
        "after_ms" or "initialized_after_ms" when want < 1000 => have <= PromptMs,
        _ => Math.Abs(want - have) <= Math.Max(ToleranceMs, want * Share),
    };

    private static double OwnUnit(string name, double ms) => name.EndsWith("_s", StringComparison.Ordinal) ? ms / 1000 : ms;

    private static double? Number(JsonNode? node) => node is JsonValue value && value.GetValueKind() == System.Text.Json.JsonValueKind.Number
        ? double.Parse(value.ToJsonString(), System.Globalization.CultureInfo.InvariantCulture)
        : null;
}
