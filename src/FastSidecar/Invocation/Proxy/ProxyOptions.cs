namespace FastSidecar.Invocation.Proxy;

/// <summary>What differs between the two ports that proxied calls come in on.</summary>
internal sealed record ProxyOptions
{
    /// <summary>Limit of one message, both ways (--max-body-size).</summary>
    public required int MaxMessageBytes { get; init; }

    /// <summary>Who calls here.</summary>
    public required ProxyOrigin Origin { get; init; }

    /// <summary>Baggage is looked at and given back, as Dapr's tracing does it while it is on.</summary>
    public bool ChecksBaggage { get; init; } = true;
}
