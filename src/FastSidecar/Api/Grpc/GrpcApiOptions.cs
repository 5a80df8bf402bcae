namespace FastSidecar.Api.Grpc;

/// <summary>What the gRPC API is told.</summary>
internal sealed record GrpcApiOptions
{
    /// <summary>Every call has to show it; empty when none is asked for (DAPR_API_TOKEN).</summary>
    public string ApiToken { get; init; } = "";

    /// <summary>Limit of a message, both ways (--max-body-size); 0 lets only empty ones through, as in Dapr.</summary>
    public int MaxMessageBytes { get; init; } = 4 << 20;

    /// <summary>Baggage is looked at and given back, as Dapr's tracing does it while it is on.</summary>
    public bool ChecksBaggage { get; init; } = true;

    public required string AppId { get; init; }

    public required string Namespace { get; init; }
}
