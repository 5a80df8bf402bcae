namespace FastSidecar.Resolution;

/// <summary>
/// How long a <see cref="CachingResolver"/> keeps addresses. The defaults are Dapr's for mDNS (components-contrib nameresolution/mdns/mdns.go v1.18.4)
/// unless said.
/// </summary>
internal sealed record CachingOptions
{
    /// <summary>An address not seen for this long is forgotten, at the next heartbeat.</summary>
    public TimeSpan AddressLifetime { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Every cached app id is looked up again this often, in the background.</summary>
    public TimeSpan RefreshInterval { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How often lifetimes and refreshes are checked. Ours.</summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// A suspect address (refused, or gone with a goodbye) is trusted again by a sighting only after this long, because answers sent before it went away
    /// still arrive afterwards; and while nothing else is known, this is the least time between two look-ups. Ours.
    /// </summary>
    public TimeSpan SuspectHold { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Most app ids with known addresses; the one unused for longest goes. Ours: far above any real mesh, and about 1 MB when full. Look-ups under way
    /// are not counted: each belongs to a request that waits for it.
    /// </summary>
    public int MaxEntries { get; init; } = 1024;

    /// <summary>Most addresses kept for one app id, so that a peer cannot grow the list without end. Ours.</summary>
    public int MaxAddresses { get; init; } = 256;

    /// <summary>Whether equal ids in different namespaces are different targets. False for mdns and nameformat, which ignore the namespace.</summary>
    public bool KeyIncludesNamespace { get; init; }
}
