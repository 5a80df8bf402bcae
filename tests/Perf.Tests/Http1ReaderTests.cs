using System.Text;
using FastSidecar.Load;
using Xunit;

namespace FastSidecar.Perf.Tests;

public sealed class Http1ReaderTests
{
    public static TheoryData<string, int, string> Responses => new()
    {
        { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello" },
        { "HTTP/1.1 200 OK\r\ncontent-length:0\r\nX-Other: 7\r\n\r\n", 200, "" },
        { "HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n", 204, "" },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;ext=1\r\n!\r\n0\r\n\r\n", 200, "hello!" },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n", 200, "0123456789" },
        { "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\nno", 503, "no" },
    };

    [Theory]
    [MemberData(nameof(Responses))]
    public void CutAnywhere_TheAnswerIsTheSame(string response, int status, string body)
    {
        var bytes = Encoding.ASCII.GetBytes(response);
        var expected = new Answer(status, body.Length, Body.Hash(Encoding.ASCII.GetBytes(body)));
        for (var cut = 0; cut <= bytes.Length; cut++)
        {
            var reader = new Http1Reader();
            reader.Read(bytes.AsSpan(0, cut));
            Assert.Equal(cut == bytes.Length, reader.IsComplete);
            reader.Read(bytes.AsSpan(cut));
            Assert.True(reader.IsComplete);
            Assert.Equal(expected, reader.Answer);
        }
    }

    [Theory]
    [MemberData(nameof(Responses))]
    public void ByteByByte_AndOnceMoreAfterReset_TheAnswerIsTheSame(string response, int status, string body)
    {
        var reader = new Http1Reader();
        for (var round = 0; round < 2; round++)
        {
            reader.Reset();
            foreach (var one in Encoding.ASCII.GetBytes(response))
            {
                Assert.False(reader.IsComplete);
                reader.Read([one]);
            }

            Assert.Equal(new Answer(status, body.Length, Body.Hash(Encoding.ASCII.GetBytes(body))), reader.Answer);
        }
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nServer: x\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n")]
    [InlineData("SSH-2.0-OpenSSH_9.2 banner\r\n\r\n")]
    public void Malformed_VoidsTheRun(string response) =>
        Assert.Throws<LoadException>(() => new Http1Reader().Read(Encoding.ASCII.GetBytes(response)));

    [Theory]
    [InlineData("Connection: close\r\n", true)]
    [InlineData("Connection: keep-alive\r\n", false)]
    [InlineData("", false)]
    public void ClosingServer_IsKnown(string field, bool closes)
    {
        var reader = new Http1Reader();
        reader.Read(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\n{field}Content-Length: 0\r\n\r\n"));
        Assert.Equal(closes, reader.Closes);
    }
}
