using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using FastSidecar.Protocol.Peer;
using FastSidecar.Tests.Wire;
using Google.Protobuf;
using Xunit;

namespace FastSidecar.Tests.Protocol;

/// <summary>
/// The codecs take short ways where a message looks as encoders write it and lies in one piece. Both ways have to come to the same, so each
/// test has messages for the one, for the other, and for the border between them.
/// </summary>
public sealed class PeerFastPathTests
{
    private const int Rounds = 300;

    private static readonly MessageParser<InternalInvokeRequestStream> Requests = InternalInvokeRequestStream.Parser.WithDiscardUnknownFields(true);
    private static readonly MessageParser<InternalInvokeResponseStream> Responses = InternalInvokeResponseStream.Parser.WithDiscardUnknownFields(true);

    [Fact]
    public async Task CutAtEveryByte_AsSegmentsAndAsReads_SameHeadAndBody()
    {
        for (var seed = 0; seed < 12; seed++)
        {
            var first = new RandomPeerMessages(seed).FirstRequest(300);
            first.Request.Actor = null;
            var seq = first.Payload is null ? 0u : 1u;
            var later = new InternalInvokeRequestStream { Payload = new() { Data = ByteString.CopyFrom(new byte[200]), Seq = seq } };
            var bytes = PeerWire.Join(PeerWire.Frame(first), PeerWire.Frame(later));
            byte[] body = [.. first.Payload?.Data ?? ByteString.Empty, .. later.Payload.Data];
            for (var cut = 1; cut < bytes.Length; cut++)
            {
                await CheckRequest(TwoSegments(bytes, cut), first, body, $"seed {seed}, segments cut at {cut}");
                var position = cut;
                var twoReads = new ScriptedInput(bytes, () => Interlocked.Exchange(ref position, int.MaxValue));
                await CheckRequest(twoReads, first, body, $"seed {seed}, reads cut at {cut}");
            }
        }
    }

    [Fact]
    public async Task ScrambledRequests_DecodeAsGeneratedCodeDoes()
    {
        for (var seed = 0; seed < Rounds; seed++)
        {
            var first = new RandomPeerMessages(seed).FirstRequest(500);
            first.Request.Actor = null;
            var scrambled = new ScrambledMessages(seed).Scramble(first.Request.ToByteArray(), InternalInvokeRequest.Descriptor);
            var message = PeerWire.Join(
                Envelope(scrambled), new InternalInvokeRequestStream { Payload = first.Payload }.ToByteArray());
            var expected = Requests.ParseFrom(message);

            await CheckRequest(ScriptedInput.Whole(PeerWire.Frame(message)), expected, BodyOf(expected.Payload), $"seed {seed}");
            await CheckRequest(ScriptedInput.InSteps(PeerWire.Frame(message), 7), expected, BodyOf(expected.Payload), $"seed {seed}, in steps");
        }
    }

    [Fact]
    public async Task ScrambledResponses_DecodeAsGeneratedCodeDoes()
    {
        for (var seed = 0; seed < Rounds; seed++)
        {
            var first = new RandomPeerMessages(seed).FirstResponse(500);
            var scrambled = new ScrambledMessages(seed).Scramble(first.Response.ToByteArray(), InternalInvokeResponse.Descriptor);
            var message = PeerWire.Join(
                Envelope(scrambled), new InternalInvokeResponseStream { Payload = first.Payload }.ToByteArray());
            var expected = Responses.ParseFrom(message);
            var reader = PeerWire.Reader(ScriptedInput.Whole(PeerWire.Frame(message)));
            var head = await reader.ReadHead<PeerResponseHead>();
            var (body, error) = await reader.ReadBody();

            Assert.True(error is null, $"seed {seed}: {error?.Message}");
            Assert.Equal(BodyOf(expected.Payload), body);
            var encoded = PeerWire.Encoded(output => PeerResponseEncoder.WriteFirst(output, head.Fields, new(body), PeerWire.Limit));
            expected.Payload = body.Length == 0 ? null : new StreamPayload { Data = ByteString.CopyFrom(body) };
            Assert.Equal(expected, Responses.ParseFrom(encoded.AsSpan(5)));
        }
    }

