using System.Buffers;
using System.Text;
using FastSidecar.Protocol;
using FastSidecar.Protocol.Peer;
using FastSidecar.Transport.Grpc;
using FastSidecar.Transport.Headers;
using Xunit;

namespace FastSidecar.Tests.Protocol;

/// <summary>The worked example of one CallLocalStream exchange, byte for byte, and its variants.</summary>
public sealed class PeerEncoderTests
{
    private const string MessageA = """
        0a8703 0801 120f0a064163636570741205 0a032a2f2a 12160a0e436f6e74656e742d4c656e67746812040a023137
        12220a0c436f6e74656e742d5479706512120a106170706c69636174696f6e2f6a736f6e
        12330a09466f7277617264656412260a24666f723d31302e302e302e343b62793d31302e302e302e343b686f73743d6e6f64652d61
        121a0a0a557365722d4167656e74120c0a0a6375726c2f382e352e30 121d0a0f582d466f727761726465642d466f72120a0a0831302e302e302e34
        121c0a10582d466f727761726465642d486f737412080a066e6f64652d61 121e0a12646170722d63616c6c65652d6170702d696412080a066f7264657273
        121d0a12646170722d63616c6c65722d6170702d696412070a0566726f6e74 12220a15646170722d63616c6c65722d6e616d65737061636512090a0764656661756c74
        121e0a1264657374696e6174696f6e2d6170702d696412080a066f7264657273
        1a25 0a086170692f6563686f 1a106170706c69636174696f6e2f6a736f6e 220708031203783d31
        """;

    private const string PayloadA = "12130a117b2268656c6c6f223a22776f726c64227d";

    private const string MessageB = """
        0a5a 0a0308c801 121c0a0c436f6e74656e742d54797065120c0a0a746578742f706c61696e
        12270a0444617465121f0a1d4d6f6e2c2030372053657020323032362031303a30303a303020474d54 220c120a746578742f706c61696e 12070a057061727431
        """;

    [Fact]
    public void WorkedExample_Request_SameBytes()
    {
        var encoded = PeerWire.Encoded(output => PeerRequestEncoder.WriteFirst(output, Request(), Sequence("{\"hello\":\"world\"}"), PeerWire.Limit));

        Assert.Equal(Expected("000000019f", MessageA, PayloadA), encoded);
        Assert.Equal(420, encoded.Length);
    }

    [Fact]
    public void WorkedExample_RequestWithoutBody_EndsAfterTheHead()
    {
        var encoded = PeerWire.Encoded(output => PeerRequestEncoder.WriteFirst(output, Request(), default, PeerWire.Limit));

        Assert.Equal(Expected("000000018a", MessageA), encoded);
    }

    [Fact]
    public void WorkedExample_Response_SameBytes()
    {
        var headers = PeerWire.Headers(("Content-Type", "text/plain"), ("Date", "Mon, 07 Sep 2026 10:00:00 GMT"));
        var encoded = PeerWire.Encoded(output => PeerResponseEncoder.WriteFirst(
            output, new PeerResponseFields(headers) { StatusCode = 200, ContentType = "text/plain"u8 }, Sequence("part1"), PeerWire.Limit));

        Assert.Equal(Expected("0000000065", MessageB), encoded);
    }

    [Fact]
    public void WorkedExample_LaterPayload_SameBytes()
    {
        Assert.Equal(
            Expected("000000000b", "12090a0570617274321001"),
            PeerWire.Encoded(output => PeerPayloadEncoder.Write(output, Sequence("part2"), 1, PeerWire.Limit)));
    }

    [Fact]
    public void PayloadInThreeWrites_SameAsInOne()
    {
        foreach (var (length, seq) in new[] { (0, 0UL), (0, 3UL), (1, 0UL), (904, 2UL), (70_000, 300UL), (5, ulong.MaxValue) })
        {
            var data = new byte[length];
            var pieces = PeerWire.Encoded(output =>
            {
                PeerPayloadEncoder.WritePrefix(output, length, seq, PeerWire.Limit);
                output.Write(data);
                PeerPayloadEncoder.WriteSuffix(output, seq);
            });
            Assert.Equal(PeerWire.Encoded(output => PeerPayloadEncoder.Write(output, new ReadOnlySequence<byte>(data), seq, PeerWire.Limit)), pieces);
            var parsed = Wire.InternalInvokeRequestStream.Parser.ParseFrom(pieces.AsSpan(5));
            Assert.Equal(length, parsed.Payload.Data.Length);
            Assert.Equal(seq, parsed.Payload.Seq);
        }
    }

    [Fact]
    public void GrpcApp_CodeZero_StatusIsPresentAndEmpty()
    {
        var headers = PeerWire.Headers(("content-type", "application/grpc"));
        var encoded = PeerWire.Encoded(output => PeerResponseEncoder.WriteFirst(
            output, new PeerResponseFields(headers) { HasMessage = false }, default, PeerWire.Limit));

        Assert.Equal(PeerWire.Hex("0a00"), encoded[7..9]);
    }

    [Fact]
    public void EventStream_WithoutMessage_SameBytes()
    {
        var headers = PeerWire.Headers(("Content-Type", "text/event-stream"));
        var encoded = PeerWire.Encoded(output => PeerResponseEncoder.WriteFirst(
            output, new PeerResponseFields(headers) { HasMessage = false }, Sequence("data: 1\n\n"), PeerWire.Limit));

        Assert.Equal(
            Expected(
                "0000000036",
                "0a270a0012230a0c436f6e74656e742d5479706512130a11746578742f6576656e742d73747265616d120b0a09646174613a20310a0a"),
            encoded);
    }

