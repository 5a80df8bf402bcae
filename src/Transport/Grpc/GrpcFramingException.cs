namespace FastSidecar.Transport.Grpc;

/// <summary>
/// A message that the gRPC framing or our limit does not allow. The call fails with <see cref="Code"/>; the message is grpc-go's own text.
/// </summary>
public sealed class GrpcFramingException : IOException
{
    public GrpcFramingException(GrpcStatusCode code, string message)
        : base(message)
    {
        Code = code;
    }

    public GrpcStatusCode Code { get; }
}
