namespace FastSidecar.Api.Http;

/// <summary>How one HTTP port behaves.</summary>
internal sealed record HttpApiOptions
{
    /// <summary>
    /// Every request but health checks must carry it as <c>dapr-api-token</c>; empty = no check (environment DAPR_API_TOKEN).
    /// </summary>
    public string ApiToken { get; init; } = "";

    /// <summary>Most bytes of a request head: --read-buffer-size and the 4096 that Go's server adds to it.</summary>
    public int MaxHeadBytes { get; init; } = 8192;

    /// <summary>Null switches CORS off (--allowed-origins).</summary>
    public CorsPolicy? Cors { get; init; }

    /// <summary>Trace context is read and answered; off when the Configuration's samplingRate is the number 0.</summary>
    public bool TraceHeaders { get; init; } = true;
}

/// <summary>Takes one line per finished API call.</summary>
internal interface IApiLog
{
    void Write(HttpExchange exchange, RequestTarget target, TimeSpan duration);
}
