using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Text;
using FastSidecar.Protocol;
using FastSidecar.Protocol.Grpc;
using FastSidecar.Protocol.Peer;
using FastSidecar.Tests.Wire;
using FastSidecar.Transport.Buffers;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Xunit;

namespace FastSidecar.Tests.Protocol.Grpc;

/// <summary>What a gRPC app is sent and answers, against protobuf classes generated from a description of the same messages.</summary>
public sealed class OnInvokeOracleTests
{
    private const int Rounds = 300;
    private const int Limit = 1 << 20;

    [Fact]
    public void Requests_AreByteForByteWhatTheOracleWrites()
    {
        for (var seed = 0; seed < Rounds; seed++)
        {
            var random = new Random(seed);
            var body = Bytes(random, 300_000);
            var message = new InvokeRequest
            {
                Method = Text(random),
                Data = new Any { TypeUrl = Text(random), Value = ByteString.CopyFrom(body) },
                ContentType = Text(random),
                HttpExtension = random.Next(3) == 0 ? null : new HttpExtension { Verb = random.Next(11), Querystring = Text(random) },
            };
            using var output = new PooledBufferWriter();
            var request = new OnInvokeRequest
            {
                Method = Encoding.UTF8.GetBytes(message.Method),
                TypeUrl = Encoding.UTF8.GetBytes(message.Data.TypeUrl),
                ContentType = Encoding.UTF8.GetBytes(message.ContentType),
                HasHttpExtension = message.HttpExtension is not null,
                Verb = (HttpVerb)(message.HttpExtension?.Verb ?? 0),
                Query = Encoding.UTF8.GetBytes(message.HttpExtension?.Querystring ?? ""),
            };
            request.Write(output, body);

            Assert.Equal(0, output.WrittenSpan[0]);
            Assert.Equal(message.CalculateSize(), BinaryPrimitives.ReadInt32BigEndian(output.WrittenSpan[1..]));
            Assert.Equal(message.CalculateSize(), request.MessageBytes(body.Length));
            Assert.True(message.ToByteArray().AsSpan().SequenceEqual(output.WrittenSpan[5..]), $"seed {seed}");
        }
    }

    [Fact]
    public void TextThatIsNotUtf8_IsRefusedBeforeAnythingIsWritten()
    {
        using var output = new PooledBufferWriter();
        var refused = Assert.Throws<PeerMessageException>(() => new OnInvokeRequest { Method = [0xff] }.Write(output, "x"u8));
        Assert.Equal("grpc: error while marshaling: string field contains invalid UTF-8", refused.Text);
        Assert.Equal(0, output.WrittenCount);
    }

    [Fact]
    public async Task Responses_AreReadAsTheOracleWroteThem()
    {
        var response = new OnInvokeResponse();
        for (var seed = 0; seed < Rounds; seed++)
        {
            var random = new Random(seed);
            var message = new InvokeResponse
            {
                Data = random.Next(4) == 0 ? null : new Any { TypeUrl = Text(random), Value = ByteString.CopyFrom(Bytes(random, 300_000)) },
                ContentType = Text(random),
            };
            var framed = new byte[5 + message.CalculateSize()];
            BinaryPrimitives.WriteInt32BigEndian(framed.AsSpan(1), message.CalculateSize());
            message.ToByteArray().CopyTo(framed, 5);
            var reader = new PeerMessageReader();
            reader.Start(new PeerInput(PipeReader.Create(new MemoryStream(framed)), default, Limit, IsUnary: true, End: null));
            await reader.ReadHeadAsync(response, CancellationToken.None);
            using var body = new MemoryStream();
            await reader.CopyToAsync(body);
            reader.Release();

            Assert.Equal(message.Data is not null, response.HasData);
            Assert.Equal(message.Data?.TypeUrl ?? "", Encoding.UTF8.GetString(response.TypeUrl));
            Assert.Equal(message.ContentType, Encoding.UTF8.GetString(response.ContentType));
            Assert.Equal(message.Data?.Value.ToByteArray() ?? [], body.ToArray());
        }
    }

    private static string Text(Random random) => random.Next(4) switch
    {
        0 => "",
        1 => new string('é', random.Next(1, 100)),
        2 => new string('x', random.Next(1, 20_000)),
        _ => "text/plain",
    };

    private static byte[] Bytes(Random random, int most)
    {
        var bytes = new byte[random.Next(3) == 0 ? 0 : random.Next(2) == 0 ? random.Next(200) : random.Next(most)];
        random.NextBytes(bytes);
        return bytes;
    }
}
