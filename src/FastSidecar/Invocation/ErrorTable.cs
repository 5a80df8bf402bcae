using FastSidecar.Transport.Grpc;

namespace FastSidecar.Invocation;

/// <summary>
/// Every failure that Dapr names, one line each (dapr pkg/messages/predefined.go, pkg/messaging/direct_messaging.go,
/// pkg/api/grpc/daprinternal.go v1.18.3).
/// </summary>
internal static class ErrorTable
{
    public static readonly InvokeError BodyTooLarge = new(ErrorSide.Self, null, "stream too large");
    public static readonly InvokeError ClientGone = new(ErrorSide.Client, null, "context canceled");
    public static readonly InvokeError Unexpected = new(ErrorSide.Self, null, "the call ended with an unexpected error");
    public static readonly InvokeError ResolverMissing = new(ErrorSide.Self, null, "name resolver not initialized");
    public static readonly InvokeError AppChannelMissing = new(ErrorSide.Self, GrpcStatusCode.Internal, "app channel is not initialized");
    public static readonly InvokeError AppUnhealthy = new(ErrorSide.App, GrpcStatusCode.Internal, "app is not in a healthy state");
    public static readonly InvokeError LocalAppChannelMissing = new(ErrorSide.Self, null, "cannot invoke local endpoint: app channel not initialized");
    public static readonly InvokeError InvalidVerb = new(ErrorSide.Self, GrpcStatusCode.InvalidArgument, "invalid HTTP verb");
    public static readonly InvokeError MissingHttpExtension = new(ErrorSide.Self, GrpcStatusCode.InvalidArgument, "missing HTTP extension field");
    public static readonly InvokeError NoResponse = new(ErrorSide.Peer, null, "EOF");

    /// <summary>A gRPC app was called, but its answer cannot be told as events.</summary>
    public static readonly InvokeError NoEventStream = new(ErrorSide.App, null, "no response received from stream");

    public static InvokeError InvalidMethod(string text) => new(ErrorSide.Self, GrpcStatusCode.InvalidArgument, text);

    public static InvokeError NotResolved(string text) => new(ErrorSide.Self, null, text);

    public static InvokeError UnsupportedVersion(int version) =>
        new(ErrorSide.Peer, GrpcStatusCode.Unimplemented, $"Unsupported spec version: {version}");

    public static InvokeError StreamingUnsupported(string id) =>
        new(ErrorSide.Peer, null, $"target app '{id}' is running a version of Dapr that does not support streaming-based service invocation");

    /// <summary>A gRPC status that the peer sent, or that stands for its connection's failure.</summary>
    public static InvokeError PeerStatus(GrpcStatusCode code, string text) =>
        new(ErrorSide.Peer, code, text, code is GrpcStatusCode.Unavailable or GrpcStatusCode.Unauthenticated);

    public static InvokeError RetriesExhausted(string id, int retries, InvokeError last) =>
        new(last.Side, null, $"failed to invoke target {id} after {retries} retries. Error: {last.Reason}");

    /// <summary>What Go's HTTP client says of a failed call: the verb in title case, the URL, the cause.</summary>
    public static InvokeError AppCall(string verb, string url, string cause) => new(ErrorSide.App, null, $"{verb} \"{url}\": {cause}");

    /// <summary>
    /// The app's answer, or what a peer says was its answer, cannot be sent to an HTTP client. Dapr's server panics over some of them and
    /// mends others.
    /// </summary>
    public static InvokeError UnsendableResponse(string reason) => new(ErrorSide.App, null, "response cannot be sent: " + reason);

    /// <summary>How a callee reports any failure of its app channel to the caller.</summary>
    public static InvokeError AppChannelFailed(InvokeError cause) =>
        new(ErrorSide.App, GrpcStatusCode.Internal, "error invoking app channel: " + cause.Reason);
}
