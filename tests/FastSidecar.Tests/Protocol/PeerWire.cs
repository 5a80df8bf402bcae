using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Pipelines;
using FastSidecar.Protocol.Peer;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Headers;
using Google.Protobuf;

namespace FastSidecar.Tests.Protocol;

/// <summary>Makes and reads peer messages for the tests of the codecs.</summary>
internal static class PeerWire
{
    public const int Limit = 4 * 1024 * 1024;

    public static byte[] Hex(string hex) => Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));

    public static byte[] Frame(IMessage message, bool gzip = false) => Frame(message.ToByteArray(), gzip);

    public static byte[] Frame(byte[] message, bool gzip = false, byte? flag = null)
    {
        if (gzip)
        {
            using var packed = new MemoryStream();
            using (var stream = new GZipStream(packed, CompressionMode.Compress))
            {
                stream.Write(message);
            }

            message = packed.ToArray();
        }

        var framed = new byte[message.Length + 5];
        framed[0] = flag ?? (gzip ? (byte)1 : (byte)0);
        BinaryPrimitives.WriteUInt32BigEndian(framed.AsSpan(1), (uint)message.Length);
        message.CopyTo(framed, 5);
        return framed;
    }

    public static byte[] Join(params byte[][] parts) => [.. parts.SelectMany(part => part)];

    public static HeaderList Headers(params (string Name, string Value)[] fields)
    {
        var headers = new HeaderList();
        foreach (var (name, value) in fields)
        {
            headers.Add(System.Text.Encoding.UTF8.GetBytes(name), System.Text.Encoding.UTF8.GetBytes(value));
        }

        return headers;
    }

    public static byte[] Encoded(Action<IBufferWriter<byte>> write)
    {
        var output = new ArrayBufferWriter<byte>();
        write(output);
        return output.WrittenSpan.ToArray();
    }

    public static PeerMessageReader Reader(
        PipeReader input, string encoding = "", int limit = Limit, bool unary = false, IPeerStreamEnd? end = null)
    {
        var reader = new PeerMessageReader();
        reader.Start(new PeerInput(input, PeerEncoding.Parse(System.Text.Encoding.ASCII.GetBytes(encoding)), limit, unary, end));
        return reader;
    }

    public static async Task<T> ReadHead<T>(this PeerMessageReader reader)
        where T : PeerHead, new()
    {
        var head = new T();
        await reader.ReadHeadAsync(head, CancellationToken.None).AsTask().Within("the head");
        return head;
    }

    /// <summary>Reads the body to its end, or to the error, which is then in <c>Error</c>.</summary>
    public static async Task<(byte[] Bytes, Exception? Error)> ReadBody(this PipeReader reader)
    {
        var body = new List<byte>();
        try
        {
            while (true)
            {
                var result = await reader.ReadAsync().AsTask().Within("the body");
                body.AddRange(result.Buffer.ToArray());
                reader.AdvanceTo(result.Buffer.End);
                if (result.IsCompleted)
                {
                    return ([.. body], null);
                }
            }
        }
        catch (PeerMessageException e)
        {
            return ([.. body], e);
        }
    }
}
