namespace FastSidecar.Resolution.Mdns;

/// <summary>Who is announced over multicast DNS, and where. Defaults are Dapr's unless said (components-contrib nameresolution/mdns/mdns.go v1.18.4).</summary>
internal sealed record MdnsOptions
{
    /// <summary>The app id to announce.</summary>
    public required string AppId { get; init; }

    /// <summary>The IP address peers should call: one address, IPv4 unless the host has only IPv6. A host name is refused at start.</summary>
    public required string Address { get; init; }

    /// <summary>The internal gRPC port.</summary>
    public required int Port { get; init; }

    /// <summary>The full name of this host; with <see cref="ProcessId"/> it makes the instance unique.</summary>
    public required string HostName { get; init; }

    public required int ProcessId { get; init; }

    /// <summary>
    /// Only this interface, whether or not it says that it can do multicast (the loopback does not say so, but can). Null: every one that is up and does.
    /// Ours.
    /// </summary>
    public string? InterfaceName { get; init; }

    /// <summary>An app id nobody has answered for after this long is not found.</summary>
    public TimeSpan FirstAnswerTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a refresh collects answers.</summary>
    public TimeSpan RefreshWindow { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How often interfaces that came or went are looked for; while there is none, every 2 s. Ours: daprd never looks again.</summary>
    public TimeSpan InterfaceScanInterval { get; init; } = TimeSpan.FromSeconds(30);
}
