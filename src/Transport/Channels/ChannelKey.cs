namespace FastSidecar.Transport.Channels;

/// <summary>
/// Which connections may be shared: the full value, never a hash of it. <paramref name="Identity"/> is the TLS identity we act under and
/// <paramref name="ExpectedPeer"/> the SPIFFE path the peer must prove; both empty in cleartext.
/// </summary>
/// <param name="Address">host:port, where host is an IPv4 address, an IPv6 address in brackets, or a name.</param>
/// <param name="Identity">The TLS identity, see above.</param>
/// <param name="ExpectedPeer">The peer's path, see above.</param>
public readonly record struct ChannelKey(string Address, string Identity, string ExpectedPeer)
{
    /// <summary>Of the address alone, which rarely has more than one identity.</summary>
    public override int GetHashCode() => Address.GetHashCode(StringComparison.Ordinal);
}
