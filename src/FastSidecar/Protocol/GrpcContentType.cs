namespace FastSidecar.Protocol;

/// <summary>
/// Which content types are gRPC: "application/grpc", alone or followed by "+" or ";" (grpc-go internal/grpcutil/method.go).
/// </summary>
internal static class GrpcContentType
{
    public static bool IsGrpc(ReadOnlySpan<byte> contentType)
    {
        var prefix = "application/grpc"u8;
        return contentType.StartsWith(prefix) && (contentType.Length == prefix.Length || contentType[prefix.Length] is (byte)'+' or (byte)';');
    }
}
