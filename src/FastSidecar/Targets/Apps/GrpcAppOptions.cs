namespace FastSidecar.Targets.Apps;

/// <summary>How the own app is reached over gRPC.</summary>
internal sealed record GrpcAppOptions
{
    /// <summary>host:port.</summary>
    public required string Address { get; init; }

    /// <summary>The app speaks TLS.</summary>
    public bool Tls { get; init; }

    /// <summary>Sent as <c>dapr-api-token</c> with every call of the app; empty = none (environment APP_API_TOKEN).</summary>
    public string ApiToken { get; init; } = "";

    /// <summary>Most bytes of one message, either way; Dapr's body limit.</summary>
    public int MaxMessageBytes { get; init; } = 4 << 20;
}
