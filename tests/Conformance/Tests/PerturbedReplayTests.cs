using FastSidecar.Conformance.Judging;
using FastSidecar.Conformance.Replay;
using Xunit;

namespace FastSidecar.Conformance.Tests;

/// <summary>A few recorded cases whose bytes arrive in other pieces: what client and app see stays the same.</summary>
public sealed class PerturbedReplayTests
{
    [SidecarTheory]
    [InlineData("keep-alive,bytes,app-split", "http/verbs", "^(POST|PUT|PROPFIND)")]
    [InlineData("pipeline,app-parts", "http/verbs", "")]
    [InlineData("app-join", "http/app-failures", "^(200|404) (closes mid|mid-body close)")]
    [InlineData("http2", "http/header-form", "")]
    public async Task BytesArriveInOtherPieces_NothingElseChanges(string modes, string file, string cases)
    {
        var options = new ReplayOptions { Files = [file], CasePattern = cases, Perturb = modes };
        var run = new ReplayRun(options, KnownDifferences.Load(Path.Combine(AppContext.BaseDirectory, "differences.json")), (_, _) => { });
        var verdicts = await run.RunAsync();

        Assert.NotEmpty(verdicts);
        Assert.Empty(verdicts.Where(v => v.Fails).Select(v => $"{v.Case}: {string.Join("; ", v.Differences)}"));
    }
}
