using System.Globalization;

namespace FastSidecar.Conformance.Judging;

/// <summary>
/// The bar of the project: of the http cases that belong to no part left for later and are not better on purpose, so many match but for
/// what is dropped for all cases. A case that is listed as <c>need not match</c> counts against it.
/// </summary>
internal sealed record MatchingShare(int Matched, int Counted)
{
    public const double LeastPercent = 97;

    public double Percent => Counted == 0 ? 100 : 100.0 * Matched / Counted;

    public static MatchingShare Of(IEnumerable<Verdict> verdicts)
    {
        var counted = verdicts
            .Where(v => v.File.StartsWith("http/", StringComparison.Ordinal) && v.Kind != VerdictKind.OnPurpose && !LaterParts.Contain(v.File, v.Case))
            .ToList();
        return new MatchingShare(counted.Count(v => v.Kind == VerdictKind.Matched), counted.Count);
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"http cases neither later nor better on purpose: {Matched} of {Counted} match, {Percent:F1} % (at least {LeastPercent} %)");
}
