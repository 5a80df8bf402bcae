using System.Text;
using FastSidecar.Protocol.Peer;
using FastSidecar.Tests.Wire;
using FastSidecar.Transport.Headers;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Xunit;

namespace FastSidecar.Tests.Protocol;

/// <summary>The codecs against protobuf classes generated from a description of the same messages, in both directions.</summary>
public sealed class PeerOracleTests
{
    private const int Rounds = 400;

    [Fact]
    public async Task GeneratedRequests_DecodeAndEncodeToTheSame()
    {
        for (var seed = 0; seed < Rounds; seed++)
        {
            var messages = new RandomPeerMessages(seed);
            var first = messages.FirstRequest(3000);
            var framed = PeerWire.Frame(first);
            var random = new Random(seed);
            var reader = PeerWire.Reader(new ScriptedInput(framed, () => random.Next(1, 400)));
            var head = await reader.ReadHead<PeerRequestHead>();
            var (body, error) = await reader.ReadBody();

            Assert.True(error is null, $"seed {seed}: {error?.Message}");
            Assert.Equal(first.Payload?.Data.ToByteArray() ?? [], body);
            first.Request.Actor = null;
            if (body.Length == 0)
            {
                first.Payload = null;
            }

            var encoded = PeerWire.Encoded(output => PeerRequestEncoder.WriteFirst(output, head.Fields, new(body), PeerWire.Limit));
            var again = InternalInvokeRequestStream.Parser.ParseFrom(encoded.AsSpan(5));
            Assert.True(first.Equals(again), $"seed {seed}: {first} became {again}");
            Assert.True(HasEmptyKey(first.Request.Metadata) || first.CalculateSize() + 5 == encoded.Length, $"seed {seed}");
        }
    }

    [Fact]
    public async Task GeneratedResponses_DecodeAndEncodeToTheSame()
    {
        for (var seed = 0; seed < Rounds; seed++)
        {
            var messages = new RandomPeerMessages(seed);
            var first = messages.FirstResponse(3000);
            var random = new Random(seed);
            var reader = PeerWire.Reader(new ScriptedInput(PeerWire.Frame(first), () => random.Next(1, 400), isAsync: true));
            var head = await reader.ReadHead<PeerResponseHead>();
            var (body, error) = await reader.ReadBody();

            Assert.True(error is null, $"seed {seed}: {error?.Message}");
            Assert.Equal(first.Payload?.Data.ToByteArray() ?? [], body);
            if (body.Length == 0)
            {
                first.Payload = null;
            }

            var encoded = PeerWire.Encoded(output => PeerResponseEncoder.WriteFirst(output, head.Fields, new(body), PeerWire.Limit));
            var again = InternalInvokeResponseStream.Parser.ParseFrom(encoded.AsSpan(5));
            Assert.True(first.Equals(again), $"seed {seed}: {first} became {again}");
            var hasEmptyKey = HasEmptyKey(first.Response.Headers) || HasEmptyKey(first.Response.Trailers);
            Assert.True(hasEmptyKey || first.CalculateSize() + 5 == encoded.Length, $"seed {seed}");
        }
    }

    [Fact]
    public async Task GeneratedUnaryMessages_DecodeAndEncodeToTheSame()
    {
        for (var seed = 0; seed < Rounds; seed++)
        {
            var messages = new RandomPeerMessages(seed);
            var random = new Random(seed);
            var request = messages.Request(withValue: true);
            var reader = PeerWire.Reader(new ScriptedInput(PeerWire.Frame(request), () => random.Next(1, 400)), unary: true);
            var requestHead = await reader.ReadHead<PeerRequestHead>();
            var (body, _) = await reader.ReadBody();
            Assert.Equal(request.Message.Data.Value.ToByteArray(), body);
            Assert.Equal(request.Message.Data.TypeUrl, Encoding.UTF8.GetString(requestHead.TypeUrl));
            request.Actor = null;
            var encoded = PeerWire.Encoded(output => PeerRequestEncoder.WriteUnary(output, requestHead.Fields, new(body), PeerWire.Limit));
            Assert.Equal(request, InternalInvokeRequest.Parser.ParseFrom(encoded.AsSpan(5)));

            var response = messages.Response(withValue: true);
            reader = PeerWire.Reader(new ScriptedInput(PeerWire.Frame(response), () => random.Next(1, 400)), unary: true);
            var responseHead = await reader.ReadHead<PeerResponseHead>();
            (body, _) = await reader.ReadBody();
            Assert.Equal(response.Message.Data.Value.ToByteArray(), body);
            encoded = PeerWire.Encoded(output => PeerResponseEncoder.WriteUnary(output, responseHead.Fields, new(body), PeerWire.Limit));
            Assert.Equal(response, InternalInvokeResponse.Parser.ParseFrom(encoded.AsSpan(5)));
        }
    }