    /// <summary>Both sides of every length that changes how many bytes a length takes.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1000)]
    [InlineData(5000)]
    public void HeadersOfAllLengths_SameBytesAsGeneratedCode(int payloadBytes)
    {
        int[] lengths = [.. Enumerable.Range(1, 40), .. Enumerable.Range(108, 24), 255, 4000, .. Enumerable.Range(16370, 20)];
        foreach (var nameBytes in new[] { 1, 7, 8, 15, 16, 17, 33, 121, 130 })
        {
            foreach (var valueBytes in lengths)
            {
                var name = new string('n', nameBytes);
                var value = new string('v', valueBytes);
                AssertSameBytes([(name, value)], payloadBytes);
                AssertSameBytes([("a", "1"), (name, value), ("b", ""), (name, "2"), ("c", "grüße")], payloadBytes);
            }
        }
    }

    [Fact]
    public void ManyNames_SomeRepeated_SameBytesAsGeneratedCode()
    {
        for (var seed = 0; seed < Rounds; seed++)
        {
            var random = new Random(seed);
            var fields = new (string, string)[random.Next(1, seed % 10 == 0 ? 200 : 40)];
            for (var i = 0; i < fields.Length; i++)
            {
                // Names of few lengths and letters, so that what tells them apart quickly often does not.
                var number = seed % 3 == 0 ? i : random.Next(60);
                fields[i] = ($"X-{(char)('a' + (number % 5))}{number / 5}{(char)('a' + (number % 2))}", $"{random.Next()}");
            }

            AssertSameBytes(fields, payloadBytes: 10);
        }
    }

    [Theory]
    [InlineData(new byte[] { 0xff }, false)]
    [InlineData(new byte[] { 0x80 }, false)]
    [InlineData(new byte[] { 0xc3, 0xa9 }, true)]
    public void NotAscii_AtEveryPlaceOfATextOfAnyLength_CheckedByTheEncoder(byte[] letter, bool isValid)
    {
        for (var length = letter.Length; length < 70; length++)
        {
            for (var place = 0; place <= length - letter.Length; place++)
            {
                var text = new byte[length];
                text.AsSpan().Fill((byte)'t');
                letter.CopyTo(text, place);
                foreach (var isName in new[] { true, false })
                {
                    var headers = PeerWire.Headers(("A", "b"));
                    headers.Add(isName ? text : "X"u8, isName ? "v"u8 : text);
                    var output = new ArrayBufferWriter<byte>();
                    var error = Record.Exception(
                        () => PeerRequestEncoder.WriteFirst(output, new PeerRequestFields(headers) { Method = "m"u8 }, default, PeerWire.Limit));

                    Assert.Equal(isValid ? null : "rpc error: code = Internal desc = grpc: error while marshaling: string field contains invalid UTF-8", error?.Message);
                    Assert.Equal(isValid, output.WrittenCount > 0);
                }
            }
        }
    }

