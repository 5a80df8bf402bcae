namespace FastSidecar.Protocol;

/// <summary>
/// Paths of the gRPC methods that Dapr 1.18.3 serves and calls for service invocation (the service definitions under dapr/proto).
/// </summary>
internal static class MethodPaths
{
    public static ReadOnlySpan<byte> CallLocalStream => "/dapr.proto.internals.v1.ServiceInvocation/CallLocalStream"u8;

    public static ReadOnlySpan<byte> CallLocal => "/dapr.proto.internals.v1.ServiceInvocation/CallLocal"u8;

    public static ReadOnlySpan<byte> CallActor => "/dapr.proto.internals.v1.ServiceInvocation/CallActor"u8;

    public static ReadOnlySpan<byte> CallActorReminder => "/dapr.proto.internals.v1.ServiceInvocation/CallActorReminder"u8;

    public static ReadOnlySpan<byte> CallActorStream => "/dapr.proto.internals.v1.ServiceInvocation/CallActorStream"u8;

    /// <summary>Of the public API that apps call.</summary>
    public static ReadOnlySpan<byte> InvokeService => "/dapr.proto.runtime.v1.Dapr/InvokeService"u8;

    /// <summary>What a gRPC app serves.</summary>
    public static ReadOnlySpan<byte> OnInvoke => "/dapr.proto.runtime.v1.AppCallback/OnInvoke"u8;

    public static ReadOnlySpan<byte> AppHealthCheck => "/dapr.proto.runtime.v1.AppCallbackHealthCheck/HealthCheck"u8;
}
