using System.Buffers;
using System.Text;
using FastSidecar.Api.Http;
using FastSidecar.Invocation;
using FastSidecar.Protocol;
using Xunit;

namespace FastSidecar.Tests.Api;

/// <summary>Every recorded request target, taken from the client's request line to the app's: route, target id, method, app target.</summary>
public sealed class RoutingTests
{
    private const string NoAppId = "failed getting app id either from the URL path or the header dapr-app-id";

    private static readonly RouteTable Routes = new(RouteTable.ApiPort, invokeIsFallback: true);

    /// <summary>Without those that never reach a handler for reasons other than their target.</summary>
    public static IEnumerable<object[]> Cases() => RecordedCase.Rows(
        c => c.Target != "*" && !c.Name.StartsWith("long path 9000") && !IsRefusedForItsHeaders(c) && !c.To.EndsWith("_public"),
        "routing", "header-form", "verbs", "request-headers", "local", "api-lists").Where(row => !((string)row[0] == "api-lists" && !((string)row[1]).StartsWith("allow invoke")));

    [Theory]
    [MemberData(nameof(Cases))]
    public void RecordedTarget_TakesTheRecordedWay(string group, string name)
    {
        var recorded = RecordedCase.Get(group, name);
        var verb = Bytes(recorded.Verb);
        if (!GoUrl.TryParseRequestTarget(verb, Bytes(recorded.Target), out var url))
        {
            Assert.Equal(400, recorded.Answer.Status);
            return;
        }

        var match = Routes.Match(verb, RouteTable.RoutingPath(url));
        if (match.Endpoint != ApiEndpoint.Invoke)
        {
            Assert.False(recorded.AppWasCalled, $"the app was called, but routed to {match.Endpoint}");
            return;
        }

        var invoke = InvokePath.Find(url.Path, Bytes(First(recorded, "dapr-app-id")), Bytes(First(recorded, "authorization")));
        if (invoke.Form == InvokeForm.None)
        {
            Assert.Equal(404, recorded.Answer.Status);
            Assert.Contains(NoAppId, recorded.Verb == "HEAD" ? NoAppId : recorded.Answer.Body);
            return;
        }

        var error = Dispatch(invoke, url, out var target);
        if (recorded.AppWasCalled)
        {
            Assert.Null(error);
            var line = recorded.AppSaw.RequestLine;
            Assert.Equal(line[(line.IndexOf(' ') + 1)..line.LastIndexOf(' ')], Encoding.Latin1.GetString(target));
        }
        else if (error is not null)
        {
            Assert.Equal(500, recorded.Answer.Status);
            Assert.Contains(JsonOf(error), recorded.Answer.Body);
        }
        else
        {
            // Refused for what lies behind this code: the id is nobody's, a value is not UTF-8, the verb is not allowed, there is no app.
            Assert.InRange(recorded.Answer.Status, 400, 599);
            Assert.Contains("failed to invoke, id: " + JsonOf(Encoding.UTF8.GetString(invoke.TargetId)), recorded.Answer.Body);
        }
    }

    [Fact]
    public void InvokeRoutes_AreNotOtherwiseClaimed()
    {
        Assert.Equal(ApiEndpoint.Invoke, Routes.Match("GET"u8, "/v1.0/invoke/b/method/x"u8).Endpoint);
    }

    [Theory]
    [InlineData("GET", "/v1.0/metadata", ApiEndpoint.GetMetadata)]
    [InlineData("PUT", "/v1.0/metadata/k", ApiEndpoint.PutMetadata)]
    [InlineData("PUT", "/v1.0/metadata/a%2Fb+c", ApiEndpoint.PutMetadata)]
    [InlineData("PUT", "/v1.0/metadata/", ApiEndpoint.Invoke)]
    [InlineData("PUT", "/v1.0/metadata/.", ApiEndpoint.Invoke)]
    [InlineData("POST", "/v1.0/shutdown", ApiEndpoint.Shutdown)]
    [InlineData("get", "/v1.0/healthz", ApiEndpoint.Invoke)]
    [InlineData("GET", "/v1.0/state/st/bulk", ApiEndpoint.BuildingBlock)]
    [InlineData("GET", "/v1.0/invoke/callee/method/../../../healthz", ApiEndpoint.Healthz)]
    public void Target_SelectsItsRoute(string verb, string target, object endpoint)
    {
        Assert.True(GoUrl.TryParseRequestTarget(Bytes(verb), Bytes(target), out var url));
        Assert.Equal((ApiEndpoint)endpoint, Routes.Match(Bytes(verb), RouteTable.RoutingPath(url)).Endpoint);
    }

