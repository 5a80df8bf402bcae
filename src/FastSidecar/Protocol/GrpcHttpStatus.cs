namespace FastSidecar.Protocol;

/// <summary>The HTTP status for a gRPC code that an app or an event stream answered (dapr pkg/messaging/v1/util.go v1.18.3).</summary>
internal static class GrpcHttpStatus
{
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
