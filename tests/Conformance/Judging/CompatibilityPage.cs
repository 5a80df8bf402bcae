using System.Text;

namespace FastSidecar.Conformance.Judging;

/// <summary>
/// The part of docs/compatibility.md that follows from differences.json. It stands between two marker lines; what surrounds it is
/// written by people.
/// </summary>
internal static class CompatibilityPage
{
    private const string Begin = "<!-- differences: begin (written by tests/Conformance; run it with --write-page) -->";
    private const string End = "<!-- differences: end -->";

    public static string With(string page, KnownDifferences known)
    {
        var begin = page.IndexOf(Begin, StringComparison.Ordinal);
        var end = page.IndexOf(End, StringComparison.Ordinal);
        if (begin < 0 || end < begin)
        {
            throw new InvalidDataException($"the page lacks its markers:\n{Begin}\n{End}");
        }

        return page[..(begin + Begin.Length)] + "\n\n" + Tables(known) + page[end..];
    }

    private static string Tables(KnownDifferences known)
    {
        var text = new StringBuilder();
        Table(text, known, KnownDifferences.OnPurpose, "Better, on purpose");
        Table(text, known, KnownDifferences.NeedNotMatch, "Need not match");
        Table(text, known, KnownDifferences.Later, "Not yet");
        return text.ToString();
    }

    private static void Table(StringBuilder text, KnownDifferences known, string kind, string title)
    {
        var groups = known.All
            .Where(d => d.Class == kind)
            .GroupBy(d => (d.File, Reason: d.Unseen.Length == 0 ? d.Reason : $"{d.Reason}: {d.Unseen}"))
            .OrderBy(g => g.Key.File, StringComparer.Ordinal)
            .ToList();
        if (groups.Count == 0)
        {
            return;
        }

        text.Append("### ").Append(title).Append("\n\n| Recorded cases | What differs, and why |\n| --- | --- |\n");
        foreach (var group in groups)
        {
            var cases = string.Join("; ", group.Select(d => Escaped(d.Case)));
            text.Append("| `").Append(group.Key.File).Append("`: ").Append(cases).Append(" | ").Append(Escaped(group.Key.Reason)).Append(" |\n");
        }

        text.Append('\n');
    }

    private static string Escaped(string text) => text.Replace("|", "\\|", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal);
}
