using System.Text;
using FastSidecar.Conformance.Judging;
using FastSidecar.Conformance.Replay;
using Xunit;

namespace FastSidecar.Conformance.Tests;

/// <summary>Replays everything once; the theory below asks per file.</summary>
public sealed class ReplayedFiles : IAsyncLifetime
{
    /// <summary>The table that `make test` prints.</summary>
    private static readonly string ReportPath = Path.Combine(AppContext.BaseDirectory, "conformance-report.txt");

    internal ILookup<string, Verdict> Verdicts { get; private set; } = Array.Empty<Verdict>().ToLookup(v => v.File);

    public async Task InitializeAsync()
    {
        if (SidecarBinary.Find() is null)
        {
            return;
        }

        using var text = new StringWriter();
        var options = new ReplayOptions { Show = int.MaxValue };
        var report = new ReplayReport(text, options);
        var run = new ReplayRun(options, KnownDifferences.Load(Path.Combine(AppContext.BaseDirectory, "differences.json")), report.FileDone);
        var verdicts = await run.RunAsync();
        report.End(verdicts, run.Folder);
        await File.WriteAllTextAsync(ReportPath, text.ToString());
        Verdicts = verdicts.ToLookup(v => v.File);
    }

    public Task DisposeAsync() => Task.CompletedTask;
}

/// <summary>The recorded daprd is the judge: every case matches, or is listed in differences.json with its reason.</summary>
public sealed class RecordedDaprdTests(ReplayedFiles replayed) : IClassFixture<ReplayedFiles>
{
    private static readonly KnownDifferences Known = KnownDifferences.Load(Path.Combine(AppContext.BaseDirectory, "differences.json"));

    public static TheoryData<string> Files => [.. ReplayPlan.Files.Where(f => !ReplayPlan.NeedsNetwork(f) && (MatchingShare.HoldsForGrpc || !GrpcForm.Applies(f)))];

    public static TheoryData<string> NetworkFiles => [.. ReplayPlan.Files.Where(ReplayPlan.NeedsNetwork)];

    [SidecarTheory]
    [MemberData(nameof(Files))]
    public void RecordedFile_MatchesExceptWhatIsListed(string file) => AssertMatches(file);

    [SidecarTheory(needsNetwork: true)]
    [MemberData(nameof(NetworkFiles))]
    public void RecordedPackets_MatchExceptWhatIsListed(string file) => AssertMatches(file);

    private void AssertMatches(string file)
    {
        Assert.NotEmpty(replayed.Verdicts[file]);
        var failed = replayed.Verdicts[file].Where(v => v.Fails).ToList();
        var text = new StringBuilder();
        foreach (var verdict in failed)
        {
            text.AppendLine().Append(verdict.Kind).Append(' ').Append(verdict.Case);
            foreach (var difference in verdict.Differences)
            {
                text.AppendLine().Append("   ").Append(difference);
            }
        }

        Assert.True(failed.Count == 0, $"{failed.Count} of {replayed.Verdicts[file].Count()} cases:{text}");
    }

    [SidecarTheory]
    [InlineData(MatchingShare.Http, MatchingShare.LeastPercent)]
    [InlineData(MatchingShare.Grpc, MatchingShare.LeastPercent)]
    public void Cases_NeitherLaterNorBetter_NearlyAllMatch(string area, double leastPercent)
    {
        var share = MatchingShare.Of(replayed.Verdicts.SelectMany(static file => file), area);
        var least = area == MatchingShare.Grpc && !MatchingShare.HoldsForGrpc ? 0 : leastPercent;
        Assert.True(share.Counted > 0 && share.Percent >= least, $"{share}");
    }

    [SidecarTheory]
    [InlineData(nameof(VerdictKind.NeedNotMatch))]
    public void TheRest_ChangesNothingThatACorrectProgramSees(string kind)
    {
        var unexplained = replayed.Verdicts
            .SelectMany(static file => file)
            .Where(v => v.Kind.ToString() == kind && v.ChangesMeaning && Known.For(v.File, v.Case)!.Unseen.Length == 0)
            .Select(v => $"{v.File} / {v.Case}: {string.Join("; ", v.Differences)}");
        Assert.Empty(unexplained);
    }
}
