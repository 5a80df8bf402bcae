using System.Globalization;
using FastSidecar.Transport.Http2;
using FastSidecar.Transport.Http2.Frames;
using Xunit;

namespace FastSidecar.Fuzz;

/// <summary>
/// Any bytes of an HTTP/2 connection: the same frames and the same error however they are cut, and all of a DATA frame's length accounted
/// for.
/// </summary>
public sealed class FrameReaderFuzz
{
    private const int MaxFrameBytes = 300;

    private static readonly byte[][] Seeds =
    [
        [.. FrameReader.ClientPreface, 0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0xff, 0xff, 0, 0, 0, 4, 1, 0, 0, 0, 0],
        [0, 0, 5, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 0, 0, 0, 0, 1, 0, 0, 0, 1],
        [0, 0, 8, 0, 8, 0, 0, 0, 3, 4, 1, 2, 3, 0, 0, 0, 0, 0, 0, 1, 0, 9, 0, 0, 0, 3, 0],
        [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 4, 8, 0, 0, 0, 0, 5, 0, 0, 1, 0],
        [0, 0, 4, 0x42, 0xff, 0, 0, 0, 7, 1, 2, 3, 4, 0, 0, 3, 1, 4, 0, 0, 0, 1, 0x82, 0x86, 0x84],
        [0, 1, 44, 1, 4, 0, 0, 0, 1, .. new byte[300]],
    ];

    [Fact]
    public void AnyBytes() => FuzzRun.Run(Seeds, Read);

    private static void Read(byte[] bytes, Random random)
    {
        var expectPreface = bytes is [(byte)'P', ..];
        var expected = new Recorder();
        var whole = new FrameReader(expected, MaxFrameBytes, expectPreface);
        expected.Try(() => whole.Read(bytes));

        var actual = new Recorder();
        var pieces = new FrameReader(actual, MaxFrameBytes, expectPreface);
        actual.Try(() =>
        {
            foreach (var piece in Segments.Cut(bytes, random))
            {
                pieces.Read(piece.Span);
            }
        });
        Assert.Equal(expected.Events, actual.Events);
        Assert.Equal(whole.OpenDataStreamId, pieces.OpenDataStreamId);
        whole.Release();
        pieces.Release();
    }

    private sealed class Recorder : IFrameReceiver
    {
        private FrameHeader _data;
        private int _dataBytes;
        private string _dataText = "";

        public List<string> Events { get; } = [];

        public void OnFrame(FrameHeader header, ReadOnlySpan<byte> payload)
        {
            Assert.True(header.Type != FrameType.Data && header.Length <= MaxFrameBytes);
            Assert.Equal(header.Type > FrameType.Continuation ? 0 : header.Length, payload.Length);
            Events.Add($"{header} {Convert.ToHexString(payload)}");
        }

        public void OnDataStart(FrameHeader header)
        {
            Assert.InRange(header.Length, 0, MaxFrameBytes);
            (_data, _dataBytes, _dataText) = (header, 0, "");
        }

        public void OnData(ReadOnlySpan<byte> bytes)
        {
            _dataBytes += bytes.Length;
            _dataText += Convert.ToHexString(bytes);
        }

        public void OnDataEnd(int paddingBytes)
        {
            Assert.Equal(_data.Length, _dataBytes + paddingBytes);
            Events.Add(string.Create(CultureInfo.InvariantCulture, $"{_data} {_dataText} padded by {paddingBytes}"));
            _dataText = "";
        }

        public void Try(Action read)
        {
            try
            {
                read();
            }
            catch (Http2ConnectionException e)
            {
                Events.Add(e.Message);
            }

            Events.Add($"open: {_dataText}");
        }
    }
}
