using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Invocation.Grpc;
using FastSidecar.Transport.Headers;
using Xunit;

namespace FastSidecar.Tests.Invocation.Grpc;

/// <summary>Metadata of gRPC clients and apps, to and from the form of the wire; the values are those of recorded calls of daprd 1.18.3.</summary>
public sealed class GrpcMetadataTests
{
    private const string ZeroText = "traceparent: 00-00000000000000000000000000000000-0000000000000000-00";
    private const string ZeroBinary = "grpc-trace-bin: AAAAAAAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAgA";
    private const string TraceId = "0af7651916cd43dd8448eb211c80319c";
    private const string SpanId = "b7ad6b7169203331";

    [Fact]
    public void ClientsMetadata_KeepsNamesAndPadsBinaryValues()
    {
        Assert.Equal(
            [":authority: localhost:50001", "content-type: application/grpc", "user-agent: recorder/1", "grpc-accept-encoding: gzip", "x-a: 1", "x-a: 2",
                "foo-bin: AAEC", "bar-bin: AA==", "tracestate: k=v"],
            ToWire(
                ":method: POST", ":scheme: http", ":path: /dapr.proto.runtime.v1.Dapr/InvokeService", ":authority: localhost:50001",
                "content-type: application/grpc", "user-agent: recorder/1", "te: trailers", "grpc-timeout: 1S", "grpc-encoding: gzip",
                "grpc-accept-encoding: gzip", "x-a: 1", "x-a: 2", "foo-bin: AAEC", "bar-bin: AA", "tracestate: k=v"));
    }

    [Fact]
    public void ClientsHost_BecomesTheAuthorityOnlyWhereThereIsNone()
    {
        Assert.Equal([":authority: h"], ToWire(":path: /a/b", "host: h"));
        Assert.Equal([":authority: a"], ToWire(":path: /a/b", ":authority: a", "host: h"));
    }

    [Fact]
    public void AppsHeadersAndTrailers_LoseTheStatusAndNothingElse()
    {
        Assert.Equal(
            ["content-type: application/grpc", "x-hdr: 1", "h-bin: AAEC", "host: kept"],
            ToWire(":status: 200", "content-type: application/grpc", "x-hdr: 1", "h-bin: AAEC", "host: kept"));
        Assert.Equal(
            ["x-trl: t", "grpc-status-details-bin: CAU="],
            ToWire("grpc-status: 5", "grpc-message: nf", "x-trl: t", "grpc-status-details-bin: CAU"));
    }

    [Fact]
    public void HttpClientsRequest_PrefixesPermanentNamesInCanonicalSpellingOnly()
    {
        Assert.Equal(
            ["dapr-content-type: application/json", "dapr-content-length: 7", "dapr-accept: text/event-stream", "dapr-connection: X", "x-m: a", "x-m: b",
                "accept: lower", "dapr-callee-app-id: callee", ZeroText, ZeroBinary],
            FromWire(
                false, "Content-Type: application/json", "Content-Length: 7", "Accept: text/event-stream", "Connection: X", "X-M: a", "X-M: b", "accept: lower",
                "dapr-callee-app-id: callee", "destination-app-id: callee"));
    }

    [Theory]
    [InlineData("Accept")]
    [InlineData("Accept-Charset")]
    [InlineData("Accept-Language")]
    [InlineData("Accept-Ranges")]
    [InlineData("Connection")]
    [InlineData("Keep-Alive")]
    [InlineData("Proxy-Connection")]
    [InlineData("Transfer-Encoding")]
    [InlineData("Upgrade")]
    [InlineData("Cache-Control")]
    [InlineData("Content-Type")]
    [InlineData("Content-Length")]
    [InlineData("Cookie")]
    [InlineData("Date")]
    [InlineData("Expect")]
    [InlineData("From")]
    [InlineData("Host")]
    [InlineData("If-Match")]
    [InlineData("If-Modified-Since")]
    [InlineData("If-None-Match")]
    [InlineData("If-Schedule-Tag-Match")]
    [InlineData("If-Unmodified-Since")]
    [InlineData("Max-Forwards")]
    [InlineData("Origin")]
    [InlineData("Pragma")]
    [InlineData("Referer")]
    [InlineData("Via")]
    [InlineData("Warning")]
    public void PermanentName_IsPrefixedInHeaders(string name) =>
        Assert.Equal([$"dapr-{name.ToLowerInvariant()}: v"], FromWire(false, $"{name}: v")[..^2]);

    [Fact]
    public void Trailers_HaveNoPrefix() => Assert.Equal(["date: d2", "x-t: 1", ZeroText, ZeroBinary], FromWire(true, "Date: d2", "x-t: 1"));

    [Fact]
    public void BinaryNames_LowerCaseIsBase64AndCanonicalIsText() =>
        Assert.Equal(
            ["foo-bin: AAEC", "one-bin: AA", "foo-bin: QUFFQw"],
            FromWire(false, "foo-bin: AAEC", "one-bin: AA==", "bad-bin: A", "Foo-Bin: AAEC")[..^2]);

