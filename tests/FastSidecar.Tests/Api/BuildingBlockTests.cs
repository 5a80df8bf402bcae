using System.Buffers;
using System.Text;
using FastSidecar.Api.Http;
using FastSidecar.Invocation;
using Xunit;

namespace FastSidecar.Tests.Api;

/// <summary>Every recorded request to a daprd without components, on its API port and on its public port.</summary>
public sealed class BuildingBlockTests
{
    private static readonly RouteTable ApiPort = new(RouteTable.ApiPort, invokeIsFallback: true);
    private static readonly RouteTable PublicPort = new(RouteTable.PublicPort, invokeIsFallback: false);

    public static IEnumerable<object[]> Cases() => RecordedCase.Rows(c => !c.Name.Contains("invalid baggage"), "blocks")
        .Concat(RecordedCase.Rows(c => !c.AppWasCalled && c.Answer.Body.Contains("NOT_CONFIGURED") && !c.To.EndsWith("_public"), "header-form"))
        .Concat(RecordedCase.Rows(c => c.To == "allow" && c.Name.Contains("lock"), "header-form"));

    [Theory]
    [MemberData(nameof(Cases))]
    public void RecordedRequest_GetsTheRecordedAnswer(string group, string name)
    {
        var recorded = RecordedCase.Get(group, name);
        var verb = Encoding.Latin1.GetBytes(recorded.Verb);
        Assert.True(GoUrl.TryParseRequestTarget(verb, Encoding.Latin1.GetBytes(recorded.Target), out var url));
        var routes = recorded.To.EndsWith("_public") ? PublicPort : ApiPort;
        var match = routes.Match(verb, RouteTable.RoutingPath(url));
        var answer = recorded.Answer;
        switch (match.Endpoint)
        {
            case ApiEndpoint.BuildingBlock:
                var block = BuildingBlockBody.Decide(match.Route!.Answer!, Encoding.Latin1.GetBytes(recorded.Body));
                var output = new ArrayBufferWriter<byte>();
                block.Write(output, match.Parameter, recorded.To, "default");
                Assert.Equal(answer.Body, Encoding.UTF8.GetString(output.WrittenSpan));
                Assert.Equal(answer.Status, block.Status);
                break;
            case ApiEndpoint.Invoke:
                Assert.Equal(404, answer.Status);
                Assert.Contains("ERR_DIRECT_INVOKE", recorded.Verb == "HEAD" ? "ERR_DIRECT_INVOKE" : answer.Body);
                break;
            case ApiEndpoint.NotFound:
                Assert.Equal(404, answer.Status);
                Assert.Equal("404 page not found\n", answer.Body);
                break;
            case ApiEndpoint.MethodNotAllowed:
                Assert.Equal(405, answer.Status);
                Assert.Equal(answer.Headers.Where(h => h.Name == "Allow").Select(h => h.Value), match.AllowedVerbs);
                break;
            case ApiEndpoint.Healthz:
                Assert.True(answer.Status == 204 || answer.Body.Contains("ERR_HEALTH_APPID_NOT_MATCH"));
                break;
            default:
                Assert.InRange(answer.Status, 200, 204);
                break;
        }
    }

    [Theory]
    [InlineData("POST", "/v1.0-alpha1/lock/s", "", 400, "ExpiryInSeconds is not positive in lock store s")]
    [InlineData("POST", "/v1.0-alpha1/lock/s", """{"expiryInSeconds":"0"}""", 400, "ExpiryInSeconds is not positive in lock store s")]
    [InlineData("POST", "/v1.0-alpha1/lock/s", """{"expiryInSeconds":5}""", 500, "lock store is not configured")]
    [InlineData("POST", "/v1.0/bindings/b", """{"operation":"create"}""", 500, "error invoking output binding b: couldn't find output binding b")]
    [InlineData("POST", "/v1.0/bindings/b", "", 400, "failed deserializing HTTP body: EOF")]
    [InlineData("POST", "/v1.0/bindings/b", "xyz", 400, "failed deserializing HTTP body: invalid character 'x' looking for beginning of value")]
    [InlineData("PUT", "/v1.0/publish/a%2Fb/t", "", 404, "pubsub a/b is not found")]
    public void BodyThatDecides_IsLookedAt(string verb, string path, string body, int status, string message)
    {
        var match = ApiPort.Match(Encoding.ASCII.GetBytes(verb), Encoding.ASCII.GetBytes(path));
        var block = BuildingBlockBody.Decide(match.Route!.Answer!, Encoding.UTF8.GetBytes(body));
        var output = new ArrayBufferWriter<byte>();
        block.Write(output, match.Parameter, "bare", "default");
        using var json = System.Text.Json.JsonDocument.Parse(output.WrittenMemory);
        Assert.Equal((status, message), (block.Status, json.RootElement.GetProperty("message").GetString()));
    }
}
