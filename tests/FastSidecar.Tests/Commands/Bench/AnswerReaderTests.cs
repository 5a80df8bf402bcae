using System.Text;
using FastSidecar.Commands.Bench;
using Xunit;

namespace FastSidecar.Tests.Commands.Bench;

public sealed class AnswerReaderTests
{
    private static readonly byte[] Expected = "hello, world"u8.ToArray();

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello, world")]
    [InlineData("HTTP/1.1 200 OK\r\nDate: today\r\ncontent-length:12\r\n\r\nhello, world")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nc\r\nhello, world\r\n0\r\nTrailer: x\r\n\r\n")]
    public void RightAnswer_InPiecesOfAnySize_IsDone(string text)
    {
        var bytes = Encoding.ASCII.GetBytes(text);
        var reader = new AnswerReader(Expected);
        for (var size = 1; size <= bytes.Length; size++)
        {
            reader.Reset();
            for (var at = 0; at < bytes.Length; at += size)
            {
                Assert.False(reader.IsDone);
                reader.Read(bytes.AsSpan(at, Math.Min(size, bytes.Length - at)));
            }

            Assert.True(reader.IsDone);
        }
    }

    [Fact]
    public void EmptyBody_IsDoneWithTheHead()
    {
        var reader = new AnswerReader(ReadOnlyMemory<byte>.Empty);
        reader.Reset();

        reader.Read("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"u8);

        Assert.True(reader.IsDone);
    }

    [Theory]
    [InlineData("HTTP/1.1 500 Internal Server Error\r\n", "500 Internal Server Error")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello, worl", "11 bytes in place of 12")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "0 bytes in place of 12")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nhello, world!", "more than the 12 bytes")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello, World", "wrong bytes")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello, worldH", "1 bytes came behind")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "no number")]
    [InlineData("HTTP/1.1 200 OK\r\n\r\n", "no length")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "transfer coding \"gzip\"")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "5 bytes in place of 12")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n", "chunks of an answer are broken")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhellox\r\n", "chunks of an answer are broken")]
    public void WrongAnswer_IsRefusedWithAReason(string text, string reason)
    {
        var reader = new AnswerReader(Expected);
        reader.Reset();

        var refused = Assert.Throws<BenchException>(() => reader.Read(Encoding.ASCII.GetBytes(text)));

        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
    }
}
