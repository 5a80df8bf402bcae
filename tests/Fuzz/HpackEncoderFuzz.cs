using System.Buffers;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Hpack;
using Xunit;

namespace FastSidecar.Fuzz;

/// <summary>
/// The input is a program for an encoder: which fields to send, when the peer changes its table. The decoder must follow.
/// </summary>
public sealed class HpackEncoderFuzz
{
    private static readonly string[] Names =
        [":path", ":status", "content-type", "cookie", "traceparent", "x-a", "x-b", "x-with-a-rather-long-name", "grpc-timeout", "date"];

    private static readonly byte[][] Seeds =
    [
        [.. Enumerable.Range(0, 64).Select(i => (byte)i)],
        [.. Enumerable.Range(0, 200).Select(i => (byte)(i * 7))],
        [.. Enumerable.Repeat((byte)0x55, 300)],
        [0xf0, 0x10, 0xf1, 0x00, 0xf2, 0xff, 0x05, 0x05, 0x05, 0xff],
    ];

    [Fact]
    public void AnyLists() => FuzzRun.Run(Seeds, Encode);

    private static void Encode(byte[] program, Random random)
    {
        var encoder = new HpackEncoder(maxTableBytes: 8192);
        var decoder = new HpackDecoder(1 << 24, maxTableBytes: 8192);
        var sent = new HeaderList();
        var received = new HeaderList();
        var output = new ArrayBufferWriter<byte>();
        for (var i = 0; i + 1 < program.Length; i += 2)
        {
            var (what, argument) = (program[i], program[i + 1]);
            if (what >= 0xf0)
            {
                encoder.SetPeerTableBytes(argument * (what - 0xf0L) * 4);
                continue;
            }

            var valueLength = argument % 16 == 0 ? Math.Min(program.Length - i, 1500) : argument % 3;
            sent.Add(System.Text.Encoding.ASCII.GetBytes(Names[what % Names.Length]), program.AsSpan(i, Math.Min(valueLength, program.Length - i)));
            if (what % 4 != 0)
            {
                continue;
            }

            output.Clear();
            encoder.Encode(sent, output);
            received.Clear();
            decoder.Decode(output.WrittenSpan, received);
            Assert.Equal(sent.Count, received.Count);
            for (var field = 0; field < sent.Count; field++)
            {
                Assert.True(sent.Name(field).SequenceEqual(received.Name(field)), $"name of field {field}");
                Assert.True(sent.Value(field).SequenceEqual(received.Value(field)), $"value of field {field}");
            }

            sent.Clear();
        }
    }
}
