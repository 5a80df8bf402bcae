using System.Text;
using FastSidecar.Transport.Grpc;
using Xunit;

namespace FastSidecar.Fuzz;

/// <summary>
/// Values of gRPC headers: nothing throws, nothing is written beyond the promised length, and what was read can be written.
/// </summary>
public sealed class GrpcHeaderFuzz
{
    private static readonly byte[][] Seeds =
        [.. new[] { "", "nf %E2%82%AC", "50% off %zz", "99999999H", "300m", "AAAAAQAC", "AAE=", "AA==", "14", "-1", "\u00e9\u20ac" }.Select(Encoding.UTF8.GetBytes)];

    [Fact]
    public void AnyBytes() => FuzzRun.Run(Seeds, Read);

    private static void Read(byte[] value, Random random)
    {
        var message = new byte[value.Length];
        message = message[..GrpcMessageEncoding.Decode(value, message)];
        var encoded = new byte[GrpcMessageEncoding.EncodedLength(message)];
        Assert.Equal(encoded.Length, GrpcMessageEncoding.Encode(message, encoded));
        Assert.Equal(-1, encoded.AsSpan().IndexOfAnyExceptInRange((byte)' ', (byte)'~'));
        if (!Encoding.UTF8.GetString(message).Contains('\ufffd'))
        {
            var back = new byte[encoded.Length];
            Assert.Equal(message, back[..GrpcMessageEncoding.Decode(encoded, back)]);
        }

        if (TimeoutHeader.TryParse(value, out var timeout, out _))
        {
            var formatted = new byte[TimeoutHeader.MaxBytes];
            Assert.True(TimeoutHeader.TryParse(formatted.AsSpan(0, TimeoutHeader.Format(timeout, formatted)), out var again, out _));
            Assert.True(again >= timeout);
        }

        var bytes = new byte[BinaryMetadata.MaxDecodedLength(value.Length)];
        if (BinaryMetadata.TryDecode(value, bytes, out var written))
        {
            var text = new byte[BinaryMetadata.EncodedLength(written)];
            BinaryMetadata.Encode(bytes.AsSpan(0, written), text);
            Assert.True(BinaryMetadata.TryDecode(text, bytes, out var writtenAgain));
            Assert.Equal(written, writtenAgain);
        }

        GrpcStatusText.TryParse(value, out _);
    }
}