    [Fact]
    public void HttpAppWithoutContentType_MessageIsPresentAndEmpty()
    {
        var encoded = PeerWire.Encoded(output => PeerResponseEncoder.WriteFirst(
            output, new PeerResponseFields(new HeaderList()) { StatusCode = 404 }, default, PeerWire.Limit));

        Assert.Equal(PeerWire.Hex("0000000009 0a07 0a03089403 2200"), encoded);
    }

    [Fact]
    public void RepeatedNames_OneEntryWithAllValuesInOrder()
    {
        var metadata = PeerWire.Headers(("X-A", "1"), ("X-B", "2"), ("x-a", "3"), ("X-A", ""), ("X-C", "4"), ("X-A", "5"));
        var encoded = PeerWire.Encoded(output => PeerRequestEncoder.WriteFirst(
            output, new PeerRequestFields(metadata) { Method = "m"u8 }, default, PeerWire.Limit));
        var parsed = Wire.InternalInvokeRequestStream.Parser.ParseFrom(encoded.AsSpan(5)).Request.Metadata;

        Assert.Equal(4, parsed.Count);
        Assert.Equal(["1", "", "5"], parsed["X-A"].Values);
        Assert.Equal(["3"], parsed["x-a"].Values);
    }

    [Fact]
    public void ManyFields_AllArrive()
    {
        var metadata = new HeaderList();
        for (var i = 0; i < 300; i++)
        {
            metadata.Add(Encoding.ASCII.GetBytes($"X-{i % 100}"), Encoding.ASCII.GetBytes($"{i}"));
        }

        var encoded = PeerWire.Encoded(output => PeerRequestEncoder.WriteFirst(
            output, new PeerRequestFields(metadata) { Method = "m"u8 }, default, PeerWire.Limit));
        var parsed = Wire.InternalInvokeRequestStream.Parser.ParseFrom(encoded.AsSpan(5)).Request.Metadata;

        Assert.Equal(100, parsed.Count);
        Assert.Equal(["7", "107", "207"], parsed["X-7"].Values);
    }

    [Fact]
    public void Unary_EmptyBody_DataIsPresentAndEmpty()
    {
        var encoded = PeerWire.Encoded(output => PeerRequestEncoder.WriteUnary(
            output, new PeerRequestFields(new HeaderList()) { Method = "m"u8, Verb = HttpVerb.Get }, default, PeerWire.Limit));

        Assert.Equal(PeerWire.Hex("000000000d 0801 1a09 0a016d 1200 22020801"), encoded);
    }

    [Fact]
    public void Unary_BodyStandsInDataValue()
    {
        var encoded = PeerWire.Encoded(output => PeerResponseEncoder.WriteUnary(
            output, new PeerResponseFields(new HeaderList()) { StatusCode = 200, ContentType = "a/b"u8 }, Sequence("ok"), PeerWire.Limit));
        var parsed = Wire.InternalInvokeResponse.Parser.ParseFrom(encoded.AsSpan(5));

        Assert.Equal("ok", parsed.Message.Data.Value.ToStringUtf8());
        Assert.Equal("a/b", parsed.Message.ContentType);
    }

    [Fact]
    public void TextIsNotUtf8_RefusedAsGrpcGoDoes_NothingWritten()
    {
        var metadata = new HeaderList();
        metadata.Add("X-Latin"u8, [0xe9]);
        var output = new ArrayBufferWriter<byte>();

        var error = Assert.Throws<PeerMessageException>(() =>
            PeerRequestEncoder.WriteFirst(output, new PeerRequestFields(metadata) { Method = "m"u8 }, default, PeerWire.Limit));
        Assert.Equal("rpc error: code = Internal desc = grpc: error while marshaling: string field contains invalid UTF-8", error.Message);
        Assert.Throws<PeerMessageException>(() =>
            PeerRequestEncoder.WriteFirst(output, new PeerRequestFields(new HeaderList()) { Method = [0xff] }, default, PeerWire.Limit));
        Assert.Throws<PeerMessageException>(() =>
            PeerResponseEncoder.WriteUnary(output, new PeerResponseFields(metadata), default, PeerWire.Limit));
        Assert.Equal(0, output.WrittenCount);
    }

    [Fact]
    public void AboveTheLimit_RefusedAsGrpcGoDoes()
    {
        var output = new ArrayBufferWriter<byte>();
        var error = Assert.Throws<PeerMessageException>(() => PeerPayloadEncoder.WritePrefix(output, 100, 1, 105));

        Assert.Equal(GrpcStatusCode.ResourceExhausted, error.Code);
        Assert.Equal("trying to send message larger than max (106 vs. 105)", error.Text);
        Assert.Equal(0, output.WrittenCount);
        PeerPayloadEncoder.WritePrefix(output, 100, 1, 106);
    }

    private static PeerRequestFields Request() => new(PeerWire.Headers(
        ("Accept", "*/*"),
        ("Content-Length", "17"),
        ("Content-Type", "application/json"),
        ("Forwarded", "for=10.0.0.4;by=10.0.0.4;host=node-a"),
        ("User-Agent", "curl/8.5.0"),
        ("X-Forwarded-For", "10.0.0.4"),
        ("X-Forwarded-Host", "node-a"),
        ("dapr-callee-app-id", "orders"),
        ("dapr-caller-app-id", "front"),
        ("dapr-caller-namespace", "default"),
        ("destination-app-id", "orders")))
    {
        Method = "api/echo"u8,
        ContentType = "application/json"u8,
        Verb = HttpVerb.Post,
        Query = "x=1"u8,
    };

    private static ReadOnlySequence<byte> Sequence(string text) => new(Encoding.UTF8.GetBytes(text));

    private static byte[] Expected(params string[] hex) => PeerWire.Hex(string.Concat(hex).Replace("\n", "", StringComparison.Ordinal));
}
