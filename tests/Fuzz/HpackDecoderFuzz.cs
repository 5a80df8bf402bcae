using System.Buffers;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Hpack;
using Xunit;

namespace FastSidecar.Fuzz;

/// <summary>
/// Any bytes: fields or an HpackException, the same whole and in pieces, within the limit, and what was read can be sent on.
/// </summary>
public sealed class HpackDecoderFuzz
{
    private const int MaxListBytes = 8 * 1024;

    private static readonly byte[][] Seeds =
    [
        .. new[]
        {
            "828684410f7777772e6578616d706c652e636f6d", // RFC 7541 C.3
            "828684be58086e6f2d6361636865",
            "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
            "828684418cf1e3c2e5f23a6ba0ab90f4ff", // C.4
            "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
            "3fe10188c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab", // C.6, table of 256 bytes
            "100870617373776f726406736563726574", // C.2.3
            "203fe11f400161016240016101627e0162bebfc0", // size updates, indices into the dynamic table
            "8386449d62ae15d3a17d8ca58ea5c6a7a4b60a1c1d2d8bd6ab21d8bec5ff",
        }.Select(Convert.FromHexString),
    ];

    [Fact]
    public void AnyBytes() => FuzzRun.Run(Seeds, Decode);

    private static void Decode(byte[] bytes, Random random)
    {
        var whole = new HpackDecoder(MaxListBytes);
        var pieces = new HpackDecoder(MaxListBytes);
        var fields = new HeaderList();
        var fieldsOfPieces = new HeaderList();
        var blocks = random.Next(1, 4); // the same block again meets the table that it left behind
        for (var i = 0; i < blocks; i++)
        {
            fields.Clear();
            fieldsOfPieces.Clear();
            var error = Try(() => whole.Decode(bytes, fields));
            var errorOfPieces = Try(() => pieces.Decode(Segments.Cut(bytes, random), fieldsOfPieces));
            Assert.Equal(error, errorOfPieces);
            AssertSame(fields, fieldsOfPieces);
            Assert.InRange(SizeOf(fields), 0, MaxListBytes);
            if (error is not null)
            {
                return;
            }

            var output = new ArrayBufferWriter<byte>();
            new HpackEncoder().Encode(fields, output);
            fieldsOfPieces.Clear();
            new HpackDecoder(MaxListBytes).Decode(output.WrittenSpan, fieldsOfPieces);
            AssertSame(fields, fieldsOfPieces);
        }
    }

    private static string? Try(Action action)
    {
        try
        {
            action();
            return null;
        }
        catch (HpackException e)
        {
            return e.Message;
        }
    }

    private static int SizeOf(HeaderList list) => Enumerable.Range(0, list.Count).Sum(i => list.Name(i).Length + list.Value(i).Length + 32);

    private static void AssertSame(HeaderList expected, HeaderList actual)
    {
        Assert.Equal(expected.Count, actual.Count);
        for (var i = 0; i < expected.Count; i++)
        {
            Assert.True(expected.Name(i).SequenceEqual(actual.Name(i)), $"name of field {i}");
            Assert.True(expected.Value(i).SequenceEqual(actual.Value(i)), $"value of field {i}");
        }
    }
}
