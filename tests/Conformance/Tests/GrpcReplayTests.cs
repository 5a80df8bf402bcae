using System.Text.Json.Nodes;
using FastSidecar.Conformance.Cases;
using FastSidecar.Conformance.Grpc;
using FastSidecar.Conformance.Judging;
using FastSidecar.Conformance.Processes;
using FastSidecar.Conformance.Replay.Special.Grpc;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Conformance.Tests;

/// <summary>The gRPC client and server of the replayer against each other, and the judging of what they note.</summary>
public sealed class GrpcReplayTests
{
    private const string TraceZero = "AAAAAAAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAgA";

    /// <summary>Recordings whose answer a script can give as it stands.</summary>
    private static IEnumerable<JsonObject> Playable => CaseFile.Load("grpc/callee").Cases.Where(c =>
        CaseFile.NameOf(c) is var name && name.StartsWith("unary-", StringComparison.Ordinal) && c["answer"]!["trailers"] is not null
        && !c["answer"]!.ToJsonString().Contains("compressed", StringComparison.Ordinal) && c["steps"]!.ToJsonString().Contains("\"end\":true", StringComparison.Ordinal)
        && !c["steps"]!.ToJsonString().Contains("times", StringComparison.Ordinal) && name is not ("unary-two-messages" or "unary-no-message-at-all"));

    [Fact]
    public async Task RecordedAnswerPlayedBack_Matches()
    {
        var cases = Playable.ToList();
        Assert.True(cases.Count > 5);
        foreach (var recorded in cases)
        {
            Assert.Equal([], (await PlayAsync(recorded, recorded)).Differences);
        }
    }

    public static TheoryData<string> Mutations => [.. Changes.Keys];

    private static readonly Dictionary<string, Action<JsonObject>> Changes = new()
    {
        ["status"] = a => a["trailers"]![0]![1] = "2",
        ["status message"] = a => a["trailers"]![1]![1] = "no",
        ["header"] = a => a["headers"]!.AsArray().RemoveAt(2),
        ["more trailers"] = a => a["trailers"]!.AsArray().Add((JsonNode)new JsonArray("x-more", "1")),
        ["body"] = a => a["messages"]![0]!["message"]!["data"]!["value"] = "oK",
        ["code"] = a => a["messages"]![0]!["status"]!["code"] = 201,
        ["no message"] = a => a.Remove("messages"),
        ["message twice"] = a => a["messages"]!.AsArray().Add(a["messages"]![0]!.DeepClone()),
        ["no trailers"] = a => a.Remove("trailers"),
    };

    [Theory]
    [MemberData(nameof(Mutations))]
    public async Task AnswerChanged_IsReported(string change)
    {
        var recorded = Playable.First(c => CaseFile.NameOf(c) == "unary-post");
        var changed = recorded.DeepClone().AsObject();
        Changes[change](changed["answer"]!.AsObject());
        Assert.False((await PlayAsync(changed, recorded)).Matches);
    }

    [Theory]
    [InlineData("grpc/callee")]
    [InlineData("grpc/caller")]
    [InlineData("grpc/api")]
    [InlineData("grpc/proxy")]
    [InlineData("grpc/wire-grpc")]
    public void EveryRecording_MatchesItself_AndNothingElse(string file)
    {
        foreach (var recorded in CaseFile.Load(file).Cases)
        {
            Assert.True(Judge(recorded, recorded).Matches, CaseFile.NameOf(recorded));
            foreach (var (path, changed) in Changed(recorded))
            {
                Assert.False(Judge(recorded, changed).Matches, $"{CaseFile.NameOf(recorded)}: {path}");
            }
        }
    }

    [Theory]
    [InlineData("""{"payload":{"data":"ab"}}""", """{"payload":{"data":"a"}},{"payload":{"data":"b","seq":1}}""", true)]
    [InlineData("""{"payload":{"data":"ab"}}""", """{"payload":{"data":"a"}},{"payload":{"data":"b","seq":2}}""", false)]
    [InlineData("""{"payload":{"data":"ab"}}""", """{"payload":{"data":"a"}},{"payload":{"data":"c","seq":1}}""", false)]
    [InlineData("""{"data":{"value":"a"}}""", """{"compressed":{"data":{"value":"a"}}}""", true)]
    public void Messages_AreJudgedByWhatTheySay(string recorded, string seen, bool matches) =>
        Assert.Equal(matches, Judge(Answer(recorded), Answer(seen)).Matches);