    [Fact]
    public void MetadataKey_IsDecodedAsAQuery()
    {
        Assert.Equal("a/b c%", Encoding.UTF8.GetString(Routes.Match("PUT"u8, "/v1.0/metadata/a%2Fb+c%25"u8).Parameter));
    }

    [Theory]
    [InlineData("GET", "/v1.0/healthz", true)]
    [InlineData("GET", "//v1.0/healthz/", true)]
    [InlineData("GET", "/v1.0/healthz/outbound?x", true)]
    [InlineData("GET", "//v1.0//healthz", false)]
    [InlineData("GET", "/v1.0%2Fhealthz", false)]
    [InlineData("GET", "/v1.0/%68ealthz", false)]
    [InlineData("HEAD", "/v1.0/healthz", false)]
    [InlineData("GET", "/v1.0/metadata", false)]
    public void TokenExemption_IsJudgedOnTheRoute(string verb, string target, bool exempt)
    {
        Assert.True(GoUrl.TryParseRequestTarget(Bytes(verb), Bytes(target), out var url));
        Assert.Equal(exempt, RouteTable.IsTokenExempt(url.Path, Routes.Match(Bytes(verb), RouteTable.RoutingPath(url)).Endpoint));
    }

    [Fact]
    public void DeniedInvokeApi_LeavesTheRoutersOwnAnswers()
    {
        var routes = new RouteTable(RouteTable.ApiPort, invokeIsFallback: false);
        Assert.Equal(ApiEndpoint.NotFound, routes.Match("POST"u8, "/v1.0/invoke/callee/method/x"u8).Endpoint);
        Assert.Equal(ApiEndpoint.NotFound, routes.Match("GET"u8, "/nope"u8).Endpoint);
        Assert.Equal(["POST", "PUT"], routes.Match("GET"u8, "/v1.0/publish/p/t"u8).AllowedVerbs);
    }

    private static string? Dispatch(InvokePath invoke, GoUrl url, out byte[] target)
    {
        target = [];
        var method = new ArrayBufferWriter<byte>();
        if (MethodPath.Normalize(invoke.Method, method) is { } methodError)
        {
            return "rpc error: code = InvalidArgument desc = " + methodError;
        }

        var id = AppId.Parse(Encoding.UTF8.GetString(invoke.TargetId), "default");
        if (id.Error is not null)
        {
            return id.Error;
        }

        var output = new ArrayBufferWriter<byte>();
        var error = AppTarget.Build(method.WrittenSpan, url.RawQuery, Bytes($"http://127.0.0.1:{RecordedCase.AppPort}"), output);
        target = output.WrittenSpan.ToArray();
        return error;
    }

    /// <summary>As the message stands inside the JSON body, without the quotes.</summary>
    private static string JsonOf(string text)
    {
        var output = new ArrayBufferWriter<byte>();
        GoJson.WriteString(output, text);
        return Encoding.UTF8.GetString(output.WrittenSpan[1..^1]);
    }

    private static string First(RecordedCase recorded, string name) =>
        recorded.Headers.FirstOrDefault(h => string.Equals(h.Name, name, StringComparison.OrdinalIgnoreCase)).Value ?? "";

    private static bool IsRefusedForItsHeaders(RecordedCase c) => c.Answer is { Status: 400, Body: not "400 Bad Request" } or { Status: 417 or 501 } ||
        (c.Answer.Status == 400 && c.Target.EndsWith("/method/x", StringComparison.Ordinal));

    private static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text);
}