    [Fact]
    public void ReservedNames_DoNotLeave() =>
        Assert.Equal(
            [ZeroText, ZeroBinary],
            FromWire(
                false, ":authority: a", ":path: /x", "content-type: application/json", "user-agent: u", "User-Agent: u", "te: x", "grpc-status: 1",
                "grpc-message: m", "grpc-timeout: 1S", "grpc-encoding: gzip", "connection: close"));

    [Theory]
    [InlineData(":a")]
    [InlineData(":a-name-of-20-bytes-")]
    [InlineData(":A-Name-That-Is-Longer-Than-Every-Reserved-One")]
    public void PseudoHeaderOfAnyLength_DoesNotLeave(string name)
    {
        Assert.Equal([ZeroText, ZeroBinary], FromWire(false, $"{name}: v"));
        Assert.Equal([ZeroText, ZeroBinary], FromWire(true, $"{name}-bin: AA=="));
    }

    [Fact]
    public void NoContext_TheCallsOwnStands()
    {
        var own = new TraceContext();
        Assert.True(own.TrySet(Encoding.ASCII.GetBytes($"00-{TraceId}-{SpanId}-01")));
        Assert.Equal(
            [$"traceparent: 00-{TraceId}-{SpanId}-01", $"grpc-trace-bin: {Encoding.ASCII.GetString(own.Binary)}"],
            FromWire(false, own, "content-type: application/grpc", "traceparent: 00-11111111111111111111111111111111-1111111111111111-00", "tracestate: k=v"));
    }

    [Fact]
    public void HttpOrigin_ItsContextComesWithItsState()
    {
        var fields = FromWire(false, $"Traceparent: 00-{TraceId}-{SpanId}-01", "Tracestate: k=v");
        Assert.Equal($"traceparent: 00-{TraceId}-{SpanId}-01", fields[0]);
        Assert.Equal("tracestate: k=v", fields[2]);
        Assert.Equal([ZeroText, ZeroBinary], FromWire(false, "Traceparent: invalid", "Tracestate: k=v"));
    }

    [Fact]
    public void GrpcOrigin_ItsBinaryContextCounts()
    {
        var sent = new TraceContext();
        Assert.True(sent.TrySet(Encoding.ASCII.GetBytes($"00-{TraceId}-{SpanId}-01")));
        Assert.Equal(
            [$"traceparent: 00-{TraceId}-{SpanId}-01", $"grpc-trace-bin: {Encoding.ASCII.GetString(sent.Binary)}"],
            FromWire(false, "content-type: application/grpc", $"grpc-trace-bin: {Encoding.ASCII.GetString(sent.Binary)}="));
    }

    [Theory]
    [InlineData("X Space", "v", "header key \"x space\" contains illegal characters not in [0-9a-z-_.]")]
    [InlineData("X-Nl", "a\r\nb", "header key \"x-nl\" contains value with non-printable ASCII characters")]
    [InlineData("X-U", "\u00e9", "header key \"x-u\" contains value with non-printable ASCII characters")]
    [InlineData("Content-Type", "\u00e9", "header key \"dapr-content-type\" contains value with non-printable ASCII characters")]
    [InlineData("", "v", "there is an empty key in the header")]
    [InlineData("x-bin", "\u00e9", null)]
    [InlineData("X-Plain", " ~", null)]
    public void IllegalMetadata_IsToldInTheWordsOfGrpcGo(string name, string value, string? refusal)
    {
        var wire = new HeaderList();
        wire.Add(Encoding.UTF8.GetBytes(name), Encoding.UTF8.GetBytes(value));
        Assert.Equal(refusal, GrpcMetadata.FromWire(wire, trailers: false, TraceContext.Zero, new HeaderList()));
    }

    private static string[] ToWire(params string[] fields)
    {
        var wire = new HeaderList();
        GrpcMetadata.ToWire(List(fields), wire);
        return Fields(wire);
    }

    private static string[] FromWire(bool trailers, params string[] fields) => FromWire(trailers, TraceContext.Zero, fields);

    private static string[] FromWire(bool trailers, TraceContext trace, params string[] fields)
    {
        var grpc = new HeaderList();
        Assert.Null(GrpcMetadata.FromWire(List(fields), trailers, trace, grpc));
        return Fields(grpc);
    }

    private static HeaderList List(string[] fields)
    {
        var list = new HeaderList();
        foreach (var field in fields)
        {
            var colon = field.IndexOf(": ", 1, StringComparison.Ordinal);
            list.Add(Encoding.UTF8.GetBytes(field[..colon]), Encoding.UTF8.GetBytes(field[(colon + 2)..]));
        }

        return list;
    }

    private static string[] Fields(HeaderList list) =>
        [.. Enumerable.Range(0, list.Count).Select(i => $"{Encoding.UTF8.GetString(list.Name(i))}: {Encoding.UTF8.GetString(list.Value(i))}")];
}
