namespace FastSidecar.Targets.Apps;

/// <summary>How the own app is reached over HTTP.</summary>
internal sealed record HttpAppOptions
{
    /// <summary>Host of the app: an IP address or a name. Dapr's default.</summary>
    public string Address { get; init; } = "127.0.0.1";

    public int Port { get; init; }

    /// <summary>Sent as <c>dapr-api-token</c> with every request to the app; empty = none (environment APP_API_TOKEN).</summary>
    public string ApiToken { get; init; } = "";

    /// <summary>
    /// An app that gets no trace context from the caller gets an all-zero one; off when the Configuration's samplingRate is the number 0.
    /// </summary>
    public bool TraceHeaders { get; init; } = true;

    /// <summary>Most bytes of the app's response head; Dapr ties it to --read-buffer-size.</summary>
    public int MaxResponseHeadBytes { get; init; } = 4096;
}
