using System.Text.Json.Nodes;
using FastSidecar.Conformance.Cases;
using FastSidecar.Conformance.Judging;
using FastSidecar.Conformance.Replay;
using Xunit;

namespace FastSidecar.Conformance.Tests;

public sealed class KnownDifferencesTests
{
    private static readonly KnownDifferences Known = KnownDifferences.Load(Path.Combine(AppContext.BaseDirectory, "differences.json"));

    [Fact]
    public void EveryListedCase_IsRecorded()
    {
        var recorded = ReplayPlan.Files.SelectMany(f => CaseFile.Load(f).Cases.Select(c => (f, CaseFile.NameOf(c)))).ToHashSet();
        Assert.DoesNotContain(Known.All, d => !recorded.Contains((d.File, d.Case)));
    }

    [Fact]
    public void EveryListedCase_HasAClassAndAReason()
    {
        Assert.DoesNotContain(Known.All, d => d.Reason.Length == 0);
        Assert.DoesNotContain(Known.All, d => d.Class is not (KnownDifferences.OnPurpose or KnownDifferences.NeedNotMatch or KnownDifferences.Later));
    }

    [Fact]
    public void Later_IsUsedOnlyWhereItMayBe()
    {
        var elsewhere = Known.All.Where(d => d.Class == KnownDifferences.Later && !LaterParts.Contain(d.File, d.Case));
        Assert.Empty(elsewhere);
    }

    /// <summary>Run the replayer with --write-page when this fails.</summary>
    [Fact]
    public void CompatibilityPage_FollowsFromTheList()
    {
        var page = File.ReadAllText(Repository.Find("docs", "compatibility.md")!);
        Assert.Equal(CompatibilityPage.With(page, Known), page);
    }

    private const string OneListed = """
        { "differences": [ { "file": "http/x", "class": "on purpose", "reason": "better", "cases": [ { "name": "a", "expect": { "responses.0.status": 201 } } ] } ] }
        """;

    private static JsonObject Case(string name, int status) => new()
    {
        ["name"] = name,
        ["responses"] = new JsonArray(new JsonObject { ["status"] = status, ["headers"] = new JsonArray(), ["body"] = new JsonObject { ["text"] = "" } }),
        ["connection"] = "open",
    };

    [Theory]
    [InlineData("a", 201, "OnPurpose")]
    [InlineData("a", 200, "ListedButMatches")]
    [InlineData("a", 202, "Different")]
    [InlineData("b", 200, "Matched")]
    [InlineData("b", 201, "Different")]
    public void Verdict_FollowsFromListAndAnswer(string name, int status, string verdict)
    {
        var known = KnownDifferences.Parse(OneListed);
        Assert.Equal(verdict, Verdict.Of("http/x", Case(name, 200), Case(name, status), known).Kind.ToString());
    }

    [Fact]
    public void NoResult_Fails() => Assert.True(Verdict.Of("http/x", Case("b", 200), null, KnownDifferences.Parse(OneListed)).Fails);
}
