using System.Text;

namespace FastSidecar.Transport.Http1;

/// <summary>
/// The first field of each name that a response's framing follows from, noted while the head is read so that nobody searches for it. An
/// index into the head's list, or −1.
/// </summary>
internal struct FramingFields()
{
    public static ReadOnlySpan<byte> ConnectionName => "Connection"u8;

    public static ReadOnlySpan<byte> ContentLengthName => "Content-Length"u8;

    public static ReadOnlySpan<byte> TransferEncodingName => "Transfer-Encoding"u8;

    public int Connection { get; private set; } = -1;

    public int ContentLength { get; private set; } = -1;

    public int TransferEncoding { get; private set; } = -1;

    /// <summary>A field of that name is about to stand at that index.</summary>
    public void Note(ReadOnlySpan<byte> name, int index)
    {
        switch (name.Length)
        {
            case 10 when Connection < 0 && Is(name, ConnectionName):
                Connection = index;
                break;
            case 14 when ContentLength < 0 && Is(name, ContentLengthName):
                ContentLength = index;
                break;
            case 17 when TransferEncoding < 0 && Is(name, TransferEncodingName):
                TransferEncoding = index;
                break;
        }
    }

    private static bool Is(ReadOnlySpan<byte> name, ReadOnlySpan<byte> usual) =>
        name.SequenceEqual(usual) || Ascii.EqualsIgnoreCase(name, usual);
}
