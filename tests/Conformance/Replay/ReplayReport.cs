using FastSidecar.Conformance.Judging;

namespace FastSidecar.Conformance.Replay;

/// <summary>Prints one line per file, and the differences that were asked for.</summary>
internal sealed class ReplayReport(TextWriter output, ReplayOptions options)
{
    private const int LongestText = 600;
    private readonly Lock _lock = new();
    private int _left = options.Show;

    public void FileDone(string file, IReadOnlyList<Verdict> verdicts)
    {
        lock (_lock)
        {
            foreach (var verdict in verdicts.Where(v => v.Fails && (options.Names || _left > 0)))
            {
                output.WriteLine($"{verdict.Kind.ToString().ToUpperInvariant()} {verdict.File} / {verdict.Case}");
                if (_left-- > 0)
                {
                    Show(verdict);
                }
            }

            output.WriteLine($"{file,-24} {Counts(verdicts)}");
        }
    }

    public void End(IReadOnlyCollection<Verdict> verdicts, string folder)
    {
        output.WriteLine($"{"all",-24} {Counts(verdicts)}");
        output.WriteLine(MatchingShare.Of(verdicts));
        output.WriteLine(MatchingShare.Of(verdicts, MatchingShare.Grpc));
        output.WriteLine($"logs and results: {folder}");
    }

    public static string Counts(IReadOnlyCollection<Verdict> verdicts)
    {
        var text = $"{Count(VerdictKind.Matched),4} matched, {Count(VerdictKind.OnPurpose),3} on purpose, "
            + $"{Count(VerdictKind.NeedNotMatch),3} need not match, {Count(VerdictKind.Later),3} later";
        var failed = verdicts.Count(v => v.Fails);
        return failed == 0
            ? text
            : $"{text}, {failed,3} FAILED ({Count(VerdictKind.Different)} differ, {Count(VerdictKind.ListedButMatches)} listed but match, {Count(VerdictKind.Missing)} without result)";

        int Count(VerdictKind kind) => verdicts.Count(v => v.Kind == kind);
    }

    private void Show(Verdict verdict)
    {
        foreach (var difference in verdict.Differences)
        {
            output.WriteLine($"   {difference.Path}");
            output.WriteLine($"      want {Short(difference.Wanted)}");
            output.WriteLine($"      got  {Short(difference.Got)}");
        }
    }

    private static string Short(string? text) => text is null ? "(absent)" : text.Length <= LongestText ? text : text[..LongestText] + "…";
}
