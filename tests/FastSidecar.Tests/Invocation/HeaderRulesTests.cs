using System.Text;
using FastSidecar.Api.Http;
using FastSidecar.Invocation;
using FastSidecar.Tests.Api;
using FastSidecar.Transport.Headers;
using Xunit;

namespace FastSidecar.Tests.Invocation;

/// <summary>Every recorded request and answer, taken across the four borders of an invocation.</summary>
public sealed class HeaderRulesTests
{
    private static readonly string[] RecordedGroups = ["request-headers", "response-headers", "header-form", "routing", "verbs", "local", "tracing", "cors"];

    /// <summary>What is different on purpose, and has a test of its own below.</summary>
    private const string Different = "client sends lower-case dapr caller header";

    private static bool IsRelevant(RecordedCase c) =>
        c.AppWasCalled && !c.To.EndsWith('1') && c.Name != Different && !c.Request.Contains("Accept: text/event-stream", StringComparison.OrdinalIgnoreCase);

    public static IEnumerable<object[]> Requests() => RecordedCase.Rows(IsRelevant, RecordedGroups);

    /// <summary>Without those the sidecar refuses for what the app's answer is, and those Go decompresses.</summary>
    public static IEnumerable<object[]> Answers() => RecordedCase.Rows(
        c => IsRelevant(c) && !c.Answer.Body.Contains("ERR_DIRECT_INVOKE") && !IsDecompressed(c),
        RecordedGroups);

    public static IEnumerable<object[]> Refused() => RecordedCase.Rows(c => c.Answer.Body.StartsWith("invalid baggage header"), "request-headers", "blocks", "tracing");

    [Theory]
    [MemberData(nameof(Requests))]
    public void RecordedRequest_ReachesTheAppWithTheRecordedHeaders(string group, string name)
    {
        var recorded = RecordedCase.Get(group, name);
        var app = new HeaderList();
        SendToApp(recorded, app);
        Assert.Equal(Comparable(ExpectedAtApp(recorded)), Comparable(Pairs(app)));
    }

    [Theory]
    [MemberData(nameof(Answers))]
    public void RecordedAnswer_ReachesTheClientWithTheRecordedHeaders(string group, string name)
    {
        var recorded = RecordedCase.Get(group, name);
        var answer = Message(AppAnswerOf(recorded));
        var metadata = new HeaderList();
        HeaderRules.AppToMetadata(answer, isHttp10: false, metadata);
        _ = metadata.TryGet("content-type"u8, out var contentType);

        var request = Message(recorded.Request);
        var client = new HeaderList();
        PolicyOf(recorded)?.AddTo(Bytes(recorded.Verb), request, client);
        TraceHeaders.AddToClient(request, metadata, IsTracing(recorded), client);
        HeaderRules.MetadataToClient(metadata, contentType, client);
        Assert.Equal(Comparable(ExpectedAtClient(recorded, answer)), Comparable(Pairs(client)));
    }

    [Theory]
    [MemberData(nameof(Refused))]
    public void RecordedBaggage_IsRefusedWithTheRecordedWords(string group, string name)
    {
        var recorded = RecordedCase.Get(group, name);
        Assert.Equal(400, recorded.Answer.Status);
        Assert.Equal(recorded.Answer.Body, Baggage.Validate(Message(recorded.Request)) + "\n");
    }

