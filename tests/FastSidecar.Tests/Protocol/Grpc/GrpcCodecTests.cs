using System.Text;
using FastSidecar.Protocol.Grpc;
using FastSidecar.Protocol.Peer;
using FastSidecar.Protocol.Protobuf;
using FastSidecar.Tests.Shared;
using FastSidecar.Tests.Wire;
using FastSidecar.Transport.Grpc;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Xunit;

namespace FastSidecar.Tests.Protocol.Grpc;

/// <summary>The codecs of the public API against classes that protoc made of the same messages.</summary>
public sealed class GrpcCodecTests
{
    private const int Rounds = 300;

    [Fact]
    public void GeneratedRequests_AreRead()
    {
        for (var seed = 0; seed < Rounds; seed++)
        {
            var random = new Random(seed);
            var expected = RandomRequest(random);
            var read = InvokeServiceMessage.Read(expected.ToByteArray());

            Assert.Equal(expected, Again(read));
        }
    }

    [Fact]
    public void MergedRequests_AreRead_AsProtobufMergesThem()
    {
        for (var seed = 0; seed < Rounds; seed++)
        {
            var random = new Random(seed);
            byte[] twice = [.. RandomRequest(random).ToByteArray(), 0x9a, 0x06, 0x03, 1, 2, 3, .. RandomRequest(random).ToByteArray()];
            var expected = InvokeServiceRequest.Parser.ParseFrom(twice);
            Assert.Equal(expected.ToString(), Again(InvokeServiceMessage.Read(twice)).ToString());
        }
    }

    [Fact]
    public void CutRequests_ThrowOrAreShorter()
    {
        var whole = RandomRequest(new Random(1)).ToByteArray();
        for (var length = 0; length < whole.Length; length++)
        {
            var cut = whole[..length];
            InvokeServiceRequest? expected = null;
            try
            {
                expected = InvokeServiceRequest.Parser.ParseFrom(cut);
            }
            catch (InvalidProtocolBufferException)
            {
            }

            try
            {
                Assert.Equal(expected, Again(InvokeServiceMessage.Read(cut)));
            }
            catch (ProtobufException)
            {
                Assert.Null(expected);
            }
        }
    }

    [Theory]
    [InlineData("", 0, "")]
    [InlineData("", 5, "text/plain")]
    [InlineData("type.googleapis.com/x", 300, "a/b")]
    [InlineData("t", 70_000, "")]
    public void Response_IsWritten(string typeUrl, int bytes, string contentType)
    {
        var value = new byte[bytes];
        new Random(bytes).NextBytes(value);
        var written = PeerWire.Encoded(output => InvokeResponseMessage.Write(output, Utf8(typeUrl), value, Utf8(contentType)));
        var read = InvokeResponse.Parser.ParseFrom(written.AsSpan(5));

        Assert.Equal((typeUrl, contentType), (read.Data.TypeUrl, read.ContentType));
        Assert.Equal(value, read.Data.Value.ToByteArray());
        Assert.Equal(written.Length - 5, InvokeResponseMessage.SizeOf(Utf8(typeUrl), bytes, Utf8(contentType)));
        Assert.Equal(written.Length - 5, System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(written.AsSpan(1)));
    }

    [Fact]
    public void Status_IsWritten_WithItsDetails()
    {
        byte[] details = [.. RpcStatus.ErrorInfo("R", "a", "1", "b", "€"), .. RpcStatus.ResourceInfo("t", "", "d")];
        var status = RpcStatusMessage.Parser.ParseFrom(RpcStatus.Encode((GrpcStatusCode)(-1), "text", details));

        Assert.Equal((-1, "text", 2), (status.Code, status.Message, status.Details.Count));
        Assert.Equal("type.googleapis.com/google.rpc.ErrorInfo", status.Details[0].TypeUrl);
        var info = ErrorInfoMessage.Parser.ParseFrom(status.Details[0].Value);
        Assert.Equal(("R", "dapr.io", "1", "€"), (info.Reason, info.Domain, info.Metadata["a"], info.Metadata["b"]));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(int.MaxValue)]
    public async Task Messages_AreRead_HoweverTheyArrive(int step)
    {
        var large = new byte[100_000];
        new Random(1).NextBytes(large);
        var framed = PeerWire.Join(PeerWire.Frame("one"u8.ToArray()), PeerWire.Frame([]), PeerWire.Frame(large, gzip: true), PeerWire.Frame(large));
        var reader = new GrpcMessageReader();
        reader.Start(ScriptedInput.InSteps(framed, step, isAsync: step == 7), PeerEncoding.Parse("gzip"u8), PeerWire.Limit);

        byte[][] expected = ["one"u8.ToArray(), [], large, large];
        foreach (var message in expected)
        {
            Assert.True(await reader.ReadAsync(default).AsTask().Within("a message"));
            Assert.Equal(message, reader.Message.ToArray());
        }

        Assert.False(await reader.ReadAsync(default).AsTask().Within("the end"));
        reader.Release();
    }

