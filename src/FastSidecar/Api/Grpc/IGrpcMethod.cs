namespace FastSidecar.Api.Grpc;

/// <summary>A method that this sidecar serves itself. One object for all its calls.</summary>
internal interface IGrpcMethod
{
    /// <summary>
    /// Reads the request and answers it through <see cref="GrpcCall.Answers"/>. What grpc-go tells of a message that cannot be read the call
    /// tells itself.
    /// </summary>
    ValueTask RunAsync(GrpcCall call);
}