    [Fact]
    public void ImitatedCaller_DoesNotLeaveTheCaller()
    {
        var metadata = new HeaderList();
        HeaderRules.ClientToMetadata(
            List(("Dapr-Caller-App-Id", "evil"), ("dapr-callee-app-id", "evil"), ("DAPR-CALLER-NAMESPACE", "evil"), ("destination-app-id", "evil")),
            new ClientHeaderOptions(DropAppId: false, DropApiToken: false, ToPeer: true),
            metadata);
        new CallerHeaders("caller", "ns", "", "").AddTo(metadata, "callee"u8);
        Assert.Equal(
            [("Forwarded", ""), ("dapr-caller-namespace", "ns"), ("dapr-caller-app-id", "caller"), ("dapr-callee-app-id", "callee"), ("destination-app-id", "callee")],
            Pairs(metadata));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ImitatedCaller_FromADaprdPeer_LosesToTheRealOne(bool imitationFirst)
    {
        (string, string)[] fields = [("Dapr-Caller-App-Id", "evil"), ("dapr-caller-app-id", "caller")];
        var app = new HeaderList();
        HeaderRules.MetadataToApp(List(imitationFirst ? fields : [fields[1], fields[0]]), default, fromPeer: true, app);
        Assert.Equal([("Dapr-Caller-App-Id", "caller")], Pairs(app));
    }

    [Theory]
    [InlineData("Dapr-Caller-App-Id=first,DAPR-CALLER-APP-ID=second", "first")]
    [InlineData("dapr-caller-app-id=first,dapr-caller-app-id=second", "first")]
    [InlineData("Dapr-Caller-App-Id=a,dapr-caller-app-id=real,DAPR-CALLER-APP-ID=b,dapr-caller-app-id=c", "real")]
    public void SeveralIdentities_AreOneAtTheApp(string fields, string expected)
    {
        var app = new HeaderList();
        var metadata = List([.. fields.Split(',').Select(f => (f.Split('=')[0], f.Split('=')[1]))]);
        HeaderRules.MetadataToApp(metadata, default, fromPeer: true, app);
        Assert.Equal([("Dapr-Caller-App-Id", expected)], Pairs(app));
    }

    [Theory]
    [InlineData("keep-alive", "Close,X-Hop")]
    [InlineData("Keep-Alive, TE ,,upgrade", "Close,X-Hop")]
    [InlineData("close", "X-Hop")]
    [InlineData("keep-alive, x-hop", "Close")]
    [InlineData("", "Close,X-Hop")]
    public void ConnectionField_TakesTheFieldsItNamesWithIt(string value, string left)
    {
        var metadata = List(("Connection", "keep-alive"), ("connection", value), ("Close", "1"), ("X-Hop", "1"), ("Te", "1"));
        var client = new HeaderList();
        HeaderRules.MetadataToClient(metadata, default, client);
        Assert.Equal(left, string.Join(',', Pairs(client).Select(f => f.Name)));

        var app = new HeaderList();
        HeaderRules.MetadataToApp(metadata, default, fromPeer: true, app);
        Assert.Equal(left, string.Join(',', Pairs(app).Select(f => f.Name)));
    }

    [Theory]
    [InlineData("X-A,content-type,Content-Type", 1)]
    [InlineData("X-A", -1)]
    public void AnswersContentType_IsToldByItsPlace(string names, int expected)
    {
        var fields = names.Split(',').Select(n => (n, "x"));
        Assert.Equal(expected, HeaderRules.AppToMetadata(List([.. fields]), isHttp10: false, new HeaderList()));
    }

    [Fact]
    public void ConnectionField_CannotHideWhatTheSidecarAdds()
    {
        var metadata = new HeaderList();
        HeaderRules.ClientToMetadata(
            List(("Connection", "Dapr-Caller-App-Id, X-Hop, x-forwarded-for"), ("Connection", "keep-alive"), ("X-Hop", "1")),
            new ClientHeaderOptions(DropAppId: false, DropApiToken: false, ToPeer: true),
            metadata);
        Assert.Equal([("Connection", "X-Hop"), ("Connection", "keep-alive"), ("X-Hop", "1")], Pairs(metadata));

        // A daprd caller passes the field on as the client sent it.
        var app = new HeaderList();
        HeaderRules.MetadataToApp(
            List(("Connection", "dapr-caller-app-id, forwarded, X-Hop"), ("dapr-caller-app-id", "caller"), ("Forwarded", "for=1"), ("X-Hop", "1")),
            default,
            fromPeer: true,
            app);
        Assert.Equal([("Dapr-Caller-App-Id", "caller"), ("Forwarded", "for=1")], Pairs(app));
    }

    [Fact]
    public void OptionsOfTheCaller_DropWhatIsNobodyElsesBusiness()
    {
        var metadata = new HeaderList();
        HeaderRules.ClientToMetadata(
            List(("Dapr-App-Id", "b"), ("dapr-app-id", "c"), ("dapr-api-token", "t"), ("Host", "h"), ("Transfer-Encoding", "chunked"), ("Trailer", "X"), ("Content-Length", "5"), ("x-a", "1")),
            new ClientHeaderOptions(DropAppId: true, DropApiToken: true, ToPeer: false),
            metadata);
        Assert.Equal([("X-A", "1")], Pairs(metadata));
    }

    [Fact]
    public void PragmaAlone_IsReadAsCacheControl()
    {
        var metadata = new HeaderList();
        HeaderRules.ClientToMetadata(List(("pragma", "no-cache")), default, metadata);
        Assert.Equal([("Pragma", "no-cache"), ("Cache-Control", "no-cache")], Pairs(metadata));
    }

    [Fact]
    public void MetadataOfAGrpcCaller_HasItsPseudoHeadersRenamed()
    {
        var app = new HeaderList();
        HeaderRules.MetadataToApp(List((":authority", "x"), ("grpc-timeout", "1S"), ("a-bin", "x"), ("content-type", "application/grpc")), "text/x"u8, fromPeer: true, app);
        Assert.Equal([("Dapr-Authority", "x"), ("Dapr-Grpc-Timeout", "1S"), ("Content-Type", "text/x")], Pairs(app));
    }

    [Theory]
    [InlineData("Connection: close, X-Hop", false, true)]
    [InlineData("Connection: close, X-Hop", true, false)]
    [InlineData("Connection: X-Hop", false, false)]
    public void ConnectionOfAnAnswer_NamesNothingBesideClose(string line, bool isHttp10, bool passes)
    {
        var metadata = new HeaderList();
        HeaderRules.AppToMetadata(List((line[..10], line[12..]), ("X-Hop", "1")), isHttp10, metadata);
        Assert.Equal(passes ? [("X-Hop", "1")] : [], Pairs(metadata));
    }

    [Theory]
    [InlineData("x-my-header", "X-My-Header")]
    [InlineData("ETAG", "Etag")]
    [InlineData("www-AUTHENTICATE", "Www-Authenticate")]
    [InlineData("x_under.dot~", "X_under.dot~")]
    [InlineData("a b-c", "a b-c")]
    [InlineData("x-é", "x-é")]
    [InlineData("-a--b", "-A--B")]
    [InlineData("", "")]
    public void Name_GetsGosSpelling(string name, string expected)
    {
        var output = new byte[Encoding.UTF8.GetByteCount(name)];
        HeaderNames.WriteCanonical(Encoding.UTF8.GetBytes(name), output);
        Assert.Equal(expected, Encoding.UTF8.GetString(output));
    }

    [Theory]
    [InlineData("17", true, 17)]
    [InlineData("0005", true, 5)]
    [InlineData("abc", false, 0)]
    [InlineData("-1", false, -1)]
    [InlineData(null, true, -1)]
    public void ContentLength_IsReadFromTheMetadata(string? value, bool valid, long expected)
    {
        var metadata = value is null ? new HeaderList() : List(("content-length", value));
        Assert.Equal(valid, HeaderRules.TryReadContentLength(metadata, out var length));
        Assert.Equal(expected, length);
    }

    [Theory]
    [InlineData("10.0.0.1", "h", "for=10.0.0.1;by=10.0.0.1;host=h")]
    [InlineData("fe80::1", "h", "for=\"[fe80::1]\";by=\"[fe80::1]\";host=h")]
    [InlineData("", "h", "host=h")]
    [InlineData("10.0.0.1", "", "for=10.0.0.1;by=10.0.0.1")]
    public void Forwarded_NamesTheMachine(string address, string host, string expected)
    {
        var metadata = new HeaderList();
        new CallerHeaders("a", "n", address, host).AddTo(metadata, "b"u8);
        Assert.True(metadata.TryGet("forwarded"u8, out var value));
        Assert.Equal(expected, Encoding.UTF8.GetString(value));
        Assert.Equal(address.Length > 0, metadata.Contains("x-forwarded-for"u8));
    }

    /// <summary>The whole way of a request, through both sidecars or through the own one alone.</summary>
    private static void SendToApp(RecordedCase recorded, HeaderList app)
    {
        var request = Message(recorded.Request);
        Assert.True(GoUrl.TryParseRequestTarget(Bytes(recorded.Verb), Bytes(recorded.Target), out var url));
        var isExempt = TraceHeaders.IsExempt(url.Path);
        if (IsTracing(recorded))
        {
            Assert.Null(Baggage.Validate(request));
        }

        var isLocal = recorded.AppSaw.Headers.All(h => h.Name != "Dapr-Caller-Namespace");
        var usesHeader = request.TryGet("dapr-app-id"u8, out var id) && id.Length > 0;
        var metadata = new HeaderList();
        HeaderRules.ClientToMetadata(request, new ClientHeaderOptions(usesHeader, DropApiToken: recorded.To == "star", ToPeer: !isLocal), metadata);
        if (!isLocal)
        {
            var callee = recorded.AppSaw.Headers.First(h => h.Name == "Dapr-Callee-App-Id").Value;
            new CallerHeaders(recorded.To, "default", RecordedCase.HostIp, RecordedCase.HostName).AddTo(metadata, Bytes(callee));
        }

        var context = new TraceContext();
        _ = !isExempt && request.TryGet("traceparent"u8, out var traceParent) && context.TrySet(traceParent);
        _ = request.TryGet("content-type"u8, out var contentType);
        _ = request.TryGet("tracestate"u8, out var state);
        TraceHeaders.AddToApp(context.Text, isLocal && !isExempt ? state : default, metadata, !recorded.To.EndsWith('0'), app);
        HeaderRules.MetadataToApp(metadata, contentType, fromPeer: !isLocal, app);
    }

    /// <summary>Without the fields that frame the message and those that Go's client invents.</summary>
    private static IEnumerable<(string Name, string Value)> ExpectedAtApp(RecordedCase recorded)
    {
        var headers = recorded.AppSaw.Headers.Where(h => h.Name is not ("Host" or "Content-Length" or "Transfer-Encoding") && h.Value != "Go-http-client/1.1").ToList();
        if (!recorded.Headers.Any(h => h is { Value: "gzip" } && h.Name.Equals("Accept-Encoding", StringComparison.OrdinalIgnoreCase)))
        {
            headers.RemoveAll(h => h is { Name: "Accept-Encoding", Value: "gzip" });
        }

        return headers;
    }

    private static IEnumerable<(string Name, string Value)> ExpectedAtClient(RecordedCase recorded, HeaderList answer)
    {
        var hasType = answer.TryGet("content-type"u8, out var type) && type.Length > 0;
        return recorded.Answer.Headers.Where(h => h.Name switch
        {
            "Content-Length" or "Transfer-Encoding" or "Connection" => false,
            "Date" => answer.Contains("date"u8),
            "Content-Type" => hasType,
            _ => true,
        });
    }

    private static string AppAnswerOf(RecordedCase recorded) =>
        recorded.AppAnswer is { } answer && answer.Contains("\r\n\r\n")
            ? answer[answer.LastIndexOf("HTTP/1.", StringComparison.Ordinal)..]
            : "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok";

    private static bool IsDecompressed(RecordedCase c) =>
        AppAnswerOf(c).Contains("Content-Encoding: gzip", StringComparison.OrdinalIgnoreCase) && c.Answer.Headers.All(h => h.Name != "Content-Encoding");

    private static bool IsTracing(RecordedCase recorded) =>
        !recorded.To.EndsWith('0') && GoUrl.TryParseRequestTarget(Bytes(recorded.Verb), Bytes(recorded.Target), out var url) && !TraceHeaders.IsExempt(url.Path);

    private static CorsPolicy? PolicyOf(RecordedCase recorded) => CorsTests.PolicyOf(recorded);

    /// <summary>Sorted by name; the values of one name stay in their order.</summary>
    private static string Comparable(IEnumerable<(string Name, string Value)> headers) =>
        string.Join("\n", headers.OrderBy(h => h.Name, StringComparer.Ordinal).Select(h => $"{h.Name}: {h.Value}"));

    private static HeaderList Message(string message) => List([.. RecordedCase.HeadersOf(message)]);

    private static HeaderList List(params (string Name, string Value)[] fields)
    {
        var list = new HeaderList();
        foreach (var (name, value) in fields)
        {
            list.Add(Bytes(name), Bytes(value));
        }

        return list;
    }

    private static List<(string Name, string Value)> Pairs(HeaderList list) =>
        [.. Enumerable.Range(0, list.Count).Select(i => (Encoding.Latin1.GetString(list.Name(i)), Encoding.Latin1.GetString(list.Value(i))))];

    private static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text);
}
