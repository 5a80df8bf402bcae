namespace FastSidecar.Resolution;

/// <summary>Turns an app id into the addresses of the sidecars that serve it. Usually asked through a <see cref="CachingResolver"/>.</summary>
internal interface INameResolver
{
    /// <summary>
    /// Looks <paramref name="request"/> up, over the network if need be. Every expected failure is a value (<see cref="ResolveResult.Error"/> with Dapr's
    /// text), given within a time the implementation documents. Safe to call from any thread, also from a socket thread: it never blocks. Throws only
    /// <see cref="OperationCanceledException"/>.
    /// </summary>
    ValueTask<ResolveResult> ResolveAsync(ResolveRequest request, CancellationToken cancellationToken);
}

/// <summary>What is looked up, as Dapr passes it to a resolver (dapr pkg/messaging/direct_messaging.go v1.18.3).</summary>
/// <param name="Id">The app id without its namespace; exact case.</param>
/// <param name="Namespace">The namespace the caller named, else the caller's own. mdns and nameformat ignore it.</param>
/// <param name="Port">The caller's own internal gRPC port.</param>
/// <param name="IsRefresh">An address is known already: take the time to collect all of them instead of answering with the first.</param>
internal readonly record struct ResolveRequest(string Id, string Namespace, int Port, bool IsRefresh = false);

/// <summary>The addresses found, each as <c>host:port</c> with IPv6 in brackets, or the error text for the caller.</summary>
/// <param name="Addresses">Never null; empty exactly when there is an error.</param>
/// <param name="Error">Dapr's text, or null.</param>
/// <param name="IsComplete">The list is everything there is: an address it lacks is gone. False for mDNS, where an answer can be lost.</param>
internal readonly record struct ResolveResult(string[] Addresses, string? Error, bool IsComplete)
{
    public static ResolveResult Found(string[] addresses, bool isComplete) => new(addresses, null, isComplete);

    public static ResolveResult Failed(string error) => new([], error, false);
}

/// <summary>A resolver that also hears of addresses between two look-ups.</summary>
internal interface IAddressFeed
{
    /// <summary>Raised for every sighting, of any app id, on a thread that must not be held up. Handlers must not throw.</summary>
    event Action<AddressSighting>? Sighted;

    /// <summary>
    /// An address was served from the cache in front of this resolver; for its debug log. Called once per request: must cost next to nothing.
    /// </summary>
    void NoteCacheHit(string address);
}

/// <summary>A sidecar said that it is at an address, or that it leaves it.</summary>
/// <param name="AppId">Whose address.</param>
/// <param name="Address">As in <see cref="ResolveResult.Addresses"/>.</param>
/// <param name="IsGoodbye">The sidecar is going away.</param>
internal readonly record struct AddressSighting(string AppId, string Address, bool IsGoodbye);
