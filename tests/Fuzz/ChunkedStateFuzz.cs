using System.Buffers;
using System.Text;
using FastSidecar.Transport.Http1;
using Xunit;

namespace FastSidecar.Fuzz;

/// <summary>Any bytes as a chunked body: the same data, end and error however they are cut and however little arrives at a time.</summary>
public sealed class ChunkedStateFuzz
{
    private const int MaxTrailerBytes = 100;

    private static readonly byte[][] Seeds =
    [
        .. new[]
        {
            "5\r\nhello\r\n0\r\n\r\n",
            "A;name=value\r\n0123456789\r\n1 \r\nx\r\n0\r\nX-Trailer: y\r\n\r\nHTTP/1.1 200 OK",
            "00001\r\na\r\n0\r\n\n",
            "7fffffffffffffff\r\nabc",
            "1" + new string(' ', 70) + ";x\r\na\r\n0\r\n\r\n",
        }.Select(Encoding.ASCII.GetBytes),
    ];

    [Fact]
    public void AnyBytes() => FuzzRun.Run(Seeds, Read);

    private static void Read(byte[] bytes, Random random)
    {
        var expected = Outcome(bytes, random: null);
        Assert.Equal(expected, Outcome(bytes, random));
        Assert.Equal(expected, Outcome(bytes, random));
    }

    /// <summary>The data, the error's text if there is one, where the body ends. Without a random source all bytes come at once in one piece.</summary>
    private static string Outcome(byte[] bytes, Random? random)
    {
        var state = default(ChunkedState);
        var data = new StringBuilder();
        var consumed = 0;
        var arrived = 0;
        try
        {
            while (arrived < bytes.Length && !state.IsDone)
            {
                arrived = random is null ? bytes.Length : Math.Min(arrived + random.Next(1, 60), bytes.Length);
                var rest = random is null ? new ReadOnlySequence<byte>(bytes) : Segments.Cut(bytes[consumed..arrived], random);
                Take(ref state, ref rest, data);
                consumed = arrived - (int)rest.Length;
            }

            return $"{data} {state.IsDone} {consumed}";
        }
        catch (Http1ResponseException e)
        {
            return $"{data} {e.Message}";
        }
    }

    private static void Take(ref ChunkedState state, ref ReadOnlySequence<byte> rest, StringBuilder data)
    {
        while (true)
        {
            var piece = state.Next(ref rest, MaxTrailerBytes);
            if (piece.IsEmpty)
            {
                return;
            }

            data.Append(Convert.ToHexString(piece.ToArray()));
            rest = rest.Slice(piece.Length);
            state = state.Skip(piece.Length);
        }
    }
}
