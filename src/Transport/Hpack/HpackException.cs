namespace FastSidecar.Transport.Hpack;

/// <summary>
/// A header block that RFC 7541 does not allow. The decoder's table no longer agrees with the peer's, so the connection must end with
/// COMPRESSION_ERROR (RFC 9113 §4.3) and the decoder must not be used again.
/// </summary>
public sealed class HpackException : IOException
{
    public HpackException(string message)
        : base(message)
    {
    }
}