    [Fact]
    public async Task HeadInOtherOrderAndParts_MergesAsGeneratedCodeDoes()
    {
        for (var seed = 0; seed < Rounds; seed++)
        {
            var messages = new RandomPeerMessages(seed);
            var one = new InternalInvokeResponseStream { Response = messages.Response(withValue: false) };
            var two = new InternalInvokeResponseStream { Response = messages.Response(withValue: false) };
            var payload = new InternalInvokeResponseStream { Payload = new StreamPayload { Data = messages.Bytes(500) } };
            var unknown = PeerWire.Hex("a20601789a0603616263f8067bf9060102030405060708fd0601020304");
            byte[][] parts = seed % 2 == 0
                ? [one.ToByteArray(), unknown, two.ToByteArray(), payload.ToByteArray()]
                : [payload.ToByteArray(), one.ToByteArray(), unknown, two.ToByteArray()];
            var message = PeerWire.Join(parts);
            var expected = InternalInvokeResponseStream.Parser.ParseFrom(message);
            var random = new Random(seed);
            var reader = PeerWire.Reader(new ScriptedInput(PeerWire.Frame(message), () => random.Next(1, 200)));
            var head = await reader.ReadHead<PeerResponseHead>();
            var (body, error) = await reader.ReadBody();

            Assert.Null(error);
            Assert.Equal(expected.Payload.Data.ToByteArray(), body);
            Assert.Equal(expected.Response.Status.Code, head.StatusCode);
            Assert.Equal(expected.Response.Status.Message, Encoding.UTF8.GetString(head.StatusMessage));
            Assert.Equal(expected.Response.Status.Details, Status.Parser.ParseFrom(head.StatusDetails).Details);
            Assert.Equal(expected.Response.Message?.ContentType ?? "", Encoding.UTF8.GetString(head.ContentType));
            Assert.Equal(expected.Response.Message is not null, head.HasMessage);
            CheckMap(expected.Response.Headers, head.Headers);
            CheckMap(expected.Response.Trailers, head.Trailers);
        }
    }

    [Fact]
    public async Task ManyMessages_AnyCuts_TheWholeBody()
    {
        for (var seed = 0; seed < 60; seed++)
        {
            var messages = new RandomPeerMessages(seed);
            var random = new Random(seed);
            var parts = new List<byte[]> { PeerWire.Frame(messages.FirstRequest(3000)) };
            ulong seq = InternalInvokeRequestStream.Parser.ParseFrom(parts[0].AsSpan(5)).Payload is null ? 0u : 1u;
            var body = new List<byte>(InternalInvokeRequestStream.Parser.ParseFrom(parts[0].AsSpan(5)).Payload?.Data.ToByteArray() ?? []);
            for (var i = 0; i < 100; i++)
            {
                var later = new InternalInvokeRequestStream { Payload = new StreamPayload { Data = messages.Bytes(i % 7 == 0 ? 20_000 : 200), Seq = seq++ } };
                if (random.Next(4) == 0)
                {
                    later.Request = new InternalInvokeRequest { Ver = random.Next(2) };
                }

                body.AddRange(later.Payload.Data);
                parts.Add(PeerWire.Frame(later, gzip: random.Next(8) == 0));
                if (random.Next(5) == 0)
                {
                    parts.Add(PeerWire.Frame(new InternalInvokeRequestStream()));
                }
            }

            var input = new ScriptedInput(PeerWire.Join([.. parts]), () => random.Next(1, random.Next(1, 20_000)), isAsync: seed % 2 == 0);
            var reader = PeerWire.Reader(input, "gzip");
            await reader.ReadHead<PeerRequestHead>();
            var (bytes, error) = await ReadErratically(reader, random, body.Count);

            Assert.True(error is null, $"seed {seed}: {error?.Message}");
            Assert.True(body.SequenceEqual(bytes), $"seed {seed}");
        }
    }

    /// <summary>Consumes and examines whatever the random numbers say, as a parser of the body might.</summary>
    private static async Task<(byte[] Bytes, Exception? Error)> ReadErratically(PeerMessageReader reader, Random random, int total)
    {
        var body = new List<byte>();
        long mustGrowBeyond = -1;
        while (true)
        {
            var result = await reader.ReadAsync();
            var buffer = result.Buffer;
            Assert.True(buffer.Length > mustGrowBeyond || result.IsCompleted, "returned what was examined already");
            var consumed = random.Next(3) == 0 ? buffer.Length : random.NextInt64(buffer.Length + 1);

            // What is left must not reach a window: a sender could not go on.
            consumed = Math.Max(consumed, buffer.Length - 30_000);
            var examined = random.Next(2) == 0 ? buffer.Length : random.NextInt64(consumed, buffer.Length + 1);
            foreach (var piece in buffer.Slice(0, consumed))
            {
                body.AddRange(piece.Span);
            }

            mustGrowBeyond = examined == buffer.Length ? buffer.Length - consumed : -1;
            var isEnd = result.IsCompleted && consumed == buffer.Length;
            reader.AdvanceTo(buffer.GetPosition(consumed), buffer.GetPosition(examined));
            if (isEnd)
            {
                Assert.Equal(total, body.Count);
                return ([.. body], null);
            }
        }
    }

    /// <summary>Go writes an empty key, the C# classes leave it out, so sizes differ.</summary>
    private static bool HasEmptyKey(MapField<string, ListStringValue> map) => map.ContainsKey("");

    private static void CheckMap(MapField<string, ListStringValue> expected, HeaderList actual)
    {
        var names = new Dictionary<string, List<string>>();
        for (var i = 0; i < actual.Count; i++)
        {
            var name = Encoding.UTF8.GetString(actual.Name(i));
            if (!names.TryGetValue(name, out var values))
            {
                names[name] = values = [];
            }

            values.Add(Encoding.UTF8.GetString(actual.Value(i)));
        }

        Assert.Equal(expected.Count, names.Count);
        foreach (var (name, list) in expected)
        {
            Assert.Equal(list.Values, names[name]);
        }
    }
}
