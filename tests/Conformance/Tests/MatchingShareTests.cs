using FastSidecar.Conformance.Judging;
using Xunit;

namespace FastSidecar.Conformance.Tests;

public sealed class MatchingShareTests
{
    private static Verdict Case(string file, string name, VerdictKind kind) => new(file, name, kind, []);

    [Fact]
    public void LaterParts_AndOnPurpose_AreNotCounted()
    {
        var share = MatchingShare.Of(
        [
            Case("http/routing", "a", VerdictKind.Matched),
            Case("http/routing", "b", VerdictKind.OnPurpose),
            Case("http/tracing", "a", VerdictKind.Later),
            Case("http/tracing", "b", VerdictKind.Matched),
            Case("http/api-logging", "obf get", VerdictKind.Matched),
            Case("runtime/cli", "a", VerdictKind.Matched),
        ]);
        Assert.Equal(new MatchingShare("http", 1, 1), share);
    }

    [Fact]
    public void NeedNotMatch_AndFailures_CountAgainstIt()
    {
        var share = MatchingShare.Of(
        [
            Case("http/routing", "a", VerdictKind.Matched),
            Case("http/routing", "b", VerdictKind.NeedNotMatch),
            Case("http/routing", "c", VerdictKind.Different),
            Case("http/routing", "d", VerdictKind.Missing),
        ]);
        Assert.Equal(25, share.Percent);
    }

    [Fact]
    public void Areas_AreCountedApart()
    {
        Verdict[] verdicts =
        [
            Case("http/routing", "a", VerdictKind.Matched),
            Case("grpc/caller", "a", VerdictKind.Matched),
            Case("grpc/caller", "b", VerdictKind.Different),
            Case("grpc/resiliency", "a", VerdictKind.Later),
            Case("grpc/proxy", "resiliency-a", VerdictKind.Matched),
        ];
        Assert.Equal(new MatchingShare("grpc", 1, 2), MatchingShare.Of(verdicts, MatchingShare.Grpc));
        Assert.Equal(new MatchingShare("http", 1, 1), MatchingShare.Of(verdicts));
    }

    [Theory]
    [InlineData("answer.messages.0.data.value", true)]
    [InlineData("answer.messages", true)]
    [InlineData("answer.connection", false)]
    [InlineData("responses.0.status", true)]
    [InlineData("responses.1.body.text", true)]
    [InlineData("responses", true)]
    [InlineData("app_saw.0.headers.3.1", true)]
    [InlineData("responses.0.headers.2.1", false)]
    [InlineData("responses.0.version", false)]
    [InlineData("connection", false)]
    public void StatusAppCallOrBody_ChangesMeaning(string path, bool changes) =>
        Assert.Equal(changes, new Verdict("http/x", "a", VerdictKind.NeedNotMatch, [new JsonDifference(path, "1", "2")]).ChangesMeaning);
}