    [Fact]
    public async Task UnpackedMessage_AboveTheLimit_IsRefused()
    {
        var reader = new GrpcMessageReader();
        reader.Start(ScriptedInput.Whole(PeerWire.Frame(new byte[10_000], gzip: true)), PeerEncoding.Parse("gzip"u8), maxMessageBytes: 9_999);
        var failure = await Assert.ThrowsAsync<PeerMessageException>(() => reader.ReadAsync(default).AsTask());

        Assert.Equal((GrpcStatusCode.ResourceExhausted, "grpc: received message after decompression larger than max 9999"), (failure.Code, failure.Text));
        reader.Release();
    }

    [Fact]
    public void Details_AreShownAsProtojsonShowsThem()
    {
        var info = new ErrorInfoMessage { Reason = "R", Domain = "d.example", Metadata = { ["k"] = "<v>", ["a"] = "" } };
        Assert.Equal(
            """[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"R","domain":"d.example","metadata":{"a":"","k":"<v>"}}]""",
            Json(("google.rpc.ErrorInfo", info.ToByteArray())));
        Assert.Equal(
            """[{"@type":"type.googleapis.com/google.protobuf.StringValue","value":"s"},{"@type":"type.googleapis.com/google.protobuf.Int64Value","value":"-5"}]""",
            Json(("google.protobuf.StringValue", new StringValue { Value = "s" }.ToByteArray()), ("google.protobuf.Int64Value", new Int64Value { Value = -5 }.ToByteArray())));
        Assert.Equal(
            """[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1.500s"}]""",
            Json(("google.rpc.RetryInfo", new MessageBuilder().Message(1, new MessageBuilder().Number(1, 1).Number(2, 500_000_000)).ToArray())));
        Assert.Equal(
            """[{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"f","description":"d"},{}]}]""",
            Json(("google.rpc.BadRequest", new MessageBuilder().Message(1, new MessageBuilder().Text(1, "f").Text(2, "d")).Message(1, new MessageBuilder()).ToArray())));
        Assert.Equal(
            """[{"@type":"type.googleapis.com/google.protobuf.BoolValue","value":false},{"@type":"type.googleapis.com/google.protobuf.DoubleValue","value":1.5}]""",
            Json(("google.protobuf.BoolValue", []), ("google.protobuf.DoubleValue", new DoubleValue { Value = 1.5 }.ToByteArray())));
    }

    [Fact]
    public void UnknownDetail_CannotBeShown() => Assert.Equal(
        "proto: google.protobuf.Any: unable to resolve \"type.googleapis.com/no.such.Type\": not found", Json(("no.such.Type", [1])));

    private static string Json(params (string Type, byte[] Value)[] details)
    {
        var encoded = new MessageBuilder();
        foreach (var (type, value) in details)
        {
            encoded.Message(3, new MessageBuilder().Text(1, "type.googleapis.com/" + type).Bytes(2, value));
        }

        string? problem = null;
        var json = PeerWire.Encoded(output => problem = DetailsJson.Write(output, encoded.Span));
        return problem ?? Encoding.UTF8.GetString(json);
    }

    private static InvokeServiceRequest Again(in InvokeServiceMessage read) => new()
    {
        Id = Text(read.Id),
        Message = !read.HasMessage ? null : new InvokeRequest
        {
            Method = Text(read.Method),
            Data = !read.HasData ? null : new Any { TypeUrl = Text(read.TypeUrl), Value = ByteString.CopyFrom(read.Value) },
            ContentType = Text(read.ContentType),
            HttpExtension = !read.HasHttpExtension ? null : new HttpExtension { Verb = (int)read.Verb, Querystring = Text(read.Query) },
        },
    };

    private static InvokeServiceRequest RandomRequest(Random random)
    {
        var value = new byte[random.Next(0, 400)];
        random.NextBytes(value);
        return new InvokeServiceRequest
        {
            Id = Maybe("app€.ns"),
            Message = random.Next(6) == 0 ? null : new InvokeRequest
            {
                Method = Maybe("a/b"),
                Data = random.Next(3) == 0 ? null : new Any { TypeUrl = Maybe("type/x"), Value = ByteString.CopyFrom(value) },
                ContentType = Maybe("text/plain"),
                HttpExtension = random.Next(3) == 0 ? null : new HttpExtension { Verb = random.Next(-2, 100), Querystring = Maybe("a=1&b=2") },
            },
        };

        string Maybe(string text) => random.Next(3) == 0 ? "" : text + random.Next(1000);
    }

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);
}
