namespace FastSidecar.Transport.Http1;

/// <summary>Limits of an <see cref="Http1Client"/>. Defaults are those of Dapr's app channel (dapr pkg/runtime/channels/channels.go v1.18.3).</summary>
public sealed record Http1ClientOptions
{
    /// <summary>Connections open at once; more requests wait.</summary>
    public int MaxConnections { get; init; } = 1024;

    /// <summary>Idle connections kept for long.</summary>
    public int MaxIdleConnections { get; init; } = 64;

    /// <summary>
    /// An idle connection beyond <see cref="MaxIdleConnections"/> is closed after this. Dapr closes it at once (zero does so here), and then
    /// opens and closes a connection for nearly every request once more than that many are under way: it costs as much as all the rest of
    /// a request.
    /// </summary>
    public TimeSpan SurplusIdleTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>An idle connection is closed after this.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(90);

    /// <summary>Connecting gives up after this.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Most bytes of a response head from the status line to the blank line.</summary>
    public int MaxResponseHeadBytes { get; init; } = 4096;
}
