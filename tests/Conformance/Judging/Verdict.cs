using System.Text.Json.Nodes;
using FastSidecar.Conformance.Http2;

namespace FastSidecar.Conformance.Judging;

internal enum VerdictKind
{
    Matched,
    OnPurpose,
    NeedNotMatch,
    Later,

    /// <summary>Differs without being listed, or differs from what the list expects.</summary>
    Different,

    /// <summary>Is listed, yet matches: the list is out of date.</summary>
    ListedButMatches,

    /// <summary>The replayer brought no result.</summary>
    Missing,
}

/// <summary>The judgement of one case.</summary>
internal sealed record Verdict(string File, string Case, VerdictKind Kind, IReadOnlyList<JsonDifference> Differences)
{
    /// <summary>Files in which moments, not only bytes, are what is recorded.</summary>
    private static readonly HashSet<string> TimedFiles = ["http/streaming", "http/sse"];

    public bool Fails => Kind is VerdictKind.Different or VerdictKind.ListedButMatches or VerdictKind.Missing;

    /// <summary>Every byte was right; only moments were not, or what was seen at moments.</summary>
    public bool IsOnlyLate => Differences.Count > 0 && Differences.All(d => IsMoment(d.Path));

    public static Verdict Of(string file, JsonObject recorded, JsonObject? actual, KnownDifferences known, bool compareMarks = true, double lateSeconds = 0)
    {
        var name = recorded["name"]!.GetValue<string>();
        if (actual is null)
        {
            return new Verdict(file, name, VerdictKind.Missing, []);
        }

        if (actual["replay_error"] is { } error)
        {
            return new Verdict(file, name, VerdictKind.Different, [new JsonDifference("replay", null, error.GetValue<string>())]);
        }

        var timed = compareMarks && TimedFiles.Contains(file);
        var listed = known.For(file, name);

        // Being late makes nothing that is listed a match.
        var comparison = Compare(recorded, listed is null ? lateSeconds : 0);
        if (listed is not { } difference)
        {
            return new Verdict(file, name, comparison.Matches ? VerdictKind.Matched : VerdictKind.Different, comparison.Differences);
        }

        if (comparison.Matches)
        {
            return new Verdict(file, name, VerdictKind.ListedButMatches, []);
        }

        if (difference.Expect is not null)
        {
            var ours = Compare(difference.Expected(recorded), lateSeconds);
            if (!ours.Matches)
            {
                return new Verdict(file, name, VerdictKind.Different, ours.Differences);
            }
        }

        return new Verdict(file, name, KindOf(difference.Class), comparison.Differences);

        // A perturbed case may have gone by HTTP/2, whose answers are framed in another way.
        Comparison Compare(JsonObject wanted, double late)
        {
            if (GrpcForm.Applies(file))
            {
                var (w, g) = GrpcForm.Of(wanted, actual);
                return Comparison.Of(w, g, timed, late);
            }

            return actual["http2"] is null
                ? Comparison.Of(wanted, actual, timed, late)
                : Comparison.Of(Http2Form.WithoutFraming(wanted), Http2Form.WithoutFraming(actual), timed, late);
        }
    }

    /// <summary>A status, the calls of the app or a body differ: what programs act on.</summary>
    public bool ChangesMeaning => Differences.Any(d => d.Path.Split('.') is var parts
        && (parts is ["app_saw", ..] or ["responses"] or ["responses", _] || parts.Contains("status") || parts.Contains("body")));

    private static bool IsMoment(string path) =>
        path.Contains("marks.", StringComparison.Ordinal) || path.StartsWith("timelines.", StringComparison.Ordinal) || Moments.IsMoment(path);

    private static VerdictKind KindOf(string text) => text switch
    {
        KnownDifferences.OnPurpose => VerdictKind.OnPurpose,
        KnownDifferences.NeedNotMatch => VerdictKind.NeedNotMatch,
        KnownDifferences.Later => VerdictKind.Later,
        _ => throw new InvalidDataException($"unknown class '{text}'"),
    };
}
