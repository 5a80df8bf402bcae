using FastSidecar.Transport.Grpc;

namespace FastSidecar.Protocol;

/// <summary>The HTTP status for a gRPC code that an app or an event stream answered, and the other way (dapr pkg/messaging/v1/util.go v1.18.3).</summary>
internal static class GrpcHttpStatus
{
    /// <summary>The code for an HTTP app's status.</summary>
    public static GrpcStatusCode CodeOf(int status) => status switch
    {
        >= 200 and <= 299 => GrpcStatusCode.OK,
        400 => GrpcStatusCode.Internal,
        401 => GrpcStatusCode.Unauthenticated,
        403 => GrpcStatusCode.PermissionDenied,
        404 => GrpcStatusCode.NotFound,
        408 => GrpcStatusCode.Canceled,
        409 => GrpcStatusCode.AlreadyExists,
        429 => GrpcStatusCode.ResourceExhausted,
        501 => GrpcStatusCode.Unimplemented,
        503 => GrpcStatusCode.Unavailable,
        504 => GrpcStatusCode.DeadlineExceeded,
        _ => GrpcStatusCode.Unknown,
    };

    public static int Of(int code) => code switch
    {
        0 => 200,
        1 => 408,
        3 or 9 or 11 => 400,
        4 => 504,
        5 => 404,
        6 or 10 => 409,
        7 => 403,
        8 => 429,
        12 => 501,
        14 => 503,
        16 => 401,
        _ => 500,
    };
}