    [Fact]
    public void InvalidTextInAMessageAboveTheLimit_TheTextIsRefusedFirst()
    {
        var headers = PeerWire.Headers(("A", new string('x', 200)));
        headers.Add("B"u8, [0xff]);

        var error = Assert.Throws<PeerMessageException>(
            () => PeerResponseEncoder.WriteFirst(new ArrayBufferWriter<byte>(), new PeerResponseFields(headers), default, 100));

        Assert.Contains("invalid UTF-8", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("X-Key")]
    [InlineData("the value")]
    [InlineData("the/method")]
    [InlineData("content/type")]
    [InlineData("a=query")]
    [InlineData("type.url/T")]
    public async Task InvalidUtf8InAnyText_RefusedAsGoDoes(string text)
    {
        var message = new InternalInvokeRequestStream
        {
            Request = new()
            {
                Ver = 1,
                Metadata = { ["A"] = new() { Values = { "b" } }, ["X-Key"] = new() { Values = { "the value" } } },
                Message = new()
                {
                    Method = "the/method",
                    ContentType = "content/type",
                    Data = new() { TypeUrl = "type.url/T" },
                    HttpExtension = new() { Verb = 1, Querystring = "a=query" },
                },
            },
            Payload = new() { Data = ByteString.CopyFromUtf8("body") },
        };
        var bytes = PeerWire.Frame(message);
        var start = bytes.AsSpan().IndexOf(Encoding.ASCII.GetBytes(text));
        for (var i = start; i < start + text.Length; i++)
        {
            var damaged = (byte[])bytes.Clone();
            damaged[i] = 0xc3;
            foreach (var input in new[] { ScriptedInput.Whole(damaged), ScriptedInput.InSteps(damaged, 3) })
            {
                var error = await Assert.ThrowsAsync<PeerMessageException>(() => PeerWire.Reader(input).ReadHead<PeerRequestHead>());

                Assert.Equal(
                    "rpc error: code = Internal desc = grpc: failed to unmarshal the received message: string field contains invalid UTF-8",
                    error.Message);
            }
        }
    }

    /// <summary>The number behind the data decides whether the message is the next one.</summary>
    [Theory]
    [InlineData("120a0a0568656c6c6f109601", "invalid sequence number received: 150 (expected: 0)")]
    [InlineData("12080a0568656c6c6f1001", "error receiving message: rpc error: code = Internal desc = grpc: failed to unmarshal the received message: "
        + "proto: cannot parse invalid wire-format data")]
    [InlineData("12070a0568656c6c6f", null)]
    [InlineData("12090a0568656c6c6f1000", null)]
    [InlineData("12090a0568656c6c6f1800", null)]
    [InlineData("12090a0568656c6c6f1a00", null)]
    [InlineData("1289000a0568656c6c6f1000", null)]
    public async Task LaterMessageInOneRead_ItsNumberIsChecked(string later, string? message)
    {
        var first = PeerWire.Frame(PeerWire.Hex("0a07 1203 0a0161 1a00"));
        var bytes = PeerWire.Join(first, PeerWire.Frame(PeerWire.Hex(later)));
        foreach (var input in new PipeReader[] { ScriptedInput.Whole(bytes), ScriptedInput.InSteps(bytes, 1), ScriptedInput.InSteps(bytes, first.Length) })
        {
            var reader = PeerWire.Reader(input);
            await reader.ReadHead<PeerRequestHead>();
            var (body, error) = await reader.ReadBody();

            Assert.Equal(message, error?.Message);
            Assert.Equal("hello", Encoding.ASCII.GetString(body));
        }
    }

    private static async Task CheckRequest(PipeReader input, InternalInvokeRequestStream expected, byte[] expectedBody, string what)
    {
        var reader = PeerWire.Reader(input);
        var head = await reader.ReadHead<PeerRequestHead>();
        var (body, error) = await reader.ReadBody();

        Assert.True(error is null, $"{what}: {error?.Message}");
        Assert.True(expectedBody.AsSpan().SequenceEqual(body), what);
        var encoded = PeerWire.Encoded(output => PeerRequestEncoder.WriteFirst(output, head.Fields, default, PeerWire.Limit));
        var again = InternalInvokeRequestStream.Parser.ParseFrom(encoded.AsSpan(5));
        Assert.True(expected.Request.Equals(again.Request), $"{what}: {expected.Request} became {again.Request}");
    }

    /// <summary>Field 1 of the stream's message: a request or a response.</summary>
    private static byte[] Envelope(byte[] content)
    {
        var output = new MemoryStream();
        var coded = new CodedOutputStream(output);
        coded.WriteTag(1, WireFormat.WireType.LengthDelimited);
        coded.WriteBytes(ByteString.CopyFrom(content));
        coded.Flush();
        return output.ToArray();
    }

    private static byte[] BodyOf(StreamPayload? payload) => payload?.Data.ToByteArray() ?? [];

    private static void AssertSameBytes((string Name, string Value)[] fields, int payloadBytes)
    {
        var payload = new byte[payloadBytes];
        payload.AsSpan().Fill((byte)'p');
        var expected = new InternalInvokeRequestStream
        {
            Request = new() { Ver = 1, Message = new() { Method = "m", HttpExtension = new() { Verb = 1 } } },
            Payload = payloadBytes == 0 ? null : new() { Data = ByteString.CopyFrom(payload) },
        };
        foreach (var (name, value) in fields)
        {
            if (!expected.Request.Metadata.TryGetValue(name, out var list))
            {
                expected.Request.Metadata[name] = list = new();
            }

            list.Values.Add(value);
        }

        var request = new PeerRequestFields(PeerWire.Headers(fields)) { Method = "m"u8, Verb = FastSidecar.Protocol.HttpVerb.Get };
        var output = new ArrayBufferWriter<byte>();
        PeerRequestEncoder.WriteFirst(output, request, new(payload), PeerWire.Limit);
        Assert.True(PeerWire.Frame(expected).AsSpan().SequenceEqual(output.WrittenSpan), string.Join(", ", fields));
    }

    private static PipeReader TwoSegments(byte[] bytes, int cut)
    {
        var last = new Segment(bytes.AsMemory(cut), cut);
        var first = new Segment(bytes.AsMemory(0, cut), 0) { Following = last };
        return PipeReader.Create(new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length));
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, long runningIndex)
        {
            Memory = memory;
            RunningIndex = runningIndex;
        }

        public Segment Following
        {
            init => Next = value;
        }
    }
}
