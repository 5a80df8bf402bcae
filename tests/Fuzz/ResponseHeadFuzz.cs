using System.Text;
using FastSidecar.Transport.Http1;
using Xunit;

namespace FastSidecar.Fuzz;

/// <summary>
/// Any bytes as the head of an HTTP/1 response: the same head or error however little arrives at a time, and no field that could be read
/// as two when it is written again.
/// </summary>
public sealed class ResponseHeadFuzz
{
    private const int MaxHeadBytes = 200;

    private static readonly byte[][] Seeds =
    [
        .. new[]
        {
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: 1\r\n\r\nok",
            "HTTP/1.0 404 Not Found\nServer: x\n\n",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 \r\nA:\r\nB: \t c \r\n\r\n",
            "HTTP/1.1 200 OK\r\nX-Folded: a\r\n b\r\n\tc\r\nContent-Type: text/plain\r\n\r\n",
            "HTTP/1.1 200 OK\r\nSpace In Name : x\r\nSet-Cookie: a=b\r\nSet-Cookie: c",
        }.Select(Encoding.ASCII.GetBytes),
    ];

    [Fact]
    public void AnyBytes() => FuzzRun.Run(Seeds, Read);

    private static void Read(byte[] bytes, Random random) => Assert.Equal(Outcome(bytes, () => bytes.Length, random), Outcome(bytes, () => random.Next(1, 40), random));

    /// <summary>The head, or the error's text, and how much of the input belongs to it.</summary>
    private static string Outcome(byte[] bytes, Func<int> nextLength, Random random)
    {
        var head = new ResponseHead(MaxHeadBytes);
        head.Reset();
        var consumed = 0;
        var arrived = 0;
        try
        {
            bool done;
            do
            {
                arrived = Math.Min(arrived + nextLength(), bytes.Length);
                var buffer = Segments.Cut(bytes[consumed..arrived], random);
                done = head.TryRead(ref buffer, ended: arrived == bytes.Length);
                consumed = arrived - (int)buffer.Length;
            }
            while (!done && arrived < bytes.Length);

            return $"{done} {consumed} {head.Status} {head.Version} {head.IsCut} {Fields(head)}";
        }
        catch (Http1ResponseException e)
        {
            return e.Message;
        }
    }

    private static string Fields(ResponseHead head)
    {
        Assert.InRange(head.Status, 0, 999);
        var text = new StringBuilder();
        for (var i = 0; i < head.Headers.Count; i++)
        {
            Assert.Equal(-1, head.Headers.Name(i).IndexOfAnyExceptInRange((byte)'!', (byte)'~'));
            Assert.Equal(-1, head.Headers.Value(i).IndexOfAny("\r\n\0"u8));
            text.Append(Convert.ToHexString(head.Headers.Name(i))).Append('=').Append(Convert.ToHexString(head.Headers.Value(i))).Append(' ');
        }

        return text.ToString();
    }
}
