using System.Text.Json.Nodes;
using FastSidecar.Conformance.Cases;
using FastSidecar.Conformance.Judging;
using FastSidecar.Conformance.Replay;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Conformance.Tests;

/// <summary>The replayer against a stand-in that does what the recording says, or nearly.</summary>
public sealed class ReplayerSelfTests
{
    /// <summary>Every case waits some 0.1 s for what must not come, so a sample of each file is played.</summary>
    private const int Every = 13;

    [Theory]
    [InlineData("http/routing")]
    [InlineData("http/verbs")]
    [InlineData("http/statuses")]
    [InlineData("http/response-headers")]
    [InlineData("http/request-headers")]
    [InlineData("http/header-form")]
    [InlineData("http/cors")]
    [InlineData("http/local")]
    [InlineData("http/app-failures")]
    [InlineData("http/external")]
    public async Task RecordingPlayedBack_Matches(string file)
    {
        using var sidecar = new RecordedSidecar();
        var played = CaseFile.Load(file).Cases.Where(RecordedSidecar.CanPlay).Where((_, i) => i % Every == 0).ToList();
        Assert.NotEmpty(played);
        foreach (var recorded in played)
        {
            var comparison = await PlayAsync(sidecar, recorded, recorded);
            Assert.True(comparison.Matches, $"{CaseFile.NameOf(recorded)}: {string.Join('\n', comparison.Differences)}");
        }
    }

    public static TheoryData<string> Mutations => [.. Changes.Keys];

    private static readonly Dictionary<string, Action<JsonObject>> Changes = new()
    {
        ["status"] = c => c["responses"]![0]!["status"] = 201,
        ["body"] = c => c["responses"]![0]!["body"] = new JsonObject { ["text"] = "oK" },
        ["response header value"] = c => c["responses"]![0]!["headers"]![0]![1] = "text/html",
        ["response header added"] = c => c["responses"]![0]!["headers"]!.AsArray().Add((JsonNode)new JsonArray("X-More", "1")),
        ["framing"] = c => c["responses"]![0]!["framing"] = "close",
        ["end of the connection"] = c => c["connection"] = "closed",
        ["no call of the app"] = c => c["app_saw"] = new JsonArray(),
        ["app called twice"] = c => c["app_saw"]!.AsArray().Add(c["app_saw"]![0]!.DeepClone()),
        ["method at the app"] = c => c["app_saw"]![0]!["request_line"] = "PUT /a HTTP/1.1",
        ["header missing at the app"] = c => c["app_saw"]![0]!["headers"]!.AsArray().RemoveAt(3),
        ["second response"] = c => c["responses"]!.AsArray().Add(c["responses"]![0]!.DeepClone()),
    };

    [Theory]
    [MemberData(nameof(Mutations))]
    public async Task RecordingChanged_IsReported(string change)
    {
        using var sidecar = new RecordedSidecar();
        var recorded = CaseFile.Load("http/routing").Cases.First(c => RecordedSidecar.CanPlay(c) && c["app_saw"]!.AsArray().Count == 1);
        var changed = recorded.DeepClone().AsObject();
        Changes[change](changed);
        Assert.False((await PlayAsync(sidecar, changed, recorded)).Matches);
    }

    [Fact]
    public async Task HeaderOrderCaseReasonAndDateChanged_StillMatches()
    {
        using var sidecar = new RecordedSidecar();
        var recorded = CaseFile.Load("http/routing").Cases.First(c => RecordedSidecar.CanPlay(c) && c["app_saw"]!.AsArray().Count == 1);
        var changed = recorded.DeepClone().AsObject();
        var response = changed["responses"]![0]!;
        response["reason"] = "Fine";
        response["headers"] = new JsonArray([.. response["headers"]!.AsArray().Reverse()
            .Where(h => h![0]!.GetValue<string>() != "Date")
            .Select(h => new JsonArray(h![0]!.GetValue<string>().ToUpperInvariant(), h[1]!.GetValue<string>()))]);
        var comparison = await PlayAsync(sidecar, changed, recorded);
        Assert.True(comparison.Matches, string.Join('\n', comparison.Differences));
    }

    private static async Task<Comparison> PlayAsync(RecordedSidecar sidecar, JsonObject played, JsonObject recorded)
    {
        sidecar.Playing = played;
        var actual = await new CaseReplay(sidecar).RunAsync(recorded).Within(CaseFile.NameOf(recorded));
        return Comparison.Of(recorded, actual, compareMarks: false);
    }
}