    [Theory]
    [InlineData("error invoking app channel: EOF", "error invoking app channel: the app closed", true)]
    [InlineData("error invoking app channel: EOF", "error invoking the app: EOF", false)]
    [InlineData("failed to invoke, id: a, err: rpc error: code = NotFound desc = x", "failed to invoke, id: a, err: rpc error: code = NotFound desc = y", false)]
    [InlineData("grpc: received message larger than max (5 vs. 4)", "too large", true)]
    [InlineData("boom", "bang", false)]
    public void StatusMessages_MayDifferOnlyWhereGoSpeaks(string recorded, string seen, bool same) => Assert.Equal(same, Wording.IsSameMessage(recorded, seen));

    private static JsonObject Answer(string messages) => new()
    {
        ["name"] = "x",
        ["answer"] = new JsonObject { ["messages"] = JsonNode.Parse($"[{messages}]") },
    };

    private static Comparison Judge(JsonObject recorded, JsonObject actual)
    {
        var (wanted, got) = GrpcForm.Of(recorded, actual);
        return Comparison.Of(wanted, got, compareMarks: false);
    }

    /// <summary>Copies of a recording with one thing changed that matters.</summary>
    private static IEnumerable<(string Path, JsonObject Changed)> Changed(JsonObject recorded)
    {
        foreach (var path in new[] { "answer", "grpc.client", "client" })
        {
            foreach (var name in new[] { "trailers", "trailers_only" })
            {
                var copy = recorded.DeepClone().AsObject();
                var fields = path.Split('.').Aggregate((JsonNode?)copy, (node, key) => node is JsonObject o ? o[key] : null)?[name]?.AsArray();
                if (fields?.FirstOrDefault(f => f![0]!.GetValue<string>() == "grpc-status") is { } status && recorded["ignore"] is null)
                {
                    status[1] = "77";
                    yield return ($"{path}.{name}", copy);
                }
            }
        }

        if (recorded["app_saw"] is JsonArray { Count: > 0 } calls && recorded["ignore"] is null && calls.All(c => c!["incomplete"] is null))
        {
            var copy = recorded.DeepClone().AsObject();
            copy["app_saw"]!.AsArray().RemoveAt(0);
            yield return ("app_saw", copy);
        }
    }

    /// <summary>A stand-in for the callee answers as <paramref name="played"/>; what the client notes is compared with <paramref name="recorded"/>.</summary>
    private static async Task<Comparison> PlayAsync(JsonObject played, JsonObject recorded)
    {
        using var callee = new GrpcApp(new FreePorts(new Random()).Next());
        callee.Expect(Script(played));
        callee.Start();
        var answer = await GrpcClient.CallAsync(GrpcTopology.Local(callee.Port), recorded["steps"]!.DeepClone().AsArray(), TimeSpan.FromSeconds(1)).Within(CaseFile.NameOf(recorded));
        var (wanted, got) = GrpcForm.Of(
            new JsonObject { ["answer"] = recorded["answer"]!.DeepClone(), ["ignore"] = recorded["ignore"]?.DeepClone() }, new JsonObject { ["answer"] = answer });
        return Comparison.Of(wanted, got, compareMarks: false);
    }

    private static JsonArray Script(JsonObject played)
    {
        var answer = played["answer"]!;
        var steps = new JsonArray(new JsonObject { ["wait"] = "end" }, new JsonObject { ["headers"] = Fields(answer["headers"]!) });
        foreach (var message in answer["messages"] as JsonArray ?? [])
        {
            steps.Add((JsonNode)new JsonObject { ["msg"] = message!.DeepClone(), ["type"] = "InternalInvokeResponse" });
        }

        if (answer["trailers"] is { } trailers)
        {
            steps.Add((JsonNode)new JsonObject { ["trailers"] = Fields(trailers) });
        }

        return steps;
    }

    private static JsonNode Fields(JsonNode fields) =>
        JsonText.Map(fields, text => text.Replace("{{TRACE_BIN_ALL_ZERO}}", TraceZero, StringComparison.Ordinal))!;
}
