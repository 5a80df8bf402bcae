using System.Globalization;
using System.Text;

namespace FastSidecar.Load;

/// <summary>The chunked coding of a body (RFC 9112 §7.1): for whoever streams, and does not know the length beforehand.</summary>
internal static class Chunks
{
    /// <param name="size">Bytes of every chunk but the last one, which has the rest.</param>
    public static byte[] Encode(ReadOnlySpan<byte> body, int size)
    {
        using var coded = new MemoryStream();
        while (body.Length > 0)
        {
            var piece = body[..Math.Min(body.Length, size)];
            coded.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{piece.Length:x}\r\n")));
            coded.Write(piece);
            coded.Write("\r\n"u8);
            body = body[piece.Length..];
        }

        coded.Write("0\r\n\r\n"u8);
        return coded.ToArray();
    }
}
