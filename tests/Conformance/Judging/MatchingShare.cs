using System.Globalization;

namespace FastSidecar.Conformance.Judging;

/// <summary>
/// The bar of the project: of the cases of an area that belong to no part left for later and are not better on purpose, so many match but for
/// what is dropped for all cases. A case that is listed as <c>need not match</c> counts against it.
/// </summary>
internal sealed record MatchingShare(string Area, int Matched, int Counted)
{
    public const double LeastPercent = 97;

    public const string Http = "http";

    public const string Grpc = "grpc";

    /// <summary>Whether the gRPC area must reach the bar as well, and no case of it may differ unlisted: from the day the gRPC API is whole.</summary>
    public static bool HoldsForGrpc => true;

    public double Percent => Counted == 0 ? 100 : 100.0 * Matched / Counted;

    public static MatchingShare Of(IEnumerable<Verdict> verdicts, string area = Http)
    {
        var counted = verdicts
            .Where(v => v.File.StartsWith(area + "/", StringComparison.Ordinal) && v.Kind != VerdictKind.OnPurpose && !LaterParts.Contain(v.File, v.Case))
            .ToList();
        return new MatchingShare(area, counted.Count(v => v.Kind == VerdictKind.Matched), counted.Count);
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{Area} cases neither later nor better on purpose: {Matched} of {Counted} match, {Percent:F1} % (at least {LeastPercent} %)");
}
