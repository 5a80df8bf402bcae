using System.Buffers;
using System.IO.Compression;
using System.Text;
using FastSidecar.Protocol.Peer;
using FastSidecar.Tests.Protocol;
using FastSidecar.Transport.Headers;
using Xunit;

namespace FastSidecar.Fuzz;

/// <summary>
/// Any bytes from another sidecar, as stream and as unary call: head, body and error are the same however they are cut and however little
/// arrives at a time.
/// </summary>
public sealed class PeerMessageReaderFuzz
{
    private const int MaxMessageBytes = 1000;

    private static readonly byte[] FirstRequest = Encode(output => PeerRequestEncoder.WriteFirst(output, Request(), Bytes("hello"), MaxMessageBytes));

    private static readonly byte[] FirstResponse = Encode(output => PeerResponseEncoder.WriteFirst(output, Response(), Bytes("hello"), MaxMessageBytes));

    /// <summary>A later message of a stream: payload number 1 with four bytes.</summary>
    private static readonly byte[] Later = [0, 0, 0, 0, 10, 0x12, 8, 0x0a, 4, 1, 2, 3, 4, 0x10, 1];

    private static readonly byte[][] Seeds =
    [
        [.. FirstRequest, .. Later],
        [.. FirstResponse, .. Later],
        Gzip(FirstRequest),
        [.. FirstResponse, .. Gzip(Later)],
        [0, 0, 0, 0, 0, .. FirstRequest],
        [0, 0, 0, 0, 12, 0x12, 3, 0x0a, 1, 9, 0x0a, 5, 0x12, 3, 0x0a, 1, 9],
    ];

    [Fact]
    public void AnyBytes() => FuzzRun.Run(Seeds, Read);

    private static void Read(byte[] bytes, Random random)
    {
        var encoding = PeerEncoding.Parse(random.Next(4) == 0 ? default : "gzip"u8);
        var isUnary = random.Next(3) == 0;
        var steps = new Random(random.Next());
        Same<PeerRequestHead>(bytes, encoding, isUnary, steps, head => $"{head.Version} {Text(head.Method)} {Text(head.ContentType)} {Text(head.TypeUrl)} {head.Verb} {Text(head.Query)} {Text(head.Metadata)}");
        Same<PeerResponseHead>(bytes, encoding, isUnary, steps, head => $"{head.StatusCode} {Text(head.StatusMessage)} {Text(head.ContentType)} {Text(head.TypeUrl)} {Text(head.Headers)} {Text(head.Trailers)}");
    }

    private static void Same<THead>(byte[] bytes, PeerEncoding encoding, bool isUnary, Random steps, Func<THead, string> show)
        where THead : PeerHead, new()
    {
        var expected = Outcome(ScriptedInput.Whole(bytes), encoding, isUnary, show);
        Assert.Equal(expected, Outcome(new ScriptedInput(bytes, () => steps.Next(1, 40)), encoding, isUnary, show));
    }

    private static string Outcome<THead>(ScriptedInput input, PeerEncoding encoding, bool isUnary, Func<THead, string> show)
        where THead : PeerHead, new()
    {
        var reader = new PeerMessageReader();
        reader.Start(new PeerInput(input, encoding, MaxMessageBytes, isUnary, End: null));
        var text = new StringBuilder();
        try
        {
            var head = new THead();
            Done(reader.ReadHeadAsync(head, CancellationToken.None).AsTask());
            text.Append(show(head)).Append(" body ");
            while (true)
            {
                var result = Done(reader.ReadAsync().AsTask());
                Assert.True(result.IsCompleted || !result.Buffer.IsEmpty, "a read that gave nothing");
                text.Append(Convert.ToHexString(result.Buffer.ToArray()));
                reader.AdvanceTo(result.Buffer.End);
                if (result.IsCompleted)
                {
                    return text.ToString();
                }
            }
        }
        catch (PeerMessageException e)
        {
            return text.Append(' ').Append(e.Code).Append(' ').Append(e.Message).ToString();
        }
        finally
        {
            reader.Complete();
            Assert.True(input.IsComplete);
        }
    }

    /// <summary>The input never waits, so neither does the reader.</summary>
    private static T Done<T>(Task<T> task)
    {
        Assert.True(task.IsCompleted, "waits though the input has bytes");
        return task.GetAwaiter().GetResult();
    }

    private static void Done(Task task)
    {
        Assert.True(task.IsCompleted, "waits though the input has bytes");
        task.GetAwaiter().GetResult();
    }

    private static PeerRequestFields Request() => new(List("Accept", "*/*", "X-A", "1"))
    {
        Method = "api/x"u8,
        ContentType = "text/plain"u8,
        Verb = FastSidecar.Protocol.HttpVerb.Put,
        Query = "a=1"u8,
    };

    private static PeerResponseFields Response() => new(List("Content-Type", "text/plain", "X-B", "2")) { ContentType = "text/plain"u8, StatusCode = 200 };

    private static HeaderList List(params string[] namesAndValues)
    {
        var list = new HeaderList();
        for (var i = 0; i < namesAndValues.Length; i += 2)
        {
            list.Add(Encoding.ASCII.GetBytes(namesAndValues[i]), Encoding.ASCII.GetBytes(namesAndValues[i + 1]));
        }

        return list;
    }

    private static ReadOnlySequence<byte> Bytes(string text) => new(Encoding.ASCII.GetBytes(text));

    private static byte[] Encode(Action<IBufferWriter<byte>> write)
    {
        var output = new ArrayBufferWriter<byte>();
        write(output);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>The same message, compressed.</summary>
    private static byte[] Gzip(byte[] framed)
    {
        var packed = new MemoryStream();
        using (var stream = new GZipStream(packed, CompressionLevel.Fastest))
        {
            stream.Write(framed, 5, framed.Length - 5);
        }

        var message = packed.ToArray();
        return [1, 0, 0, (byte)(message.Length >> 8), (byte)message.Length, .. message];
    }

    private static string Text(ReadOnlySpan<byte> bytes) => Convert.ToHexString(bytes);

    private static string Text(HeaderList list) =>
        string.Join(' ', Enumerable.Range(0, list.Count).Select(i => $"{Convert.ToHexString(list.Name(i))}={Convert.ToHexString(list.Value(i))}"));
}
