namespace FastSidecar.Transport.Channels;

/// <summary>Connecting to a peer failed; no byte of a request was sent.</summary>
public sealed class ChannelConnectException : IOException
{
    public ChannelConnectException(string message, Exception? inner)
        : base(message, inner)
    {
    }
}
