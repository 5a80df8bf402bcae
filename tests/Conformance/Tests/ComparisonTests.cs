using System.Text.Json.Nodes;
using FastSidecar.Conformance.Judging;
using Xunit;

namespace FastSidecar.Conformance.Tests;

/// <summary>The classes of DESIGN.md §2: what is dropped for all cases, and what is not.</summary>
public sealed class ComparisonTests
{
    private const string Refused = """
        {"responses":[{"version":"HTTP/1.1","status":400,"reason":"Bad Request","headers":[["Content-Type","text/plain; charset=utf-8"],["Connection","close"]],"framing":"close","body":{"text":"400 Bad Request"}}],"connection":"closed","app_saw":[]}
        """;

    private const string RefusedByOther = """
        {"responses":[{"version":"HTTP/1.1","status":400,"reason":"Bad Request","headers":[["Content-Length","0"],["Connection","close"],["Date","{{DATE}}"]],"framing":"length","body":{"text":""}}],"connection":"closed","app_saw":[]}
        """;

    private const string Passed = """
        {"responses":[{"version":"HTTP/1.1","status":200,"headers":[["Content-Type","text/plain"],["Date","{{DATE}}"]],"framing":"chunked","body":{"text":"ok"}}],"connection":"open","app_saw":[{"request_line":"GET /x HTTP/1.1","headers":[["User-Agent","Go-http-client/1.1"],["Accept-Encoding","gzip"],["X-A","1"]],"framing":"none","body":{"text":""}}]}
        """;

    [Fact]
    public void ServersOwnRefusal_SameStatus_Matches() => Assert.True(Compare("x\r\n\r\n", Refused, RefusedByOther));

    [Fact]
    public void ServersOwnRefusal_OtherStatus_Differs() => Assert.False(Compare("x\r\n\r\n", Refused, RefusedByOther.Replace("400", "431")));

    [Theory]
    [InlineData("GET /v1.0/invoke/callee/method/x HTTP/1.1\nHost: localhost\n\n")]
    [InlineData("GET /x HTTP/1.1\r\nHost: localhost\r\nX-A: 1\r\n  folded\r\n\r\n")]
    [InlineData("GET /x%00 HTTP/1.1\r\nHost: localhost\r\n\r\n")]
    [InlineData("GET /é HTTP/1.1\r\nHost: localhost\r\n\r\n")]
    [InlineData("POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n")]
    [InlineData("POST /x HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: z\r\nContent-Length: 2\r\n\r\nhi")]
    public void MalformedRequestThatGoLetPass_MayBeRefused(string request) => Assert.True(Compare(request, Passed, RefusedByOther));

    [Theory]
    [InlineData("GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")]
    [InlineData("POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-T: 1\r\n\r\n")]
    public void WellFormedRequest_MayNotBeRefused(string request) => Assert.False(Compare(request, Passed, RefusedByOther));

    [Fact]
    public void WhatGosClientAddsAndWhatItsServerGuesses_MayBeMissing()
    {
        var ours = Passed.Replace("""["User-Agent","Go-http-client/1.1"],["Accept-Encoding","gzip"],""", "").Replace("""["Content-Type","text/plain"],""", "");
        Assert.True(Compare("GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n", Passed, ours));
    }

    [Fact]
    public void AnotherUserAgent_Differs() =>
        Assert.False(Compare("GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n", Passed, Passed.Replace("Go-http-client/1.1", "other")));

    [Fact]
    public void OrderOfValuesOfOneName_Matters()
    {
        var two = Passed.Replace("""["X-A","1"]""", """["X-A","1"],["X-A","2"]""");
        var swapped = Passed.Replace("""["X-A","1"]""", """["X-A","2"],["X-A","1"]""");
        Assert.False(Compare("GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n", two, swapped));
    }

    [Theory]
    [InlineData("dial tcp: lookup x", "connect refused", true)]
    [InlineData("rpc error: code = Internal desc = EOF", "rpc error: code = Unavailable desc = EOF", false)]
    [InlineData("Get \\\"http://a/x\\\": EOF", "Get \\\"http://a/x\\\": closed", true)]
    [InlineData("Get \\\"http://a/x\\\": EOF", "Get \\\"http://a/y\\\": EOF", false)]
    [InlineData("stream too large", "too large", false)]
    [InlineData("rpc error: code = Internal desc = app is not in a healthy state", "rpc error: code = Internal desc = unhealthy", false)]
    public void TextAfterWhatDaprWrites_MayDiffer(string daprd, string ours, bool matches)
    {
        Assert.Equal(matches, Compare("GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n", Error(daprd), Error(ours)));

        static string Error(string text) => new JsonObject
        {
            ["responses"] = new JsonArray(new JsonObject
            {
                ["status"] = 500,
                ["headers"] = new JsonArray(new JsonArray("Content-Length", $"{text.Length}")),
                ["framing"] = "length",
                ["body"] = new JsonObject { ["text"] = $"{{\"errorCode\":\"ERR_DIRECT_INVOKE\",\"message\":\"failed to invoke, id: callee, err: {text}\"}}" },
            }),
        }.ToJsonString();
    }

    private static bool Compare(string request, string recorded, string actual)
    {
        var wanted = JsonNode.Parse(recorded)!.AsObject();
        wanted["name"] = "case";
        wanted["request"] = new JsonArray(new JsonObject { ["text"] = request });
        return Comparison.Of(wanted, JsonNode.Parse(actual)!.AsObject(), compareMarks: false).Matches;
    }
}
